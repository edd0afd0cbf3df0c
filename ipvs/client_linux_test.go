package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"iter"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
)

// fakeKernel is a netlink socket with answers of the test's. (genltest keeps no datagrams apart, and so cannot
// acknowledge one message of a batch and refuse the next.)
type fakeKernel struct {
	t        *testing.T
	requests []netlink.Message // but the question for the family
	answer   func(netlink.Message) [][]netlink.Message
	queue    [][]netlink.Message
	unknown  bool // the kernel knows no IPVS
	expired  chan struct{}

	granted buffers // of the socket; zero for a full batch's
	batches int     // sends of several messages
	overrun bool    // a reply found no room
}

func (k *fakeKernel) buffers() buffers {
	if k.granted == (buffers{}) {
		return fullBatch
	}
	return k.granted
}

const fakeFamily = 0x23

func (k *fakeKernel) client() *Client {
	k.expired = make(chan struct{}, 8)
	client, err := newClient(netlink.NewConn(k, 1), k.buffers())
	if err != nil {
		k.t.Fatal(err)
	}
	return client
}

func (k *fakeKernel) Close() error { return nil }

func (k *fakeKernel) Send(m netlink.Message) error {
	if m.Header.Type == netlink.Noop && m.Header.Flags&netlink.Acknowledge != 0 {
		k.queue = append(k.queue, refusal(m, 0))
		return nil
	}
	if m.Header.Type != 16 {
		k.requests = append(k.requests, m)
		k.queue = append(k.queue, k.answer(m)...)
		return nil
	}
	if k.unknown {
		k.queue = append(k.queue, refusal(m, syscall.ENOENT))
		return nil
	}
	k.queue = append(k.queue, reply(m, 0, raw(u16(1, fakeFamily), text(2, "IPVS\x00"), u32(3, 1))))
	return nil
}

// SendMessages refuses what exceeds the send buffer, and drops replies that exceed the receive buffer, as the kernel does.
func (k *fakeKernel) SendMessages(all []netlink.Message) error {
	k.batches++
	size := 0
	for _, m := range all {
		size += 16 + len(m.Data)
	}
	if size > k.buffers().send-32 {
		return os.NewSyscallError("write", syscall.EMSGSIZE)
	}
	for _, m := range all {
		if err := k.Send(m); err != nil {
			return err
		}
	}
	const charge = 1280 // of a refusal
	if most := 1 + k.buffers().receive/charge; len(k.queue) > most {
		k.queue, k.overrun = k.queue[:most], true
	}
	return nil
}

func (k *fakeKernel) Receive() ([]netlink.Message, error) {
	var all []netlink.Message
	for m, err := range k.ReceiveIter() {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (k *fakeKernel) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		if k.overrun {
			k.overrun = false
			yield(netlink.Message{}, os.NewSyscallError("recvmsg", syscall.ENOBUFS))
			return
		}
		if len(k.queue) == 0 {
			<-k.expired
			yield(netlink.Message{}, context.DeadlineExceeded)
			return
		}
		datagram := k.queue[0]
		k.queue = k.queue[1:]
		for _, m := range datagram {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (k *fakeKernel) SetDeadline(d time.Time) error {
	if !d.IsZero() {
		k.expired <- struct{}{}
	}
	return nil
}
func (k *fakeKernel) SetReadDeadline(time.Time) error  { return nil }
func (k *fakeKernel) SetWriteDeadline(time.Time) error { return nil }

func reply(request netlink.Message, flags netlink.HeaderFlags, attributes []byte) []netlink.Message {
	return []netlink.Message{{
		Header: netlink.Header{Type: request.Header.Type, Flags: flags, Sequence: request.Header.Sequence, PID: 1},
		Data:   append([]byte{1, 1, 0, 0}, attributes...),
	}}
}

func refusal(request netlink.Message, errno syscall.Errno) []netlink.Message {
	return []netlink.Message{{
		Header: netlink.Header{Type: netlink.Error, Sequence: request.Header.Sequence, PID: 1},
		Data:   binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno))),
	}}
}

// dump answers with services of the given marks, a datagram each.
func dump(request netlink.Message, flags netlink.HeaderFlags, marks ...uint32) (datagrams [][]netlink.Message) {
	for _, mark := range marks {
		datagrams = append(datagrams, reply(request, netlink.Multi|flags, raw(nest(1, u16(1, 2), u32(5, mark)))))
	}
	done := netlink.Message{Header: netlink.Header{Type: netlink.Done, Flags: netlink.Multi, Sequence: request.Header.Sequence, PID: 1}, Data: make([]byte, 4)}
	return append(datagrams, []netlink.Message{done})
}

func marks(t *testing.T, c *Client) (all []uint32, err error) {
	t.Helper()
	services, err := c.Services(t.Context())
	for _, s := range services {
		all = append(all, s.Mark)
	}
	return all, err
}

