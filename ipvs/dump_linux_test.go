package ipvs

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/mdlayher/netlink"
)

func TestInterruptedDump(t *testing.T) {
	k := &fakeKernel{t: t}
	k.reply = func(m netlink.Message) [][]netlink.Message {
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

	k = &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message { return dump(m, dumpInterrupted, 1) }}
	c := k.client()
	got, err = marks(t, c)
	if !errors.Is(err, ErrInterrupted) || got != nil || len(k.requests) != 8 {
		t.Errorf("services %v, %v after %d dumps, want an error after 8", got, err, len(k.requests))
	}
}

func TestRefusedDump(t *testing.T) {
	k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message {
		return [][]netlink.Message{refuse(m, syscall.EPERM)}
	}}
	c := k.client()
	for range 2 { // after a refusal the client stays usable
		if _, err := marks(t, c); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v", err)
		}
	}
}

// TestMovingDump changes the table during dumps of several datagrams.
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
		k.reply = func(m netlink.Message) [][]netlink.Message { return dump(m, 0, test.dumps[len(k.requests)-1]...) }
		got, err := marks(t, k.client())
		slices.Sort(got)
		if want := test.dumps[len(test.dumps)-1]; err != nil || len(k.requests) != test.want || len(want) == 300 && !slices.Equal(got, all) {
			t.Errorf("%d services, %v after %d dumps, want %d", len(got), err, len(k.requests), test.want)
		}
	}

	// A dump that brings something new each time comes to an end, without an error.
	k := &fakeKernel{t: t}
	k.reply = func(m netlink.Message) [][]netlink.Message {
		return dump(m, 0, append(all, 1000+uint32(len(k.requests)))...)
	}
	if got, err := marks(t, k.client()); err != nil || len(got) != 300+dumpAttempts || len(k.requests) != dumpAttempts {
		t.Errorf("%d services, %v after %d dumps", len(got), err, len(k.requests))
	}
}

// TestWatchedDump does the same with a use count.
func TestWatchedDump(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refcnt")
	count := func(text string) {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := firstMarks(300)
	for name, test := range map[string]struct {
		during func(taken int) int // the count after so many services of the first dump
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
		"no count":            {func(int) int { return -1 }, -1, 2},
	} {
		k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message {
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
		reader := &dumpReader[ListedService, ServiceID]{decode: decode, key: serviceID, uses: uses}
		got, err := list(t.Context(), c, request{}.encoded(encode(cmdGetService)), reader)
		if err != nil || len(got) != len(all) || len(k.requests) != test.want {
			t.Errorf("%s: %d services, %v after %d dumps, want %d", name, len(got), err, len(k.requests), test.want)
		}
		uses.close()
	}
	if uses := watchUses(path + ".none"); uses != nil || !uses.moved() || !uses.movedAtAll() {
		t.Error("a count that is not there is taken for one that stays")
	}
}

// TestMovedDump has the kernel move all services to another table between two datagrams. None comes or goes.
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
	k.reply = func(m netlink.Message) [][]netlink.Message {
		if err := os.WriteFile(path, []byte("301\n"), 0o600); err != nil {
			t.Error(err)
		}
		return dump(m, 0, [][]uint32{moved, all, all}[len(k.requests)-1]...)
	}
	c := k.client()
	taken := 0
	decode := func(message []byte, s *ListedService) error {
		if taken++; taken%300 == 0 { // the dump's own use ends
			if err := os.WriteFile(path, []byte("300\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
		return c.decodeService(message, s)
	}
	reader := &dumpReader[ListedService, ServiceID]{decode: decode, key: serviceID, uses: uses}
	got, err := list(t.Context(), c, request{}.encoded(encode(cmdGetService)), reader)
	var told []uint32
	for _, service := range got {
		told = append(told, service.Mark)
	}
	slices.Sort(told)
	if err != nil || !slices.Equal(told, all) || len(k.requests) != 3 {
		t.Errorf("%d services, %v after %d dumps", len(got), err, len(k.requests))
	}
}

// TestRepeatedAttributes checks that the last of several attributes counts, and that unknown ones do not.
func TestRepeatedAttributes(t *testing.T) {
	repeated := raw(attribute(99), nest(1, u16(1, 10), u16(1, 2), u32(5, 1), u32(5, 7), attribute(98, 1), text(6, "rr\x00"), text(6, "wlc\x00")))
	k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message { return [][]netlink.Message{reply(m, 0, repeated)} }}
	got, err := k.client().Service(t.Context(), MarkService(7, IPv4))
	if err != nil || got.ServiceID != MarkService(7, IPv4) || got.Scheduler != "wlc" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSimilarServices lists services that differ in one part of their IDs. The client takes the dump twice, as it has several
// datagrams.
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
	k := &fakeKernel{t: t, reply: func(m netlink.Message) (all [][]netlink.Message) {
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
