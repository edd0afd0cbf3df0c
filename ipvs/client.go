package ipvs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

const genericHeader = 4 // bytes of struct genlmsghdr, between a message's header and its attributes

// Client speaks to the kernel's IPVS over one netlink socket, which it keeps until Close.
//
// A client is for one goroutine at a time: a call that comes while another waits for the kernel fails with ErrBusy. The
// loop over Entries may use the client. After a call that was cancelled or broke off, every other fails with ErrOutOfStep.
// A refusal is an *Error and does a client no harm.
type Client struct {
	// WithoutCounters leaves Totals and Rates zero in what is listed, which is faster by a tenth.
	WithoutCounters bool

	conn    *netlink.Conn
	buffers buffers
	family  netlink.HeaderType
	names   names

	busy    sync.Mutex
	pending bool  // replies may still come: an exchange that ends so breaks the client
	broken  error // of every further exchange
}

// Dial connects to the IPVS of the network namespace of the calling thread. errors.Is(err, fs.ErrNotExist) holds if
// the kernel does not know IPVS; LoadModule may teach it. Privilege is not checked before the first call.
func Dial() (*Client, error) {
	conn, buffers, err := dial()
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	return newClient(conn, buffers)
}

// NewClient returns a client over a socket to generic netlink, such as a test's. It closes the socket if the kernel at its
// other end does not know IPVS.
func NewClient(conn *netlink.Conn) (*Client, error) { return newClient(conn, fullBatch) }

// newClient makes a client of a socket, and closes it if that fails.
func newClient(conn *netlink.Conn, buffers buffers) (*Client, error) {
	family, err := genetlink.NewConn(conn).GetFamily(familyName)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("ipvs: look for the kernel's IPVS: %w", err)
	}
	return clientOf(conn, buffers, netlink.HeaderType(family.ID)), nil
}

func clientOf(conn *netlink.Conn, buffers buffers, family netlink.HeaderType) *Client {
	return &Client{conn: conn, buffers: buffers, family: family, names: make(names)}
}

// Close closes the socket. A call that waits on it fails.
func (c *Client) Close() error {
	return c.conn.Close()
}

// Info returns the version of the kernel's IPVS and the size of its connection table. IPVS_CMD_GET_INFO.
func (c *Client) Info(ctx context.Context) (Info, error) {
	return get(ctx, c, request{operation: OpGetInfo}.asking(encode(cmdGetInfo)), decodeInfo)
}

// Timeouts returns the timeouts in force. IPVS_CMD_GET_CONFIG.
func (c *Client) Timeouts(ctx context.Context) (Timeouts, error) {
	return get(ctx, c, request{operation: OpGetTimeouts}.asking(encode(cmdGetConfig)), decodeTimeouts)
}

// Service returns one service, which must exist (ESRCH). IPVS_CMD_GET_SERVICE.
func (c *Client) Service(ctx context.Context, id ServiceID) (ListedService, error) {
	return get(ctx, c, oneService(id), c.decodeService)
}

func oneService(id ServiceID) request {
	return request{operation: OpGetService, service: id}.asking(encodeAbout(cmdGetService, id))
}

// Services returns the virtual services, each once, in the kernel's order. IPVS_CMD_GET_SERVICE.
func (c *Client) Services(ctx context.Context) ([]ListedService, error) { return c.services(ctx, nil) }

// services may pass over a service if one comes and one goes while it watches the uses.
func (c *Client) services(ctx context.Context, uses *useCount) ([]ListedService, error) {
	r := request{operation: OpListServices}.asking(encode(cmdGetService))
	return list(ctx, c, r, dumpReader[ListedService, ServiceID]{decode: c.decodeService, key: serviceID, uses: uses})
}

func serviceID(s *ListedService) ServiceID { return s.ServiceID }

