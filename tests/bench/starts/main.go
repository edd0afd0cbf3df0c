//go:build linux

// Starts measures 1000 starts of each program that it is called with, by the processor time of this machine.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const starts = 1000

func main() {
	modprobe := time.Duration(0)
	note := ""
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil {
		// Each program runs modprobe, and then ends with an error.
		modprobe = processorTime("/sbin/modprobe", "--", "ip_vs")
		note = ", less that of modprobe, which both run because this machine's kernel has no IPVS"
	}
	var took []string
	for _, program := range os.Args[1:] {
		took = append(took, fmt.Sprintf("%s %.2f s", program, (processorTime(program, "-L", "--timeout")-modprobe).Seconds()))
	}
	fmt.Printf("\nProcessor time of %d starts (`-L --timeout`) on the machine that ran QEMU%s: %s. This is real time, so it is not repeatable.\n",
		starts, note, strings.Join(took, ", "))
}

func processorTime(words ...string) (took time.Duration) {
	for range starts {
		command := exec.Command(words[0], words[1:]...)
		if err := command.Run(); err != nil && command.ProcessState == nil {
			fmt.Fprintln(os.Stderr, "starts:", err)
			os.Exit(1)
		}
		took += command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	}
	return took
}
