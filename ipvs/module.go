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

// LoadModule loads the kernel's module ip_vs by running /sbin/modprobe, for when Dial fails with fs.ErrNotExist. The error
// has what modprobe printed in its text, and wraps an *exec.ExitError.
func LoadModule(ctx context.Context) error {
	return loadModule(ctx, modprobe)
}

func loadModule(ctx context.Context, program string) error {
	command := exec.CommandContext(ctx, program, "ip_vs")
	command.Env = []string{} // not nil, which means our variables: they must not change what root's modprobe does
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