func TestUnknownFamily(t *testing.T) {
	k := &fakeKernel{t: t, unknown: true}
	if _, err := newClient(netlink.NewConn(k, 1), k.buffers()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestInterruptedDump(t *testing.T) {
	k := &fakeKernel{t: t}
	k.answer = func(m netlink.Message) [][]netlink.Message {
		switch len(k.requests) {
		case 1:
			return dump(m, dumpInterrupted, 1, 3)
		case 2:
			return dump(m, dumpInterrupted, 1, 2, 3)
		default:
			return dump(m, 0, 1, 2, 4, 4)
		}
	}
	got, err := marks(t, k.client())
	if want := []uint32{1, 3, 2, 4}; err != nil || !slices.Equal(got, want) || len(k.requests) != 3 {
		t.Errorf("services %v, %v after %d dumps, want %v after 3", got, err, len(k.requests), want)
	}

	k = &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message { return dump(m, dumpInterrupted, 1) }}
	c := k.client()
	got, err = marks(t, c)
	if !errors.Is(err, ErrInterrupted) || got != nil || len(k.requests) != 8 {
		t.Errorf("services %v, %v after %d dumps, want an error after 8", got, err, len(k.requests))
	}
}

func TestStoppedAndNested(t *testing.T) {
	k := &fakeKernel{t: t, answer: tables(nil, []uint32{1, 2})}
	c := k.client()
	all := func() iter.Seq2[Entry, error] {
		entries, err := c.Entries(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	for entry, err := range all() {
		if err != nil || entry.Mark != 1 || len(entry.Destinations) != 1 {
			t.Errorf("first entry %v, %v", entry, err)
		}
		if servers, err := c.Destinations(t.Context(), entry.ServiceID); err != nil || len(servers) != 1 {
			t.Errorf("within the loop: servers %v, %v", servers, err)
		}
		if inner, err := Gather(all()); err != nil || len(inner) != 2 {
			t.Errorf("a loop within the loop: %v, %v", inner, err)
		}
		break
	}
	entries, err := Gather(all())
	if err != nil || len(entries) != 2 || len(entries[1].Destinations) != 1 {
		t.Errorf("after an early stop: %v, %v", entries, err)
	}
}

// TestBusy makes a call in the middle of another, as a second goroutine would.
func TestBusy(t *testing.T) {
	var c *Client
	k := &fakeKernel{t: t}
	k.answer = func(m netlink.Message) [][]netlink.Message {
		if _, err := c.Info(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("in the middle of a call: %v, want %v", err, ErrBusy)
		}
		return dump(m, 0, 1)
	}
	c = k.client()
	for range 2 {
		if got, err := marks(t, c); err != nil || len(got) != 1 {
			t.Errorf("services %v, %v", got, err)
		}
	}
}

// TestPanic has the loop over a dump panic. The rest of the dump is pending, so the client is of no further use.
func TestPanic(t *testing.T) {
	k := &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message { return dump(m, 0, 1, 2) }}
	c := k.client()
	func() {
		defer func() { _ = recover() }()
		_ = c.exchange(t.Context(), func() error {
			return c.ask(request{}.asking(encode(cmdGetService)), netlink.Dump, func([]byte, netlink.HeaderFlags) { panic("decode") })
		})
	}()
	if _, err := marks(t, c); !errors.Is(err, ErrOutOfStep) {
		t.Errorf("afterwards: %v, want %v", err, ErrOutOfStep)
	}
}

// tables answers each list of services with the next of those given, the last of them again and again. Those that are
// not gone have one server.
func tables(gone []uint32, lists ...[]uint32) func(netlink.Message) [][]netlink.Message {
	return func(m netlink.Message) [][]netlink.Message {
		command := m.Data[0]
		var mark uint32
		for a := m.Data[genericHeader:]; len(a) > 16; a = nil { // of the service that is asked for
			mark = binary.NativeEndian.Uint32(a[16:])
		}
		missing := slices.Contains(gone, mark)
		switch {
		case command == cmdGetService && m.Header.Flags&netlink.Dump != 0:
			list := lists[0]
			if len(lists) > 1 {
				lists = lists[1:]
			}
			return dump(m, 0, list...)
		case command == cmdGetService:
			return [][]netlink.Message{refusal(m, syscall.ESRCH)}
		case missing:
			return dump(m, 0)
		default:
			server := raw(nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80)))
			return append([][]netlink.Message{reply(m, netlink.Multi, server)}, dump(m, 0)...)
		}
	}
}

