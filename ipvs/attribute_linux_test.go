package ipvs

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
)

// part is an attribute of a message, with a value or with attributes in it.
type part struct {
	kind  uint16
	value []byte
	parts []part
	name  bool // a text, which may be empty
}

func (p part) bytes() []byte {
	value, kind := p.value, p.kind
	if p.parts != nil {
		value, kind = together(p.parts), kind|netlink.Nested
	}
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func together(parts []part) (b []byte) {
	for _, p := range parts {
		b = append(b, p.bytes()...)
	}
	return b
}

// altered yields, for each part of a message at any depth, the part and the message in which alter replaced it.
func altered(parts []part, alter func(part) []part) iter.Seq2[part, []part] {
	return func(yield func(part, []part) bool) {
		for i, p := range parts {
			if !yield(p, slices.Concat(parts[:i], alter(p), parts[i+1:])) {
				return
			}
			for which, inner := range altered(p.parts, alter) {
				whole := slices.Clone(parts)
				whole[i].parts = inner
				if !yield(which, whole) {
					return
				}
			}
		}
	}
}

// TestAlteredAttributes alters each attribute of each reply: it comes twice, after an unknown one, empty, a byte short or
// long, not at all, or again with another value. It also cuts each reply anywhere, and replaces every length. A repeated or
// unknown attribute changes nothing, and an empty number is an error. After any reply the client stays usable.
func TestAlteredAttributes(t *testing.T) {
	number := func(kind uint16, bytes ...byte) part { return part{kind: kind, value: bytes} }
	u16 := func(kind, value uint16) part { return number(kind, binary.NativeEndian.AppendUint16(nil, value)...) }
	u32 := func(kind uint16) part { return number(kind, binary.NativeEndian.AppendUint32(nil, 1)...) }
	var counters []part
	for kind := range uint16(10) {
		counters = append(counters, number(kind+1, 7, 0, 0, 0, 0, 0, 0, 0))
	}
	address := func(kind uint16) part { return number(kind, slices.Concat([]byte{192, 0, 2, 1}, make([]byte, 12))...) }
	id := MarkService(1, IPv4)
	cases := 0
	for name, query := range map[string]struct {
		parts []part
		dump  bool
		ask   func(*Client) (any, error)
	}{
		"service": {
			parts: []part{{kind: 1, parts: []part{
				u16(1, 2), u16(2, 6), address(3), number(4, 0, 80), {kind: 6, value: []byte("wlc\x00"), name: true},
				number(7, 1, 0, 0, 0, 0, 0, 0, 0), u32(8), number(9, 255, 255, 255, 0), {kind: 11, value: []byte("sip\x00"), name: true},
				{kind: 12, parts: counters},
			}}},
			ask: func(c *Client) (any, error) { return c.Service(t.Context(), id) },
		},
		"servers": {
			parts: []part{{kind: 2, parts: []part{
				address(1), number(2, 0, 80), u32(3), u32(4), u32(5), u32(6), u32(7), u32(8), u32(9), u16(11, 2),
				{kind: 12, parts: counters}, number(13, 1), number(14, 0x17, 0xc0), u16(15, 1),
			}}},
			dump: true,
			ask:  func(c *Client) (any, error) { return c.Destinations(t.Context(), id) },
		},
		"daemons": {
			parts: []part{{kind: 3, parts: []part{
				u32(1), {kind: 2, value: []byte("eth0\x00"), name: true}, u32(3), number(4, 1, 1), number(5, 224, 0, 0, 81),
				number(7, 0x90, 0x22), number(8, 1),
			}}},
			dump: true,
			ask:  func(c *Client) (any, error) { return c.Daemons(t.Context()) },
		},
		"information": {parts: []part{u32(1), u32(2)}, ask: func(c *Client) (any, error) { return c.Info(t.Context()) }},
		"timeouts":    {parts: []part{u32(4), u32(5), u32(6)}, ask: func(c *Client) (any, error) { return c.Timeouts(t.Context()) }},
	} {
		// decoded returns what the client decodes from a message. It fails the test if the client is not usable afterwards.
		decoded := func(what string, message []byte) (any, error) {
			cases++
			k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message {
				if !query.dump {
					return [][]netlink.Message{reply(m, 0, message)}
				}
				datagrams := dump(m, 0)
				return append([][]netlink.Message{reply(m, netlink.Multi, message)}, datagrams...)
			}}
			c := k.client()
			got, err := query.ask(c)
			if _, again := query.ask(c); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("%s, %s: %v; and asked again: %v", name, what, err, again)
			}
			return got, err
		}
		want, err := decoded("whole", together(query.parts))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for how, alter := range map[string]func(part) []part{
			"twice":           func(p part) []part { return []part{p, p} },
			"after a new one": func(p part) []part { return []part{{kind: 0x3fff, value: []byte{1}}, p} },
		} {
			for which, parts := range altered(query.parts, alter) {
				what := fmt.Sprintf("attribute %d %s", which.kind, how)
				if got, err := decoded(what, together(parts)); err != nil || !cmp.Equal(got, want, sameAddresses) {
					t.Errorf("%s, %s: %+v, %v, want %+v", name, what, got, err, want)
				}
			}
		}
		for how, alter := range map[string]func(part) []part{
			"empty":     func(p part) []part { p.value, p.parts = nil, nil; return []part{p} },
			"short":     func(p part) []part { p.value = p.value[:max(0, len(p.value)-1)]; return []part{p} },
			"long":      func(p part) []part { p.value = append(slices.Clone(p.value), 0); return []part{p} },
			"not there": func(p part) []part { return nil },
			"once more": func(p part) []part { return []part{p, {kind: p.kind, value: make([]byte, 64)}} },
		} {
			for which, parts := range altered(query.parts, alter) {
				what := fmt.Sprintf("attribute %d %s", which.kind, how)
				got, err := decoded(what, together(parts))
				if how == "empty" && which.value != nil && !which.name && err == nil {
					t.Errorf("%s, %s: no error but %+v", name, what, got)
				}
			}
		}
		whole := together(query.parts)
		for length := range whole {
			decoded(fmt.Sprintf("cut after %d bytes", length), whole[:length])
		}
		for at := 0; at < len(whole); at += 2 { // these include each attribute's length
			for _, length := range []uint16{0, 1, 3, 5, 0xffff} {
				message := slices.Clone(whole)
				binary.NativeEndian.PutUint16(message[at:], length)
				decoded(fmt.Sprintf("%d in the bytes at %d", length, at), message)
			}
		}
	}
	t.Logf("%d replies", cases)
}
