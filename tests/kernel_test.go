// Package tests holds the tests that need a kernel with IPVS. They run in the lab, whose kernel, names and services are
// the same on every machine, and skip elsewhere:
//
//	make && CGO_ENABLED=0 go test -exec tests/lab/run ./tests
package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"ipvsadm/ipvs"
)

// unable skips a test that cannot run here. In the lab every test can.
func unable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("IPVSADM_LAB") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func needIPVS(t *testing.T) {
	t.Helper()
	if os.Getenv("IPVSADM_LAB") == "" {
		t.Skip("this test belongs in the lab")
	}
	client, err := ipvs.Dial()
	if err != nil {
		if err := ipvs.LoadModule(t.Context()); err != nil {
			unable(t, "this kernel has no IPVS: "+err.Error())
		}
		return
	}
	client.Close()
}

// builtProgram returns the path of ./ipvsadm, which make builds.
func builtProgram(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../ipvsadm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		unable(t, "run make first: "+err.Error())
	}
	return path
}

// namespace is a network namespace of a test's own.
type namespace struct {
	file *os.File
}

// open makes the namespace, with its loopback interface up.
func (n *namespace) open() error {
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		var err error
		n.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return err
	}
	return n.do(exec.Command("ip", "link", "set", "lo", "up").Run)
}

func (n *namespace) close() { n.file.Close() }

// do calls f on a thread that is in the namespace.
func (n *namespace) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return f()
	})
}

// onThread calls f on a thread of its own, which ends with it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}
