package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/genetlink/genltest"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"
)

// refusing returns a client of a kernel that refuses every question but for its family.
func refusing(t *testing.T, errno syscall.Errno) *Client {
	t.Helper()
	family := genltest.ServeFamily(genetlink.Family{ID: fakeFamily, Version: 1, Name: familyName},
		func(genetlink.Message, netlink.Message) ([]genetlink.Message, error) { return nil, io.EOF })
	client, err := newClient(nltest.Dial(func(requests []netlink.Message) ([]netlink.Message, error) {
		if len(requests) == 0 {
			return nil, io.EOF
		}
		if requests[0].Header.Type == fakeFamily {
			answers, err := nltest.Error(int(errno), requests)
			answers[0].Header.Flags = 0 // which are the request's, and mean something else here
			return answers, err
		}
		var question genetlink.Message
		if err := question.UnmarshalBinary(requests[0].Data); err != nil {
			return nil, err
		}
		answers, err := family(question, requests[0])
		if err != nil {
			return nil, err
		}
		data, err := answers[0].MarshalBinary()
		return []netlink.Message{{Header: netlink.Header{Type: 16, Sequence: requests[0].Header.Sequence, PID: requests[0].Header.PID}, Data: data}}, err
	}), fullBatch)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func errorOf[T any](_ T, err error) error { return err }

// TestEveryErrno compares our words with those in testdata/words.txt, which ipvsadm 1.31 printed when the kernel's
// answer to an operation was an error number; tests/refusal wrote them down. Of daemons and timeouts that cannot be listed
// it says nothing: we say what is said of any operation.
func TestEveryErrno(t *testing.T) {
	id := AddressService(TCP, addrPort("192.0.2.1:80"))
	server := Destination{Address: addrPort("10.0.0.1:80")}
	apply := func(change Change) func(*Client, syscall.Errno) error {
		return func(_ *Client, errno syscall.Errno) error {
			k := &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{refusal(m, errno)} }}
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
	words, err := os.ReadFile("testdata/words.txt")
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
	for line := range strings.Lines(string(words)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		number, err := strconv.Atoi(fields[1])
		operation := Operation(fields[0])
		if err != nil || len(fields) != 3 || operations[operation] == nil {
			t.Fatalf("line %q", line)
		}
		all := []Operation{operation}
		if operation == OpFlush { // of whose errors none has words of its own
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

// peer is the other end of a socket of ours, where a kernel would be.
type peer struct{ fd int }

// dialPeer returns a client whose kernel answers what the test sends from its end.
func dialPeer(t *testing.T) (*Client, peer) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSocket(fds[0], 4096)
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(netlink.NewConn(s, 1), fullBatch, fakeFamily)
	t.Cleanup(func() { c.Close() })
	if err := unix.SetNonblock(fds[1], false); err != nil {
		t.Fatal(err)
	}
	p := peer{fds[1]}
	t.Cleanup(func() {
		p.hangUp()
		unix.Close(p.fd)
	})
	return c, p
}

func (p peer) hangUp() { unix.Shutdown(p.fd, unix.SHUT_RDWR) }

// question returns the sequence number of a request.
func (p peer) question(t *testing.T) uint32 {
	b := make([]byte, 65536)
	n, err := unix.Read(p.fd, b)
	if err != nil || n < 16 {
		t.Errorf("request of %d bytes, %v", n, err)
		return 0
	}
	return binary.NativeEndian.Uint32(b[8:])
}

// message returns a message's bytes.
func message(kind uint16, flags uint16, sequence uint32, data []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 1)
	return append(b, data...)
}

// TestMisbehaviour lists services of a kernel that answers what it should not. Each listing ends, with an error; and
// the client asks nothing more.
func TestMisbehaviour(t *testing.T) {
	const multi = 2 // NLM_F_MULTI
	service := append([]byte{1, 1, 0, 0}, raw(nest(1, u16(1, 2), u32(5, 7)))...)
	errno := func(e syscall.Errno) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(-int32(e))) }
	for name, test := range map[string]struct {
		answer func(sequence uint32) []byte
		hangUp bool
		usable bool // the client is none the worse
	}{
		"no answer":              {answer: func(uint32) []byte { return nil }},
		"a dump without end":     {answer: func(s uint32) []byte { return message(fakeFamily, multi, s, service) }},
		"a dump that is cut off": {answer: func(s uint32) []byte { return message(fakeFamily, multi, s, service) }, hangUp: true},
		"a dump that ends with an error": {answer: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, service), message(3, multi, s, errno(syscall.ENOMEM))...)
		}, usable: true},
		"half a message":         {answer: func(s uint32) []byte { return message(fakeFamily, multi, s, service)[:24] }},
		"half a header":          {answer: func(s uint32) []byte { return message(fakeFamily, multi, s, service)[:9] }},
		"a message of no length": {answer: func(s uint32) []byte { return append(message(fakeFamily, multi, s, service), make([]byte, 16)...) }},
		"a length past the end": {answer: func(s uint32) []byte {
			return append([]byte{0xff, 0xff, 0xff, 0xff}, message(fakeFamily, multi, s, service)[4:]...)
		}},
		"more than the buffer holds": {answer: func(s uint32) []byte {
			return message(fakeFamily, multi, s, append(service, raw(text(99, strings.Repeat("x", 9000)))...))
		}},
		"an answer to another request": {answer: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s+1, service), message(3, multi, s, errno(0))...)
		}},
		"a refusal of another request": {answer: func(s uint32) []byte { return message(2, 0, s+1, append(errno(syscall.EPERM), make([]byte, 16)...)) }},
		"another family's answer": {answer: func(s uint32) []byte {
			return append(message(fakeFamily+1, multi, s, service), message(3, multi, s, errno(0))...)
		}},
		"no header of the family's": {answer: func(s uint32) []byte { return message(fakeFamily, multi, s, []byte{1}) }},
		"an error without a number": {answer: func(s uint32) []byte { return message(2, 0, s, nil) }},
		"an overrun":                {answer: func(s uint32) []byte { return message(4, 0, s, nil) }},
		"a truncated attribute": {answer: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, []byte{1, 1, 0, 0, 9, 0, 1, 0}), message(3, multi, s, errno(0))...)
		}, usable: true},
		"an attribute of no length": {answer: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, []byte{1, 1, 0, 0, 0, 0, 1, 0}), message(3, multi, s, errno(0))...)
		}, usable: true},
		"nothing of a service": {answer: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, []byte{1, 1, 0, 0}), message(3, multi, s, errno(0))...)
		}, usable: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := dialPeer(t)
			go func() {
				if answer := test.answer(p.question(t)); answer != nil {
					unix.Write(p.fd, answer)
				}
				if test.hangUp {
					p.hangUp()
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := errorOf(c.Services(ctx)); err == nil {
				t.Error("no error")
			}
			switch err := errorOf(c.Destinations(ctx, MarkService(1, IPv4))); {
			case test.usable && errors.Is(err, ErrOutOfStep), !test.usable && !errors.Is(err, ErrOutOfStep):
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestSmallBuffer answers a listing with a datagram that the buffer is too small for, at whatever place it cuts it: within
// a message or between two. What was cut off must not be taken for never having been there.
func TestSmallBuffer(t *testing.T) {
	const multi = 2
	for length := range 40 {
		c, p := dialPeer(t)
		go func() {
			s := p.question(t)
			named := append(nest(1, u16(1, 2), u32(5, 7)).Data, raw(attribute(99, make([]byte, length)...))...)
			service := append([]byte{1, 1, 0, 0}, raw(attribute(1, named...))...)
			var datagram []byte
			for len(datagram) <= 4096 {
				datagram = append(datagram, message(fakeFamily, multi, s, service)...)
			}
			unix.Write(p.fd, datagram)
			unix.Write(p.fd, message(3, multi, s, make([]byte, 4)))
		}()
		if _, err := c.Services(t.Context()); !errors.Is(err, errMalformed) {
			t.Errorf("messages of %d bytes more: %v", length, err)
		}
	}
}

// firstMarks returns firewall marks from 1.
func firstMarks(count uint32) (all []uint32) {
	for mark := range count {
		all = append(all, mark+1)
	}
	return all
}

// TestMovingDump is about a table that changes under a dump of several datagrams, of which the kernel says nothing.
func TestMovingDump(t *testing.T) {
	all := firstMarks(300)
	without := func(marks ...uint32) []uint32 {
		return slices.DeleteFunc(slices.Clone(all), func(mark uint32) bool { return slices.Contains(marks, mark) })
	}
	for _, test := range []struct {
		dumps [][]uint32
		want  int
	}{
		{[][]uint32{all, all}, 2},
		{[][]uint32{without(7), all, all}, 3},
		{[][]uint32{without(7), without(8), all}, 3},
		{[][]uint32{all, without(7)}, 2},
		{[][]uint32{{1, 2, 3}}, 1},
	} {
		k := &fakeKernel{t: t}
		k.answer = func(m netlink.Message) [][]netlink.Message { return dump(m, 0, test.dumps[len(k.requests)-1]...) }
		got, err := marks(t, k.client())
		slices.Sort(got)
		if want := test.dumps[len(test.dumps)-1]; err != nil || len(k.requests) != test.want || len(want) == 300 && !slices.Equal(got, all) {
			t.Errorf("%d services, %v after %d dumps, want %d", len(got), err, len(k.requests), test.want)
		}
	}

	// One in which there is always something new comes to an end, and without an error.
	k := &fakeKernel{t: t}
	k.answer = func(m netlink.Message) [][]netlink.Message {
		return dump(m, 0, append(all, 1000+uint32(len(k.requests)))...)
	}
	if got, err := marks(t, k.client()); err != nil || len(got) != 300+dumpAttempts || len(k.requests) != dumpAttempts {
		t.Errorf("%d services, %v after %d dumps", len(got), err, len(k.requests))
	}
}

// TestWatchedDump is about the same where the kernel tells how many services there are.
func TestWatchedDump(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refcnt")
	count := func(text string) {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := firstMarks(300)
	for name, test := range map[string]struct {
		during func(taken int) int // the count when so many services were taken of the first dump
		after  int
		want   int // dumps
	}{
		"at rest":             {func(int) int { return 301 }, 300, 1},
		"the dump ends early": {func(taken int) int { return 301 - taken/290 }, 300, 1},
		"one went":            {func(taken int) int { return 301 - taken/100%2 }, 300, 2},
		"one went for good":   {func(taken int) int { return 301 - taken/200 }, 299, 2},
		"two went":            {func(taken int) int { return 301 - taken/100 }, 298, 2},
		"one went, last":      {func(taken int) int { return 301 - taken/280*2 }, 300, 2},
		"one came":            {func(taken int) int { return 301 + taken/200 }, 301, 2},
		"one came, one went":  {func(taken int) int { return 302 - taken/200 }, 300, 2},
		"it is not told":      {func(int) int { return -1 }, -1, 2},
	} {
		k := &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message {
			count(strconv.Itoa(test.during(0)))
			return dump(m, 0, all...)
		}}
		count("300")
		uses := watchUses(path)
		c := k.client()
		taken := 0
		decode := func(message []byte, s *ListedService) error {
			if taken++; len(k.requests) == 1 {
				count(strconv.Itoa(test.during(taken)))
			}
			if taken == len(all) {
				count(strconv.Itoa(test.after))
			}
			return c.decodeService(message, s)
		}
		reader := dumpReader[ListedService, ServiceID]{decode: decode, key: serviceID, uses: uses}
		got, err := list(t.Context(), c, request{}.asking(encode(cmdGetService)), reader)
		if err != nil || len(got) != len(all) || len(k.requests) != test.want {
			t.Errorf("%s: %d services, %v after %d dumps, want %d", name, len(got), err, len(k.requests), test.want)
		}
		uses.close()
	}
	if uses := watchUses(path + ".none"); uses != nil || !uses.moved() || !uses.movedAtAll() {
		t.Error("a count that is not there is taken for one that stays")
	}
}

// TestMovedDump has services neither come nor go, but the kernel move them to another table between two datagrams.
func TestMovedDump(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refcnt")
	if err := os.WriteFile(path, []byte("300\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	uses := watchUses(path)
	defer uses.close()
	all := firstMarks(300)
	moved := slices.Concat(all[:150], all[100:250])
	k := &fakeKernel{t: t}
	k.answer = func(m netlink.Message) [][]netlink.Message {
		if err := os.WriteFile(path, []byte("301\n"), 0o600); err != nil {
			t.Error(err)
		}
		return dump(m, 0, [][]uint32{moved, all, all}[len(k.requests)-1]...)
	}
	c := k.client()
	taken := 0
	decode := func(message []byte, s *ListedService) error {
		if taken++; taken%300 == 0 { // the dump's own use ends with it
			if err := os.WriteFile(path, []byte("300\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
		return c.decodeService(message, s)
	}
	reader := dumpReader[ListedService, ServiceID]{decode: decode, key: serviceID, uses: uses}
	got, err := list(t.Context(), c, request{}.asking(encode(cmdGetService)), reader)
	var told []uint32
	for _, service := range got {
		told = append(told, service.Mark)
	}
	slices.Sort(told)
	if err != nil || !slices.Equal(told, all) || len(k.requests) != 3 {
		t.Errorf("%d services, %v after %d dumps", len(got), err, len(k.requests))
	}
}

// TestRepeatedAttributes wants the last of several to count, and what is unknown to count for nothing.
func TestRepeatedAttributes(t *testing.T) {
	repeated := raw(attribute(99), nest(1, u16(1, 10), u16(1, 2), u32(5, 1), u32(5, 7), attribute(98, 1), text(6, "rr\x00"), text(6, "wlc\x00")))
	k := &fakeKernel{t: t, answer: func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{reply(m, 0, repeated)} }}
	got, err := k.client().Service(t.Context(), MarkService(7, IPv4))
	if err != nil || got.ServiceID != MarkService(7, IPv4) || got.Scheduler != "wlc" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFaultWithinEntries lists three services. The servers of the second cannot be read, so the listing ends with an
// error after the first, and never looks whole.
func TestFaultWithinEntries(t *testing.T) {
	server := raw(nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80)))
	for name, test := range map[string]struct {
		fault func(netlink.Message) [][]netlink.Message // the answer to the request for the servers
		want  error
	}{
		"refused": {func(m netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{refusal(m, syscall.EPERM)}
		}, syscall.EPERM},
		"refused in the middle": {func(m netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{reply(m, netlink.Multi, server), refusal(m, syscall.ENOMEM)}
		}, syscall.ENOMEM},
		"malformed": {func(m netlink.Message) [][]netlink.Message {
			return append([][]netlink.Message{reply(m, netlink.Multi, server[:len(server)-2])}, dump(m, 0)...)
		}, errTruncated},
		"cut off": {func(m netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{reply(m, netlink.Multi, server)}
		}, context.DeadlineExceeded},
		"without servers, and then refused": {func(m netlink.Message) [][]netlink.Message {
			if m.Data[0] == cmdGetService {
				return [][]netlink.Message{refusal(m, syscall.EPERM)}
			}
			return dump(m, 0)
		}, syscall.EPERM},
		"without servers, and then cut off": {func(m netlink.Message) [][]netlink.Message {
			if m.Data[0] == cmdGetService {
				return nil
			}
			return dump(m, 0)
		}, context.DeadlineExceeded},
	} {
		k := &fakeKernel{t: t}
		k.answer = func(m netlink.Message) [][]netlink.Message {
			if m.Header.Flags&netlink.Dump != 0 && m.Data[0] == cmdGetService {
				return dump(m, 0, 1, 2, 3)
			}
			if binary.NativeEndian.Uint32(m.Data[genericHeader+16:]) == 2 {
				return test.fault(m)
			}
			return append([][]netlink.Message{reply(m, netlink.Multi, server)}, dump(m, 0)...)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		entries, err := k.client().Entries(ctx, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		var listed []uint32
		for entry, err2 := range entries {
			if err = err2; err == nil {
				listed = append(listed, entry.Mark)
			}
		}
		if !slices.Equal(listed, []uint32{1}) || !errors.Is(err, test.want) {
			t.Errorf("%s: services %v, %v, want the first and then %v", name, listed, err, test.want)
		}
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		if table, err := k.client().Table(ctx); table != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: a table of %d services, %v", name, len(table), err)
		}
		cancel()
	}
}

// TestSimilarServices lists services that differ in one part of their names, in a dump of several datagrams, which the
// client takes twice.
func TestSimilarServices(t *testing.T) {
	var datagrams [][]byte
	want := make(map[ServiceID]bool)
	for _, last := range []byte{1, 2} {
		for _, protocol := range []Protocol{TCP, UDP} {
			for port := uint16(80); port < 80+20*256; port += 256 { // equal in their low byte
				datagrams = append(datagrams, raw(nest(1, u16(1, 2), u16(2, uint16(protocol)), union(3, 192, 0, 2, last), attribute(4, byte(port>>8), byte(port)))))
				want[AddressService(protocol, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), port))] = true
			}
		}
	}
	for _, family := range []Family{IPv4, IPv6} {
		for mark := uint32(80); mark < 80+20*256; mark += 256 {
			datagrams = append(datagrams, raw(nest(1, u16(1, uint16(family)), u32(5, mark))))
			want[MarkService(mark, family)] = true
		}
	}
	k := &fakeKernel{t: t, answer: func(m netlink.Message) (all [][]netlink.Message) {
		for _, service := range datagrams {
			all = append(all, reply(m, netlink.Multi, service))
		}
		return append(all, dump(m, 0)...)
	}}
	services, err := k.client().Services(t.Context())
	if err != nil || len(k.requests) < 2 {
		t.Fatalf("%v after %d dumps, want no error and more than one", err, len(k.requests))
	}
	got := make(map[ServiceID]bool)
	for _, s := range services {
		got[s.ServiceID] = true
	}
	if !maps.Equal(got, want) || len(services) != len(want) {
		t.Errorf("%d services, %d of them different, want %d", len(services), len(got), len(want))
	}
}

// failing is a socket of which nothing can be read.
type failing struct {
	*fakeKernel
	errno syscall.Errno
}

func (f failing) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		yield(netlink.Message{}, os.NewSyscallError("recvmsg", f.errno))
	}
}

// TestFailingSocket is about answers that are lost, as when the socket's buffer is full (ENOBUFS): what was done of the
// changes is not known, and the client must not go on.
func TestFailingSocket(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOBUFS, syscall.EBADF, syscall.EIO} {
		for name, call := range map[string]func(*Client) error{
			"change":   func(c *Client) error { return c.Apply(t.Context(), Flush(), ZeroAll()) },
			"question": func(c *Client) error { _, err := c.Info(t.Context()); return err },
			"listing":  func(c *Client) error { return errorOf(c.Services(t.Context())) },
			"table":    func(c *Client) error { _, err := c.Table(t.Context()); return err },
		} {
			k := &fakeKernel{t: t, expired: make(chan struct{}, 8), answer: func(netlink.Message) [][]netlink.Message { return nil }}
			c := clientOf(netlink.NewConn(failing{k, errno}, 1), fullBatch, fakeFamily)
			err := call(c)
			var batch *BatchError
			if !errors.Is(err, errno) || errors.As(err, &batch) {
				t.Errorf("%s, %v: %v", name, errno, err)
			}
			asked := len(k.requests)
			if err := call(c); !errors.Is(err, ErrOutOfStep) || !errors.Is(err, errno) || len(k.requests) != asked {
				t.Errorf("%s, %v, afterwards: %v", name, errno, err)
			}
		}
	}
}

// TestWrongAnswersToChanges wants no change taken for done on another's word.
func TestWrongAnswersToChanges(t *testing.T) {
	for name, answer := range map[string]func(netlink.Message) [][]netlink.Message{
		"an acknowledgement not asked for": func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{refusal(m, 0)} },
		"a refusal of what was not sent": func(m netlink.Message) [][]netlink.Message {
			m.Header.Sequence += 1000
			return [][]netlink.Message{refusal(m, syscall.EPERM)}
		},
		"an answer": func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{reply(m, 0, nil)} },
		"a refusal twice": func(m netlink.Message) [][]netlink.Message {
			return slices.Repeat([][]netlink.Message{refusal(m, syscall.EPERM)}, 2)
		},
	} {
		k := &fakeKernel{t: t, answer: answer}
		c := k.client()
		if err := c.Apply(t.Context(), Flush(), ZeroAll()); !errors.Is(err, errUnexpected) {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Apply(t.Context(), Flush()); !errors.Is(err, ErrOutOfStep) {
			t.Errorf("%s, afterwards: %v", name, err)
		}
	}
}

// TestNoAcknowledgement waits for one no longer than it is let.
func TestNoAcknowledgement(t *testing.T) {
	c, p := dialPeer(t)
	go p.question(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := c.Apply(ctx, Flush())
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "after 0 of 1 changes") {
		t.Errorf("error %v", err)
	}
	if err := c.Apply(t.Context(), Flush()); !errors.Is(err, ErrOutOfStep) {
		t.Errorf("afterwards: %v", err)
	}
}

// FuzzReceive answers a listing and a change with any bytes, as one datagram after which the kernel is gone. Both end.
func FuzzReceive(f *testing.F) {
	service := append([]byte{1, 1, 0, 0}, raw(nest(1, u16(1, 2), u32(5, 7)))...)
	f.Add(append(message(fakeFamily, 2, 0, service), message(3, 2, 0, make([]byte, 4))...))
	f.Add(message(2, 0, 0, make([]byte, 20)))
	f.Add(message(4, 0, 0, nil))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		for _, ask := range []func(*Client) error{
			func(c *Client) error { return errorOf(c.Services(t.Context())) },
			func(c *Client) error { return c.Apply(t.Context(), Flush()) },
		} {
			c, p := dialPeer(t)
			answer := slices.Clone(datagram)
			var kernel sync.WaitGroup
			kernel.Go(func() {
				if sequence := p.question(t); len(answer) >= 12 {
					answer = binary.NativeEndian.AppendUint32(answer[:8:8], sequence)
					answer = append(answer, datagram[12:]...)
				}
				unix.Write(p.fd, answer)
				p.hangUp()
			})
			ask(c)
			kernel.Wait()
		}
	})
}
