package ipvs

import (
	"errors"
	"sync"

	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs/internal/nlsocket"
	"ipvsadm/ipvs/internal/sockopt"
)

// sockets are the sockets of a client: one on which the kernel sends small datagrams and, once the servers of a service
// did not fit in one, another on which it sends large ones.
//
// The servers of a service are consistent if they come in one datagram, because the kernel holds its mutex while it fills
// one. A large datagram holds about a hundred servers. But the kernel allocates it even for a few, which would make -Ln of
// 2000 services of 4 servers take 14 % longer.
type sockets struct {
	mu    sync.Mutex     // Close may come at any time
	small *nlsocket.Conn // nil after it grew
	large *nlsocket.Conn // nil before
	spare int            // the next small one, not yet connected, but open: the thread's namespace may change; or none

	option *sockopt.Socket // nil if none
}

// datagrams is the size of the datagrams of an exchange.
type datagrams int

const (
	small datagrams = iota
	large           // if there is such a socket
)

const none = -1

func dialSockets() (*sockets, error) {
	first, err := nlsocket.Open()
	if err != nil {
		return nil, err
	}
	spare, err := nlsocket.Open()
	if err != nil {
		nlsocket.CloseOpen(first)
		return nil, err
	}
	conn, err := nlsocket.Connect(first, fullBatch)
	if err != nil {
		nlsocket.CloseOpen(spare)
		return nil, err
	}
	option, _ := sockopt.Open() // without it, large dumps are taken twice
	return &sockets{small: conn, spare: spare, option: option}, nil
}

// oneSocket returns a test's connection, which cannot grow.
func oneSocket(conn *netlink.Conn, buffers nlsocket.Buffers) *sockets {
	return &sockets{small: &nlsocket.Conn{Conn: conn, Buffers: buffers}, spare: none}
}

// socket returns a socket for datagrams of a size.
func (s *sockets) socket(size datagrams) (*nlsocket.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size == large && s.large != nil {
		return s.large, nil
	}
	if s.small == nil {
		conn, err := nlsocket.Connect(s.spare, fullBatch)
		s.spare = none // Connect closes it if it fails
		if err != nil {
			return nil, err
		}
		s.small = conn
	}
	return s.small, nil
}

// grow makes the small socket the large one, even in the middle of a dump.
func (s *sockets) grow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.large == nil && s.spare != none {
		s.small.Socket.Grow()
		s.large, s.small = s.small, nil
	}
}

func (s *sockets) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, conn := range []*nlsocket.Conn{s.small, s.large} {
		if conn != nil {
			errs = append(errs, conn.Close())
		}
	}
	if s.spare != none {
		nlsocket.CloseOpen(s.spare)
		s.spare = none
	}
	if s.option != nil {
		errs = append(errs, s.option.Close())
	}
	return errors.Join(errs...)
}
