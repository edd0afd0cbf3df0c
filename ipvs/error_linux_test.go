package ipvs

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/genetlink/genltest"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
)

// TestReason expects what ipvsadm 1.31 printed when its kernel's replies were replaced by these.
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

// refusing returns a client of a kernel that refuses everything except the query for its family.
func refusing(t *testing.T, errno syscall.Errno) *Client {
	t.Helper()
	family := genltest.ServeFamily(genetlink.Family{ID: fakeFamily, Version: 1, Name: familyName},
		func(genetlink.Message, netlink.Message) ([]genetlink.Message, error) { return nil, io.EOF })
	client, err := NewClient(nltest.Dial(func(requests []netlink.Message) ([]netlink.Message, error) {
		if len(requests) == 0 {
			return nil, io.EOF
		}
		if requests[0].Header.Type == fakeFamily {
			replies, err := nltest.Error(int(errno), requests)
			replies[0].Header.Flags = 0 // nltest copies those of the request, which mean something else here
			return replies, err
		}
		var query genetlink.Message
		if err := query.UnmarshalBinary(requests[0].Data); err != nil {
			return nil, err
		}
		replies, err := family(query, requests[0])
		if err != nil {
			return nil, err
		}
		data, err := replies[0].MarshalBinary()
		return []netlink.Message{{Header: netlink.Header{Type: 16, Sequence: requests[0].Header.Sequence, PID: requests[0].Header.PID}, Data: data}}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestEveryErrno compares Reason with testdata/reasons.txt: what ipvsadm 1.31 printed for each error number of each operation.
// tests/refusal wrote that file. The original prints nothing if it cannot read daemons or timeouts; we print what it prints
// for other operations.
func TestEveryErrno(t *testing.T) {
	id := AddressService(TCP, addrPort("192.0.2.1:80"))
	server := Destination{Address: addrPort("10.0.0.1:80")}
	apply := func(change Change) func(*Client, syscall.Errno) error {
		return func(_ *Client, errno syscall.Errno) error {
			k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{refuse(m, errno)} }}
			return k.client().Apply(t.Context(), change)
		}
	}
	operations := map[Operation]func(*Client, syscall.Errno) error{
		OpAddService:        apply(AddService(Service{ServiceID: id, Scheduler: "rr"})),
		OpEditService:       apply(EditService(Service{ServiceID: id, Scheduler: "rr"})),
		OpDeleteService:     apply(DeleteService(id)),
		OpAddDestination:    apply(AddDestination(id, server)),
		OpEditDestination:   apply(EditDestination(id, server)),
		OpDeleteDestination: apply(DeleteDestination(id, server.Address)),
		OpStartDaemon:       apply(StartDaemon(Daemon{State: Master, Interface: "lo"})),
		OpStopDaemon:        apply(StopDaemon(Master)),
		OpSetTimeouts:       apply(SetTimeouts(Timeouts{UDP: time.Second})),
		OpZero:              apply(ZeroAll()),
		OpFlush:             apply(Flush()),
		OpGetService:        func(c *Client, _ syscall.Errno) error { _, err := c.Service(t.Context(), id); return err },
		OpListServices:      func(c *Client, _ syscall.Errno) error { return errorOf(c.Services(t.Context())) },
		OpListDestinations:  func(c *Client, _ syscall.Errno) error { return errorOf(c.Destinations(t.Context(), id)) },
		OpListDaemons:       func(c *Client, _ syscall.Errno) error { _, err := c.Daemons(t.Context()); return err },
		OpGetTimeouts:       func(c *Client, _ syscall.Errno) error { _, err := c.Timeouts(t.Context()); return err },
		OpGetInfo:           func(c *Client, _ syscall.Errno) error { _, err := c.Info(t.Context()); return err },
	}
	reasons, err := os.ReadFile("testdata/reasons.txt")
	if err != nil {
		t.Fatal(err)
	}
	compare := func(operation Operation, number int, want string) {
		err := operations[operation](refusing(t, syscall.Errno(number)), syscall.Errno(number))
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, syscall.Errno(number)) || e.Operation != operation || e.Reason() != want {
			t.Errorf("%s, %d: %v, want %q", operation, number, err, want)
		}
	}
	seen := make(map[Operation]int)
	for line := range strings.Lines(string(reasons)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		number, err := strconv.Atoi(fields[1])
		operation := Operation(fields[0])
		if err != nil || len(fields) != 3 || operations[operation] == nil {
			t.Fatalf("line %q", line)
		}
		all := []Operation{operation}
		if operation == OpFlush { // it has no reasons of its own
			all = append(all, OpGetTimeouts, OpListDaemons)
		}
		for _, operation := range all {
			seen[operation]++
			compare(operation, number, fields[2])
		}
	}
	for operation := range operations {
		if seen[operation] != 135 {
			t.Errorf("%s: %d error numbers", operation, seen[operation])
		}
	}
}
