package ipvs

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
)

func TestUnknownFamily(t *testing.T) {
	k := &fakeKernel{t: t, unknown: true}
	if _, err := newClient(oneSocket(netlink.NewConn(k, 1), k.buffers())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestBusy makes a call in the middle of another, as a second goroutine would.
func TestBusy(t *testing.T) {
	var c *Client
	k := &fakeKernel{t: t}
	k.reply = func(m netlink.Message) [][]netlink.Message {
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

// TestPanic panics in the middle of a dump. The rest of the dump is pending, so the client cannot be used any more.
func TestPanic(t *testing.T) {
	k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message { return dump(m, 0, 1, 2) }}
	c := k.client()
	func() {
		defer func() { _ = recover() }()
		_ = c.exchange(t.Context(), small, func() error {
			return c.ask(request{}.encoded(encode(cmdGetService)), netlink.Dump, func([]byte, netlink.HeaderFlags) { panic("decode") })
		})
	}()
	if _, err := marks(t, c); !errors.Is(err, ErrOutOfStep) {
		t.Errorf("afterwards: %v, want %v", err, ErrOutOfStep)
	}
}

func TestCancelled(t *testing.T) {
	k := &fakeKernel{t: t, reply: func(netlink.Message) [][]netlink.Message { return nil }}
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

func TestOtherSequence(t *testing.T) {
	k := &fakeKernel{t: t, reply: func(m netlink.Message) [][]netlink.Message {
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

// TestFailingSocket loses replies, as when the receive buffer is full (ENOBUFS). It is not known which changes the kernel
// processed, so the client cannot be used any more.
func TestFailingSocket(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOBUFS, syscall.EBADF, syscall.EIO} {
		for name, call := range map[string]func(*Client) error{
			"change":  func(c *Client) error { return c.Apply(t.Context(), Flush(), ZeroAll()) },
			"query":   func(c *Client) error { _, err := c.Info(t.Context()); return err },
			"listing": func(c *Client) error { return errorOf(c.Services(t.Context())) },
			"table":   func(c *Client) error { _, err := c.Table(t.Context()); return err },
		} {
			k := &fakeKernel{t: t, expired: make(chan struct{}, 8), reply: func(netlink.Message) [][]netlink.Message { return nil }}
			c := clientOf(oneSocket(netlink.NewConn(failing{k, errno}, 1), fullBatch), fakeFamily)
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
