package ipvs

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"
)

const modprobe = "/sbin/modprobe"

// LoadModule loads the kernel's ip_vs module by running /sbin/modprobe, for when Dial says that the kernel does not
// know IPVS. What modprobe had to complain of is in the error's text.
func LoadModule(ctx context.Context) error {
	return loadModule(ctx, modprobe)
}

func loadModule(ctx context.Context, program string) error {
	var complaint bytes.Buffer
	command := exec.CommandContext(ctx, program, "ip_vs")
	command.Env = []string{} // not nil, which would mean ours: a variable must not change what root's modprobe does
	command.Stderr = &complaint
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		if text := bytes.TrimSpace(complaint.Bytes()); len(text) > 0 {
			return fmt.Errorf("ipvs: load module ip_vs: %w: %s", err, text)
		}
		return fmt.Errorf("ipvs: load module ip_vs: %w", err)
	}
	return nil
}
