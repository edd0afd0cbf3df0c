package ipvs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs/internal/nlsocket"
)

const genericHeader = 4 // bytes of struct genlmsghdr, between a message's header and its attributes

// Client speaks to the kernel's IPVS over netlink sockets, which it keeps until Close.
//
// One goroutine uses a client at a time: a call while another waits for the kernel fails with ErrBusy. The loop over
// Entries may use the client. A refusal is an *Error, and the client stays usable. After a call that was cancelled or
// broke off, every other call fails with ErrOutOfStep.
type Client struct {
	*session
	withoutCounters bool
}

// session is what all views of a client share.
type session struct {
	*sockets
	conn      *nlsocket.Conn // of the present exchange
	family    netlink.HeaderType
	moduleUse string // the file that useCount reads

	busy    sync.Mutex
	pending bool  // replies may still come: an exchange that ends so breaks the client
	broken  error // of every further exchange
}

// Dial connects to the IPVS of the network namespace of the calling thread. errors.Is(err, fs.ErrNotExist) holds if
// the kernel does not know IPVS; LoadModule may help. The kernel checks the caller's privilege at the first call.
func Dial() (*Client, error) {
	sockets, err := dialSockets()
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	client, err := newClient(sockets)
	if err != nil {
		return nil, err
	}
	client.moduleUse = moduleUse
	return client, nil
}

// NewClient returns a client that uses a socket to generic netlink, such as a test's. It closes the socket if the kernel
// at its other end does not know IPVS.
func NewClient(conn *netlink.Conn) (*Client, error) { return newClient(oneSocket(conn, fullBatch)) }

func newClient(s *sockets) (*Client, error) {
	family, err := genetlink.NewConn(s.small.Conn).GetFamily(familyName)
	if err != nil {
		_ = s.close()
		return nil, fmt.Errorf("ipvs: look for the kernel's IPVS: %w", err)
	}
	return clientOf(s, netlink.HeaderType(family.ID)), nil
}

func clientOf(s *sockets, family netlink.HeaderType) *Client {
	return &Client{session: &session{sockets: s, family: family}}
}

// WithoutCounters returns a view of the client that leaves Totals and Rates zero, which makes listings faster by a
// tenth. Both use the same sockets.
func (c *Client) WithoutCounters() *Client {
	return &Client{session: c.session, withoutCounters: true}
}

// Close closes the sockets. A call that waits on one fails.
func (c *Client) Close() error { return c.sockets.close() }

// exchange has a socket to itself while talk sends requests and reads the replies. If replies are pending at its end,
// even after a panic, a later request would take them for its own. So every further exchange fails.
func (c *Client) exchange(ctx context.Context, size datagrams, talk func() error) (err error) {
	if !c.busy.TryLock() {
		return ErrBusy
	}
	defer c.busy.Unlock()
	if c.broken != nil {
		return c.broken
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if c.conn, err = c.socket(size); err != nil {
		return err
	}
	defer func() {
		if !c.pending {
			return
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		c.broken = ErrOutOfStep
		if err != nil {
			c.broken = fmt.Errorf("%w (%w)", ErrOutOfStep, err)
		}
	}()
	if ctx.Done() != nil {
		defer c.interruptible(ctx)()
	}
	return talk()
}

// interruptible makes the end of a context end every wait of the socket, until stop is called. The socket has deadlines
// and no contexts: a deadline in the past ends a wait at once.
func (c *Client) interruptible(ctx context.Context) (stop func()) {
	expired := make(chan struct{})
	remove := context.AfterFunc(ctx, func() {
		_ = c.conn.SetDeadline(time.Unix(1, 0))
		close(expired)
	})
	return func() {
		if !remove() {
			<-expired
			_ = c.conn.SetDeadline(time.Time{})
		}
	}
}

// ask sends a request and passes the attributes of each reply to take, with the message's flags. It is part of an
// exchange. A refusal completes the reply; after any other error replies are pending.
func (c *Client) ask(r request, flags netlink.HeaderFlags, take func([]byte, netlink.HeaderFlags)) error {
	if r.invalid != nil {
		return r.invalid
	}
	c.pending = true
	sent, err := c.conn.Send(c.message(r, flags))
	if err != nil {
		return err
	}
	for reply, err := range c.conn.ReceiveIter() {
		if err != nil {
			refusal, ok := asRefusal(err)
			if ok && refusal.Sequence != sent.Header.Sequence {
				return c.breakOff()
			}
			c.pending = !ok
			return err
		}
		if reply.Header.Sequence != sent.Header.Sequence || reply.Header.Type != c.family || len(reply.Data) < genericHeader {
			return c.breakOff()
		}
		take(reply.Data[genericHeader:], reply.Header.Flags)
	}
	c.pending = false
	return nil
}

// message returns the netlink message of a request.
func (c *Client) message(r request, flags netlink.HeaderFlags) netlink.Message {
	return netlink.Message{Header: netlink.Header{Type: c.family, Flags: netlink.Request | flags}, Data: r.message}
}

var errUnexpected = errors.New("the kernel sent a reply to another request")

// breakOff ends the exchange after an unexpected reply, and returns the error. The library reads on to the end of a dump
// when its loop is left, and that end may never come, so the socket must not wait any more.
func (c *Client) breakOff() error {
	c.pending = true
	_ = c.conn.SetDeadline(time.Unix(1, 0))
	return errUnexpected
}

// get sends a request that has one reply.
func get[T any](ctx context.Context, c *Client, r request, decode func([]byte, *T) error) (T, error) {
	var decoded, none T
	err := c.exchange(ctx, small, func() error {
		replies := 0
		var malformed error
		err := c.ask(r, 0, func(message []byte, _ netlink.HeaderFlags) {
			replies++
			malformed = decode(message, &decoded)
		})
		if err != nil {
			return err
		}
		if malformed == nil && replies != 1 {
			return c.breakOff()
		}
		return malformed
	})
	if err != nil {
		return none, r.wrap(err)
	}
	return decoded, nil
}