// Destinations returns the real servers of a service, each once, in the kernel's order. A service that does not exist
// has none. IPVS_CMD_GET_DEST.
func (c *Client) Destinations(ctx context.Context, id ServiceID) ([]ListedDestination, error) {
	decode := func(message []byte, d *ListedDestination) error { return c.decodeDestination(message, id.Family, d) }
	return list(ctx, c, destinationsOf(id), dumpReader[ListedDestination, netip.AddrPort]{decode: decode, key: destinationAddress})
}

func destinationsOf(id ServiceID) request {
	return request{operation: OpListDestinations, service: id}.asking(encodeAbout(cmdGetDest, id))
}

func destinationAddress(d *ListedDestination) netip.AddrPort { return d.Address }

// Daemons returns the synchronization daemons that run, at most one of each kind. IPVS_CMD_GET_DAEMON.
func (c *Client) Daemons(ctx context.Context) ([]Daemon, error) {
	r := request{operation: OpListDaemons}.asking(encode(cmdGetDaemon))
	state := func(d *Daemon) DaemonState { return d.State }
	return list(ctx, c, r, dumpReader[Daemon, DaemonState]{decode: decodeDaemon, key: state})
}

func (c *Client) decodeService(message []byte, s *ListedService) error {
	stats, err := decodeService(message, c.names, s)
	if err != nil || c.WithoutCounters {
		return err
	}
	return decodeStats(stats, &s.Traffic)
}

func (c *Client) decodeDestination(message []byte, service Family, d *ListedDestination) error {
	stats, err := decodeDestination(message, service, d)
	if err != nil || c.WithoutCounters {
		return err
	}
	return decodeStats(stats, &d.Traffic)
}

var errUnexpected = errors.New("the kernel sent a reply to another request")

// unexpected ends the exchange. On leaving its loop the library would read on to the end of a dump, which may never come,
// so nothing may wait any more.
func (c *Client) unexpected() error {
	c.pending = true
	_ = c.conn.SetDeadline(time.Unix(1, 0))
	return errUnexpected
}

// message returns the netlink message of a request.
func (c *Client) message(r request, flags netlink.HeaderFlags) netlink.Message {
	return netlink.Message{Header: netlink.Header{Type: c.family, Flags: netlink.Request | flags}, Data: r.message}
}

// exchange has the socket to itself while talk sends requests and reads the replies. If replies are pending at its end, be
// it by a panic, they would be taken for those to a later request: so every further exchange fails.
func (c *Client) exchange(ctx context.Context, talk func() error) (err error) {
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

// interruptible lets the end of a context end every wait of the socket, until the returned function is called.
func (c *Client) interruptible(ctx context.Context) (stop func()) {
	// The socket knows no contexts, but deadlines. One in the past ends a wait at once.
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

// ask sends a request and hands the attributes of each reply to take, with the message's flags. It is part of an exchange.
// A refusal completes the reply; after any other error replies are pending.
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
			refusal, ok := refused(err)
			if ok && refusal.Sequence != sent.Header.Sequence {
				return c.unexpected()
			}
			c.pending = !ok
			return err
		}
		if reply.Header.Sequence != sent.Header.Sequence || reply.Header.Type != c.family || len(reply.Data) < genericHeader {
			return c.unexpected()
		}
		take(reply.Data[genericHeader:], reply.Header.Flags)
	}
	c.pending = false
	return nil
}

// get sends a request that has one reply.
func get[T any](ctx context.Context, c *Client, r request, decode func([]byte, *T) error) (T, error) {
	var answer T
	err := c.exchange(ctx, func() error { return readOne(c, r, decode, &answer) })
	if err != nil {
		var none T
		return none, r.failed(err)
	}
	return answer, nil
}

// readOne is the exchange of get.
func readOne[T any](c *Client, r request, decode func([]byte, *T) error, answer *T) error {
	replies := 0
	var malformed error
	err := c.ask(r, 0, func(message []byte, _ netlink.HeaderFlags) {
		replies++
		malformed = decode(message, answer)
	})
	if err = cmp.Or(err, malformed); err == nil && replies != 1 {
		return c.unexpected()
	}
	return err
}
