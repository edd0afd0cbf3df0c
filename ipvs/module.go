package ipvs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const modprobe = "/sbin/modprobe"

// LoadModule loads the kernel's ip_vs module by running /sbin/modprobe, for when Dial says that the kernel does not
// know IPVS. What modprobe had to complain of is in the error's text, and in the *exec.ExitError that it wraps.
func LoadModule(ctx context.Context) error {
	return loadModule(ctx, modprobe)
}

func loadModule(ctx context.Context, program string) error {
	command := exec.CommandContext(ctx, program, "ip_vs")
	command.Env = []string{} // not nil, which would mean ours: a variable must not change what root's modprobe does
	command.WaitDelay = time.Second
	_, err := command.Output()
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("ipvs: load module ip_vs: %w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return fmt.Errorf("ipvs: load module ip_vs: %w", err)
}
