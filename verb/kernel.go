package verb

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"ipvsadm/ipvs"
)

// kernel is a client of IPVS, with the version and size that a listing begins with.
type kernel struct {
	*ipvs.Client
	info ipvs.Info
}

// connect dials IPVS, loads its module if it is missing, and asks for Info, which fails without CAP_NET_ADMIN.
func (a *app) connect(ctx context.Context) (*kernel, error) {
	client, err := a.dial()
	if errors.Is(err, fs.ErrNotExist) {
		if os.Geteuid() != 0 {
			return nil, unavailable(syscall.EPERM)
		}
		var modprobe *exec.ExitError
		if errors.As(ipvs.LoadModule(ctx), &modprobe) {
			a.stderr.Write(modprobe.Stderr)
		}
		client, err = a.dial()
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
