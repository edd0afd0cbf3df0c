package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
)

func TestStoppedAndNested(t *testing.T) {
	k := &fakeKernel{t: t, reply: tables(nil, []uint32{1, 2})}
	c := k.client()
	all := func() iter.Seq2[Entry, error] {
		services, err := c.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c.Entries(t.Context(), services)
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

// tables replies to each list of services with the next of the given ones, and repeats the last. Each service that is not
// gone has one server.
func tables(gone []uint32, lists ...[]uint32) func(netlink.Message) [][]netlink.Message {
	return func(m netlink.Message) [][]netlink.Message {
		command := m.Data[0]
		var mark uint32
		for a := m.Data[genericHeader:]; len(a) > 16; a = nil { // of the service
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
			return [][]netlink.Message{refuse(m, syscall.ESRCH)}
		case missing:
			return dump(m, 0)
		default:
			server := raw(nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80)))
			return append([][]netlink.Message{reply(m, netlink.Multi, server)}, dump(m, 0)...)
		}
	}
}

// TestSkippedServices has the kernel skip services because others are deleted meanwhile.
func TestSkippedServices(t *testing.T) {
	for _, test := range []struct {
		gone  []uint32
		lists [][]uint32
		want  []uint32
	}{
		{nil, [][]uint32{{3, 1}, {3, 2, 1}}, []uint32{3, 1}}, // none is gone
		{[]uint32{9}, [][]uint32{{3, 9, 1}, {3, 2, 1}}, []uint32{3, 1, 2}},
		{[]uint32{8, 9}, [][]uint32{{3, 9, 1}, {3, 8, 1}, {5, 3, 2, 1}}, []uint32{3, 1, 5, 2}},
		{[]uint32{9}, [][]uint32{{9}, {}}, nil},
	} {
		k := &fakeKernel{t: t, reply: tables(test.gone, test.lists...)}
		entries, err := k.client().Table(t.Context())
		var got []uint32
		for _, entry := range entries {
			got = append(got, entry.Mark)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("gone %v, lists %v: %v, %v, want %v", test.gone, test.lists, got, err, test.want)
		}
	}
	// A table in which another service is gone each time comes to an end.
	var gone []uint32
	var lists [][]uint32
	for mark := range uint32(100) {
		gone, lists = append(gone, mark+1), append(lists, []uint32{mark + 1})
	}
	k := &fakeKernel{t: t, reply: tables(gone, lists...)}
	if entries, err := k.client().Table(t.Context()); err != nil || len(entries) != 0 || len(k.requests) > 3*(dumpAttempts+1) {
		t.Errorf("%v, %v after %d requests", entries, err, len(k.requests))
	}
}

// TestFaultWithinEntries lists three services. The servers of the second cannot be read, so the listing ends with an error
// after the first.
func TestFaultWithinEntries(t *testing.T) {
	server := raw(nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80)))
	for name, test := range map[string]struct {
		fault func(netlink.Message) [][]netlink.Message // the reply to the request for the servers
		want  error
	}{
		"refused": {func(m netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{refuse(m, syscall.EPERM)}
		}, syscall.EPERM},
		"refused in the middle": {func(m netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{reply(m, netlink.Multi, server), refuse(m, syscall.ENOMEM)}
		}, syscall.ENOMEM},
		"malformed": {func(m netlink.Message) [][]netlink.Message {
			return append([][]netlink.Message{reply(m, netlink.Multi, server[:len(server)-2])}, dump(m, 0)...)
		}, errTruncated},
		"cut off": {func(m netlink.Message) [][]netlink.Message {
			return [][]netlink.Message{reply(m, netlink.Multi, server)}
		}, context.DeadlineExceeded},
		"without servers, and then refused": {func(m netlink.Message) [][]netlink.Message {
			if m.Data[0] == cmdGetService {
				return [][]netlink.Message{refuse(m, syscall.EPERM)}
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
		k.reply = func(m netlink.Message) [][]netlink.Message {
			if m.Header.Flags&netlink.Dump != 0 && m.Data[0] == cmdGetService {
				return dump(m, 0, 1, 2, 3)
			}
			if binary.NativeEndian.Uint32(m.Data[genericHeader+16:]) == 2 {
				return test.fault(m)
			}
			return append([][]netlink.Message{reply(m, netlink.Multi, server)}, dump(m, 0)...)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		c := k.client()
		services, err := c.Services(ctx)
		if err != nil {
			t.Fatal(name, err)
		}
		var listed []uint32
		for entry, err2 := range c.Entries(ctx, services) {
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
