package verb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// kernel is a connection to the kernel's IPVS, and what IPVS says of itself.
type kernel struct {
	*ipvs.Client
	info ipvs.Info
}

// connect dials IPVS, loads its module if it is missing, and asks for Info, which fails without CAP_NET_ADMIN.
func (a *app) connect(ctx context.Context) (*kernel, error) {
	client, err := ipvs.Dial()
	if errors.Is(err, fs.ErrNotExist) {
		if os.Geteuid() != 0 {
			return nil, unavailable(syscall.EPERM)
		}
		var modprobe *exec.ExitError
		if errors.As(ipvs.LoadModule(ctx), &modprobe) {
			a.stderr.Write(modprobe.Stderr)
		}
		client, err = ipvs.Dial()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unavailable(syscall.ENOPROTOOPT)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	info, err := client.Info(ctx)
	if err != nil {
		client.Close()
		return nil, unavailable(err)
	}
	return &kernel{client, info}, nil
}

func unavailable(err error) error {
	var kernelError *ipvs.Error
	if !errors.As(err, &kernelError) {
		kernelError = &ipvs.Error{Err: err}
	}
	//lint:ignore ST1005 the words are the original's
	unavailable := fmt.Errorf("Can't initialize ipvs: %s\nAre you sure that IP Virtual Server is built in the kernel or as module?",
		kernelError.Reason())
	if errors.Is(err, syscall.EPERM) && os.Geteuid() == 0 && !netAdmin() {
		unavailable = &command.Hinted{Err: unavailable, Hints: []string{
			"this is root without the capability CAP_NET_ADMIN: a container needs it added"}}
	}
	return cli.Exit(unavailable, statusUnavailable)
}

// netAdmin reports whether this process has CAP_NET_ADMIN, and true where it cannot tell.
func netAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // of 32 capabilities each
	if unix.Capget(&header, &sets[0]) != nil {
		return true
	}
	return sets[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
