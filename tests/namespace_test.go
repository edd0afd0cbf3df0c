package tests

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvsadm/tests/thread"
)

// namespace is a network namespace of a test's own.
type namespace struct {
	file *os.File
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	needIPVS(t)
	n := new(namespace)
	if err := n.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	return n
}

// open makes the namespace, with its loopback interface up.
func (n *namespace) open() error {
	err := thread.Run(func() error {
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
	return thread.Run(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return f()
	})
}

// program runs this program in the namespace and returns what it printed.
func (n *namespace) program(t *testing.T, stdin string, words ...string) string {
	t.Helper()
	var stdout []byte
	err := n.do(func() error {
		command := exec.Command(builtProgram(t), words...)
		command.Stdin = strings.NewReader(stdin)
		command.Stderr = os.Stderr
		var err error
		stdout, err = command.Output()
		return err
	})
	if err != nil {
		t.Fatalf("ipvsadm %s: %v\n%s", strings.Join(words, " "), err, stdout)
	}
	return string(stdout)
}
