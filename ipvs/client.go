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
// A client does one thing at a time: a call that comes while another is under way, or from within the loop over
// Entries, fails with ErrBusy. After a call that was cancelled or broke off, every other fails with ErrOutOfStep.
// What the kernel refuses is an *Error and does a client no harm.
type Client struct {
	// WithoutCounters leaves Totals and Rates zero in what is listed, which is faster by a tenth.
	WithoutCounters bool

	conn    *netlink.Conn
	buffers buffers
	family  netlink.HeaderType
	names   names

	busy     sync.Mutex
	broken   error
	answer   answer
	receives func(netlink.Message, error) bool // receive, once for all answers, as each is an allocation
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
	c := &Client{conn: conn, buffers: buffers, family: family, names: make(names)}
	c.receives = c.receive
	return c
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

var errUnexpected = errors.New("the kernel answered what was not asked")

// unexpected ends the client's talk with the kernel. On leaving its loop the library would read on to the end of a
// dump, which may never come, so nothing may wait any more.
func (c *Client) unexpected() error {
	_ = c.conn.SetDeadline(time.Unix(1, 0))
	return errUnexpected
}

// message returns the netlink message of a request.
func (c *Client) message(r request, flags netlink.HeaderFlags) netlink.Message {
	return netlink.Message{Header: netlink.Header{Type: c.family, Flags: netlink.Request | flags}, Data: r.message}
}

// exchange has the socket to itself while talk sends and receives. An error that talk returns means that answers may
// still be under way, and so the end of the client, as does a panic within; what the kernel refuses is no such error.
func (c *Client) exchange(ctx context.Context, talk func() error) error {
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

	// The socket knows no contexts, but deadlines. One in the past ends a wait at once.
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.conn.SetDeadline(time.Unix(1, 0))
		close(expired)
	})
	c.broken = ErrOutOfStep
	defer func() {
		if !stop() {
			<-expired
			_ = c.conn.SetDeadline(time.Time{})
		}
	}()
	if err := talk(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		c.broken = fmt.Errorf("%w (%w)", ErrOutOfStep, err)
		return err
	}
	c.broken = nil
	return nil
}

// ask sends a request and hands the attributes of each answer to take, with the message's flags. It returns the
// kernel's refusal, if any, apart from errors of the socket.
func (c *Client) ask(r request, flags netlink.HeaderFlags, take func([]byte, netlink.HeaderFlags)) (refusal, broken error) {
	if r.invalid != nil {
		return r.invalid, nil
	}
	sent, err := c.conn.Send(c.message(r, flags))
	if err != nil {
		return nil, err
	}
	c.answer = answer{sequence: sent.Header.Sequence, take: take}
	c.conn.ReceiveIter()(c.receives)
	a := c.answer
	c.answer = answer{} // and let go of what it was taken into
	return a.refusal, a.broken
}

// answer is what comes for one request.
type answer struct {
	sequence        uint32
	take            func([]byte, netlink.HeaderFlags)
	refusal, broken error
}

// receive takes a message of the answer. Until that is broken it asks for more: what is left of a dump must be read
// before the next question.
func (c *Client) receive(reply netlink.Message, err error) bool {
	a := &c.answer
	if err == nil {
		if reply.Header.Sequence == a.sequence && reply.Header.Type == c.family && len(reply.Data) >= genericHeader {
			a.take(reply.Data[genericHeader:], reply.Header.Flags)
			return true
		}
		a.broken = c.unexpected()
		return false
	}
	switch answer, ok := refused(err); {
	case !ok:
		a.broken = err
	case answer.Sequence != a.sequence:
		a.broken = c.unexpected()
	default:
		a.refusal = err
	}
	return false
}

// get asks what has one answer.
func get[T any](ctx context.Context, c *Client, r request, decode func([]byte, *T) error) (T, error) {
	var answer T
	var failure error
	err := c.exchange(ctx, func() (broken error) {
		failure, broken = readOne(c, r, decode, &answer)
		return broken
	})
	if err = cmp.Or(err, failure); err != nil {
		var none T
		return none, r.failed(err)
	}
	return answer, nil
}

// readOne is get within an exchange. It returns what the kernel refused, if anything, apart from errors of the socket.
func readOne[T any](c *Client, r request, decode func([]byte, *T) error, answer *T) (failure, broken error) {
	answers := 0
	var malformed error
	refusal, broken := c.ask(r, 0, func(message []byte, _ netlink.HeaderFlags) {
		answers++
		malformed = decode(message, answer)
	})
	failure = cmp.Or(refusal, malformed)
	if failure == nil && broken == nil && answers != 1 {
		broken = errUnexpected
	}
	return failure, broken
}
