package save

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"ipvsadm/tests/thread"
)

// asUser calls f with the file access rights of a user.
func asUser(user int, f func() error) error {
	return thread.Run(func() error {
		if err := unix.Setfsgid(user); err != nil {
			return err
		}
		if err := unix.Setfsuid(user); err != nil {
			return err
		}
		return f()
	})
}

// withFault calls f. Meanwhile a system call fails if it has the given first argument.
func withFault(call, argument uint32, fault unix.Errno, f func() error) error {
	const (
		number   = 0  // offsets in struct seccomp_data
		firstArg = 16 // on a little-endian machine
	)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: firstArg},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: argument, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(fault)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return thread.Run(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
			return err
		}
		return f()
	})
}

// needRoot skips a test that gives files away or mounts something. In the lab everyone is root.
func needRoot(t *testing.T) {
	t.Helper()
	if unix.Geteuid() != 0 {
		t.Skip("this test needs root")
	}
}