// TestPassedOver is about services that were left out of a list because others went meanwhile.
func TestPassedOver(t *testing.T) {
	for _, test := range []struct {
		gone  []uint32
		lists [][]uint32
		want  []uint32
	}{
		{nil, [][]uint32{{3, 1}, {3, 2, 1}}, []uint32{1, 3}}, // nothing went
		{[]uint32{9}, [][]uint32{{3, 9, 1}, {3, 2, 1}}, []uint32{1, 3, 2}},
		{[]uint32{8, 9}, [][]uint32{{3, 9, 1}, {3, 8, 1}, {5, 3, 2, 1}}, []uint32{1, 3, 2, 5}},
		{[]uint32{9}, [][]uint32{{9}, {}}, nil},
	} {
		k := &fakeKernel{t: t, answer: tables(test.gone, test.lists...)}
		all, err := k.client().Entries(t.Context(), SortServices)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := Gather(all)
		var got []uint32
		for _, entry := range entries {
			got = append(got, entry.Mark)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("gone %v, lists %v: %v, %v, want %v", test.gone, test.lists, got, err, test.want)
		}
	}
	// One in which there is always another that went comes to an end.
	var gone []uint32
	var lists [][]uint32
	for mark := range uint32(100) {
		gone, lists = append(gone, mark+1), append(lists, []uint32{mark + 1})
	}
	k := &fakeKernel{t: t, answer: tables(gone, lists...)}
	all, err := k.client().Entries(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := Gather(all); err != nil || len(entries) != 0 || len(k.requests) > 3*(dumpAttempts+1) {
		t.Errorf("%v, %v after %d requests", entries, err, len(k.requests))
	}
}

func TestRefusedDump(t *testing.T) {
	k := &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message {
		return [][]netlink.Message{refusal(m, syscall.EPERM)}
	}}
	c := k.client()
	for range 2 { // a refusal does the client no harm
		if _, err := marks(t, c); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v", err)
		}
	}
}

func TestBatches(t *testing.T) {
	refuse := []int{0, 63, 64, 100, 149}
	k := &fakeKernel{t: t}
	k.answer = func(m netlink.Message) [][]netlink.Message {
		if m.Header.Flags != netlink.Request {
			t.Errorf("flags %v", m.Header.Flags)
		}
		if slices.Contains(refuse, len(k.requests)-1) {
			return [][]netlink.Message{refusal(m, syscall.EEXIST)}
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
	if !slices.Equal(failed, refuse) || len(k.requests) != 150 {
		t.Errorf("changes %v of %d sent failed, want %v of 150", failed, len(k.requests), refuse)
	}
	if got, want := batch.Failures[1].Err.Error(), "add service FWM 64: Service already exists"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := err.Error(), "5 changes failed, the first: add service FWM 1: Service already exists"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// TestSmallBuffers has the kernel refuse every change, or all but every third, where the socket's buffers are small, down to
// the smallest that the kernel gives. No change exceeds the send buffer, and no refusal is lost.
func TestSmallBuffers(t *testing.T) {
	const many = 200
	var changes []Change
	for i := range many {
		id := AddressService(TCP, addrPort("[2001:db8:1111:2222:3333:4444:5555:6666]:80"))
		id.Address = netip.AddrPortFrom(id.Address.Addr(), uint16(i+1))
		changes = append(changes, AddService(Service{ServiceID: id, Scheduler: "fifteen-letters", Engine: "fifteen-letters"}))
	}
	for _, test := range []struct {
		granted buffers
		batches int
	}{
		{buffers{send: 4608, receive: 2304}, many},
		{buffers{send: 4608, receive: 212992}, 7},    // 32 changes of 140 bytes each
		{buffers{send: 212992, receive: 2304}, many}, // a change at a time
		{buffers{send: 212992, receive: 32768}, 19},  // 11 changes each
		{buffers{send: 212992, receive: 212992}, 4},
		{fullBatch, 4},
	} {
		for _, accepted := range []int{many, 3} {
			k := &fakeKernel{t: t, granted: test.granted}
			k.answer = func(m netlink.Message) [][]netlink.Message {
				if len(k.requests)%accepted == 0 {
					return nil
				}
				return [][]netlink.Message{refusal(m, syscall.EEXIST)}
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

// TestLargestChange wants a full batch of the largest changes to fit the buffers that Dial asks for.
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
		if batch := fullBatch.batch(slices.Repeat([]Change{change}, 2*batchSize)); len(batch) != batchSize {
			t.Errorf("%v: a batch of %d", change, len(batch))
		}
	}
}

func TestCancelled(t *testing.T) {
	k := &fakeKernel{t: t, answer: func(netlink.Message) [][]netlink.Message { return nil }}
	c := k.client()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Timeouts(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Info(t.Context()); !errors.Is(err, ErrOutOfStep) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestWrongSequence(t *testing.T) {
	k := &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message {
		m.Header.Sequence++
		return dump(m, 0, 1)
	}}
	c := k.client()
	if got, err := marks(t, c); !errors.Is(err, errUnexpected) || len(got) != 0 {
		t.Errorf("services %v, %v", got, err)
	}
	if _, err := marks(t, c); !errors.Is(err, ErrOutOfStep) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestInvalidChanges(t *testing.T) {
	id := MarkService(1, IPv4)
	for name, change := range map[string]Change{
		"nothing named":       AddService(Service{Scheduler: "rr"}),
		"mark of no family":   DeleteService(ServiceID{Mark: 1}),
		"wrong family":        DeleteService(ServiceID{Family: IPv6, Protocol: TCP, Address: addrPort("10.0.0.1:1")}),
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
