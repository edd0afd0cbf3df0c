package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"ipvsadm/ipvs/internal/nlsocket"
)

// peer is the kernel's end of a client's socket.
type peer struct{ fd int }

// dialPeer returns a client, and the other end of its socket, from which the test replies.
func dialPeer(t *testing.T) (*Client, peer) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := nlsocket.New(fds[0], 4096)
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(oneSocket(netlink.NewConn(s, 1), fullBatch), fakeFamily)
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

// request reads a request and returns its sequence number.
func (p peer) request(t *testing.T) uint32 {
	b := make([]byte, 65536)
	n, err := unix.Read(p.fd, b)
	if err != nil || n < 16 {
		t.Errorf("request of %d bytes, %v", n, err)
		return 0
	}
	return binary.NativeEndian.Uint32(b[8:])
}

// message returns the bytes of a message.
func message(kind uint16, flags uint16, sequence uint32, data []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 1)
	return append(b, data...)
}

// TestMisbehaviour lists services of a kernel that sends unexpected replies. Each listing ends with an error, and the client
// sends no more unless it stays usable.
func TestMisbehaviour(t *testing.T) {
	const multi = 2 // NLM_F_MULTI
	service := append([]byte{1, 1, 0, 0}, raw(nest(1, u16(1, 2), u32(5, 7)))...)
	errno := func(e syscall.Errno) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(-int32(e))) }
	for name, test := range map[string]struct {
		reply  func(sequence uint32) []byte
		hangUp bool
		usable bool // the client stays usable
	}{
		"no reply":               {reply: func(uint32) []byte { return nil }},
		"a dump without end":     {reply: func(s uint32) []byte { return message(fakeFamily, multi, s, service) }},
		"a dump that is cut off": {reply: func(s uint32) []byte { return message(fakeFamily, multi, s, service) }, hangUp: true},
		"a dump that ends with an error": {reply: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, service), message(3, multi, s, errno(syscall.ENOMEM))...)
		}, usable: true},
		"half a message":         {reply: func(s uint32) []byte { return message(fakeFamily, multi, s, service)[:24] }},
		"half a header":          {reply: func(s uint32) []byte { return message(fakeFamily, multi, s, service)[:9] }},
		"a message of no length": {reply: func(s uint32) []byte { return append(message(fakeFamily, multi, s, service), make([]byte, 16)...) }},
		"a length past the end": {reply: func(s uint32) []byte {
			return append([]byte{0xff, 0xff, 0xff, 0xff}, message(fakeFamily, multi, s, service)[4:]...)
		}},
		"more than the buffer holds": {reply: func(s uint32) []byte {
			return message(fakeFamily, multi, s, append(service, raw(text(99, strings.Repeat("x", 9000)))...))
		}},
		"a reply to another request": {reply: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s+1, service), message(3, multi, s, errno(0))...)
		}},
		"a refusal of another request": {reply: func(s uint32) []byte { return message(2, 0, s+1, append(errno(syscall.EPERM), make([]byte, 16)...)) }},
		"another family's reply": {reply: func(s uint32) []byte {
			return append(message(fakeFamily+1, multi, s, service), message(3, multi, s, errno(0))...)
		}},
		"no header of the family's": {reply: func(s uint32) []byte { return message(fakeFamily, multi, s, []byte{1}) }},
		"an error without a number": {reply: func(s uint32) []byte { return message(2, 0, s, nil) }},
		"an overrun":                {reply: func(s uint32) []byte { return message(4, 0, s, nil) }},
		"a truncated attribute": {reply: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, []byte{1, 1, 0, 0, 9, 0, 1, 0}), message(3, multi, s, errno(0))...)
		}, usable: true},
		"an attribute of no length": {reply: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, []byte{1, 1, 0, 0, 0, 0, 1, 0}), message(3, multi, s, errno(0))...)
		}, usable: true},
		"nothing of a service": {reply: func(s uint32) []byte {
			return append(message(fakeFamily, multi, s, []byte{1, 1, 0, 0}), message(3, multi, s, errno(0))...)
		}, usable: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := dialPeer(t)
			go func() {
				if reply := test.reply(p.request(t)); reply != nil {
					unix.Write(p.fd, reply)
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

// TestSmallBuffer replies with a datagram that is longer than the buffer, which cuts it within a message or between two.
// The listing must fail: messages are missing.
func TestSmallBuffer(t *testing.T) {
	const multi = 2
	for length := range 40 {
		c, p := dialPeer(t)
		go func() {
			s := p.request(t)
			named := append(nest(1, u16(1, 2), u32(5, 7)).Data, raw(attribute(99, make([]byte, length)...))...)
			service := append([]byte{1, 1, 0, 0}, raw(attribute(1, named...))...)
			var datagram []byte
			for len(datagram) <= 4096 {
				datagram = append(datagram, message(fakeFamily, multi, s, service)...)
			}
			unix.Write(p.fd, datagram)
			unix.Write(p.fd, message(3, multi, s, make([]byte, 4)))
		}()
		if _, err := c.Services(t.Context()); !errors.Is(err, nlsocket.ErrMalformed) {
			t.Errorf("messages of %d bytes more: %v", length, err)
		}
	}
}

// TestNoAcknowledgement cancels the wait for an acknowledgement.
func TestNoAcknowledgement(t *testing.T) {
	c, p := dialPeer(t)
	go p.request(t)
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

// FuzzReceive replies to a listing and a change with one datagram of any bytes, and then hangs up. Both calls end.
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
			sent := slices.Clone(datagram)
			var kernel sync.WaitGroup
			kernel.Go(func() {
				if sequence := p.request(t); len(sent) >= 12 {
					sent = binary.NativeEndian.AppendUint32(sent[:8:8], sequence)
					sent = append(sent, datagram[12:]...)
				}
				unix.Write(p.fd, sent)
				p.hangUp()
			})
			ask(c)
			kernel.Wait()
		}
	})
}
