package ipvs

import (
	"errors"
	"syscall"
	"testing"
)

// The words are those that ipvsadm 1.31 printed when its kernel's answers were replaced by these.
func TestReason(t *testing.T) {
	for _, test := range []struct {
		operation Operation
		errno     syscall.Errno
		want      string
	}{
		{OpAddService, syscall.EEXIST, "Service already exists"},
		{OpEditService, syscall.EEXIST, "File exists"},
		{OpAddService, syscall.ESRCH, "No such process"},
		{OpZero, syscall.ESRCH, "No such service"},
		{OpAddDestination, syscall.ENOENT, "No such file or directory"},
		{OpStartDaemon, syscall.ENODEV, "No such device"},
		{OpFlush, syscall.EPERM, "Permission denied (you must be root)"},
		{OpFlush, syscall.EACCES, "Permission denied"},
		{OpSetTimeouts, syscall.ERANGE, "Numerical result out of range"},
		{OpSetTimeouts, syscall.EMSGSIZE, "Module is wrong version"},
		{OpAddService, syscall.EAFNOSUPPORT, "Operation not supported with specified address family"},
	} {
		e := &Error{Operation: test.operation, Err: test.errno}
		if got := e.Reason(); got != test.want {
			t.Errorf("%s, %v: %q, want %q", test.operation, test.errno, got, test.want)
		}
	}
	e := &Error{OpAddService, "FWM 1", errors.New("odd"), "attribute 3"}
	if got, want := e.Error(), "add service FWM 1: odd (attribute 3)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
