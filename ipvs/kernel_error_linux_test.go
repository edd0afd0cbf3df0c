package ipvs

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestKernelRefusals(t *testing.T) {
	c := dialKernel(t)
	there := Service{ServiceID: MarkService(1, IPv4), Scheduler: "rr"}
	nowhere := MarkService(2, IPv4)
	server := Destination{Address: addrPort("10.0.0.1:0")}
	missing := Destination{Address: addrPort("10.0.0.2:0")}
	apply(t, c, AddService(there), AddDestination(there.ServiceID, server))
	for _, test := range []struct {
		change Change
		errno  syscall.Errno
		reason string
	}{
		{AddService(there), syscall.EEXIST, "Service already exists"},
		{EditService(Service{ServiceID: nowhere, Scheduler: "rr"}), syscall.ESRCH, "No such service"},
		{DeleteService(nowhere), syscall.ESRCH, "No such service"},
		{Zero(nowhere), syscall.ESRCH, "No such service"},
		{AddDestination(nowhere, server), syscall.ESRCH, "Service not defined"},
		{AddDestination(there.ServiceID, server), syscall.EEXIST, "Destination already exists"},
		{AddDestination(there.ServiceID, Destination{Address: addrPort("224.0.0.1:0")}), syscall.EINVAL, "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		{AddDestination(there.ServiceID, Destination{Address: missing.Address, UpperThreshold: 1, LowerThreshold: 2}), syscall.ERANGE, "Numerical result out of range"},
		{EditDestination(there.ServiceID, missing), syscall.ENOENT, "No such destination"},
		{DeleteDestination(there.ServiceID, missing.Address), syscall.ENOENT, "No such destination"},
		{StopDaemon(Master), syscall.ESRCH, "No daemon is running"},
		{StartDaemon(Daemon{State: Master, Interface: "nosuch"}), syscall.ENODEV, "No such device"},
	} {
		err := c.Apply(t.Context(), test.change)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, test.errno) || e.Reason() != test.reason {
			t.Errorf("%v: got %v, want %q", test.change, err, test.reason)
		}
	}
	if _, err := c.Service(t.Context(), nowhere); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("Service: %v", err)
	}
}

func TestKernelPermission(t *testing.T) {
	c := dialKernel(t)
	apply(t, c, Flush())
	// A socket that root opened keeps root's capabilities, so drop them first. They are this thread's, which ends with the
	// test.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	c, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Info(t.Context())
	var e *Error
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &e) || e.Reason() != "Permission denied (you must be root)" {
		t.Errorf("without rights: %v", err)
	}
}

func TestKernelCancelled(t *testing.T) {
	c := dialKernel(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Info(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled beforehand: %v", err)
	}
	if _, err := c.Info(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := c.Info(ctx); err != nil {
		t.Errorf("with a deadline: %v", err)
	}
}
