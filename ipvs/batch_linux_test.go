package ipvs

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs/internal/nlsocket"
)

func TestBatches(t *testing.T) {
	refused := []int{0, 63, 64, 100, 149}
	k := &fakeKernel{t: t}
	k.reply = func(m netlink.Message) [][]netlink.Message {
		if m.Header.Flags != netlink.Request {
			t.Errorf("flags %v", m.Header.Flags)
		}
		if slices.Contains(refused, len(k.requests)-1) {
			return [][]netlink.Message{refuse(m, syscall.EEXIST)}
		}
		return nil
	}
	var changes []Change
	for i := range 150 {
		changes = append(changes, AddService(Service{ServiceID: MarkService(uint32(i+1), IPv4), Scheduler: "rr"}))
	}
	err := k.client().Apply(t.Context(), changes...)
	var batch *BatchError
	if !errors.As(err, &batch) || !errors.Is(err, syscall.EEXIST) {
		t.Fatalf("error %v", err)
	}
	var failed []int
	for _, failure := range batch.Failures {
		failed = append(failed, failure.Index)
	}
	if !slices.Equal(failed, refused) || len(k.requests) != 150 {
		t.Errorf("changes %v of %d sent failed, want %v of 150", failed, len(k.requests), refused)
	}
	if got, want := batch.Failures[1].Err.Error(), "add service FWM 64: Service already exists"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := err.Error(), "5 changes failed, the first: add service FWM 1: Service already exists"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// TestSmallBuffers has the kernel refuse every change, or two of three, through sockets with small buffers, down to the
// kernel's minimum. No change exceeds the send buffer, and no refusal is lost.
func TestSmallBuffers(t *testing.T) {
	const many = 200
	var changes []Change
	for i := range many {
		id := AddressService(TCP, addrPort("[2001:db8:1111:2222:3333:4444:5555:6666]:80"))
		id.Address = netip.AddrPortFrom(id.Address.Addr(), uint16(i+1))
		changes = append(changes, AddService(Service{ServiceID: id, Scheduler: "fifteen-letters", Engine: "fifteen-letters"}))
	}
	for _, test := range []struct {
		granted nlsocket.Buffers
		batches int
	}{
		{nlsocket.Buffers{Send: 4608, Receive: 2304}, many},
		{nlsocket.Buffers{Send: 4608, Receive: 212992}, 7},    // 32 changes of 140 bytes each
		{nlsocket.Buffers{Send: 212992, Receive: 2304}, many}, // a change at a time
		{nlsocket.Buffers{Send: 212992, Receive: 32768}, 19},  // 11 changes each
		{nlsocket.Buffers{Send: 212992, Receive: 212992}, 4},
		{fullBatch, 4},
	} {
		for _, accepted := range []int{many, 3} {
			k := &fakeKernel{t: t, granted: test.granted}
			k.reply = func(m netlink.Message) [][]netlink.Message {
				if len(k.requests)%accepted == 0 {
					return nil
				}
				return [][]netlink.Message{refuse(m, syscall.EEXIST)}
			}
			var want, failed []int
			for i := range many {
				if (i+1)%accepted != 0 {
					want = append(want, i)
				}
			}
			err := k.client().Apply(t.Context(), changes...)
			var batch *BatchError
			if errors.As(err, &batch) {
				for _, failure := range batch.Failures {
					failed = append(failed, failure.Index)
				}
			}
			if err != error(batch) || !slices.Equal(failed, want) || len(k.requests) != many || k.batches != test.batches {
				t.Errorf("buffers %+v: %d refusals of %d changes in %d batches, %v, want %d of %d in %d",
					test.granted, len(failed), len(k.requests), k.batches, err, len(want), many, test.batches)
			}
		}
	}
}

// TestLargestChange checks that a full batch of the largest changes fits the buffers that Dial asks for.
func TestLargestChange(t *testing.T) {
	id := AddressService(TCP, addrPort("[2001:db8::1]:80"))
	address := addrPort("[2001:db8::2]:80")
	name := strings.Repeat("x", nameSize-1)
	for _, change := range []Change{
		AddService(Service{ServiceID: id, Scheduler: name, Engine: name}),
		AddDestination(id, Destination{Address: address}),
		StartDaemon(Daemon{State: Master, Interface: name, MaxLength: 1, Group: id.Address.Addr(), Port: 1, TTL: 1}),
		SetTimeouts(Timeouts{}),
	} {
		if size := messageHeader + len(change.message); size > largestChange {
			t.Errorf("%v: %d bytes, more than %d", change, size, largestChange)
		}
		if batch := firstBatch(slices.Repeat([]Change{change}, 2*batchSize), fullBatch); len(batch) != batchSize {
			t.Errorf("%v: a batch of %d", change, len(batch))
		}
	}
}

func TestInvalidChanges(t *testing.T) {
	id := MarkService(1, IPv4)
	for name, change := range map[string]Change{
		"nothing named":       AddService(Service{Scheduler: "rr"}),
		"mark of no family":   DeleteService(ServiceID{Mark: 1}),
		"another family":      DeleteService(ServiceID{Family: IPv6, Protocol: TCP, Address: addrPort("10.0.0.1:1")}),
		"long scheduler":      AddService(Service{ServiceID: id, Scheduler: "abcdefghijklmnop"}),
		"scheduler with NUL":  AddService(Service{ServiceID: id, Scheduler: "r\x00r"}),
		"long engine":         AddService(Service{ServiceID: id, Scheduler: "rr", Engine: strings.Repeat("x", 16)}),
		"long interface":      StartDaemon(Daemon{State: Master, Interface: strings.Repeat("x", 16)}),
		"negative timeout":    AddService(Service{ServiceID: id, Scheduler: "rr", Timeout: -1}),
		"timeout of too long": SetTimeouts(Timeouts{UDP: (math.MaxUint32 + 1) * time.Second}),
		"timeout just beyond": SetTimeouts(Timeouts{UDP: math.MaxUint32*time.Second + 1}),
		"no server":           AddDestination(id, Destination{}),
		"no server to delete": DeleteDestination(id, netip.AddrPort{}),
		"empty":               {},
	} {
		kernel := &fakeKernel{t: t}
		err := kernel.client().Apply(t.Context(), change)
		var batch *BatchError
		if !errors.As(err, &batch) || batch.Failures[0].Err.Reason() == "" || len(kernel.requests) != 0 {
			t.Errorf("%s: error %v, %d requests", name, err, len(kernel.requests))
		}
	}
}

// TestUnexpectedReplyToChanges sends replies that do not belong to the changes.
func TestUnexpectedReplyToChanges(t *testing.T) {
	for name, sent := range map[string]func(netlink.Message) [][]netlink.Message{
		"an acknowledgement without a request": func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{refuse(m, 0)} },
		"a refusal of what was not sent": func(m netlink.Message) [][]netlink.Message {
			m.Header.Sequence += 1000
			return [][]netlink.Message{refuse(m, syscall.EPERM)}
		},
		"a reply": func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{reply(m, 0, nil)} },
		"a refusal twice": func(m netlink.Message) [][]netlink.Message {
			return slices.Repeat([][]netlink.Message{refuse(m, syscall.EPERM)}, 2)
		},
	} {
		k := &fakeKernel{t: t, reply: sent}
		c := k.client()
		if err := c.Apply(t.Context(), Flush(), ZeroAll()); !errors.Is(err, errUnexpected) {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Apply(t.Context(), Flush()); !errors.Is(err, ErrOutOfStep) {
			t.Errorf("%s, afterwards: %v", name, err)
		}
	}
}
