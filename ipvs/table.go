package ipvs

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// Entry is a virtual service with its real servers.
type Entry struct {
	Service
	Destinations []Destination
}

// Table returns all services and their real servers, in the kernel's order. A service that is deleted while they are
// read is left out.
func (c *Client) Table(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	for service, err := range c.Services(ctx) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Service: service})
	}
	var servers serverReader
	deleted := 0
	var failure error
	err := c.exchange(ctx, func() (broken error) {
		for i := range entries {
			failure, broken = servers.read(c, &entries[i])
			if errors.Is(failure, syscall.ESRCH) {
				deleted++
				continue
			}
			if failure != nil || broken != nil {
				return broken
			}
			entries[i-deleted] = entries[i]
		}
		failure = nil
		return nil
	})
	if err = cmp.Or(err, failure); err != nil {
		return nil, servers.asked.failed(err)
	}
	return entries[:len(entries)-deleted], nil
}

// Entry returns one service (ESRCH) and its real servers.
func (c *Client) Entry(ctx context.Context, id ServiceID) (Entry, error) {
	service, err := c.Service(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Service: service}
	var servers serverReader
	var failure error
	err = c.exchange(ctx, func() (broken error) {
		failure, broken = servers.read(c, &entry)
		return broken
	})
	if err = cmp.Or(err, failure); err != nil {
		return Entry{}, servers.asked.failed(err)
	}
	return entry, nil
}

// serverReader reads the real servers of one service after the other.
type serverReader struct {
	asked request // last
	seen  map[netip.AddrPort]struct{}
	all   []Destination
}

// read reads an entry's servers within an exchange. It returns what the kernel refused, if anything, apart from errors
// of the socket.
func (s *serverReader) read(c *Client, entry *Entry) (failure, broken error) {
	if s.seen == nil {
		s.seen = make(map[netip.AddrPort]struct{})
	}
	clear(s.seen)
	s.all = s.all[:0]
	s.asked = destinationsOf(entry.ServiceID)
	decode := func(message []byte) (Destination, error) { return decodeDestination(message, entry.Family) }
	failure, broken = readDump(c, s.asked, s.seen, decode, destinationName, func(destination Destination) bool {
		s.all = append(s.all, destination)
		return true
	})
	if failure != nil || broken != nil {
		return failure, broken
	}
	if len(s.all) > 0 {
		entry.Destinations = slices.Clone(s.all)
		return nil, nil
	}
	// The kernel says nothing of a service that is gone when it is asked for its servers.
	s.asked = oneService(entry.ServiceID)
	_, failure, broken = readOne(c, s.asked, c.decodeService)
	return failure, broken
}

func destinationName(d Destination) netip.AddrPort { return d.Address }

// SortTable puts services, and the real servers of each, in the order in which ipvsadm lists them.
func SortTable(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return a.Compare(b.ServiceID) })
	for _, entry := range entries {
		slices.SortFunc(entry.Destinations, Destination.Compare)
	}
}

// Addresses returns the addresses of services and real servers, some of them more than once.
func Addresses(entries []Entry) []netip.Addr {
	var addresses []netip.Addr
	for _, entry := range entries {
		if entry.Mark == 0 {
			addresses = append(addresses, entry.Address.Addr())
		}
		for _, destination := range entry.Destinations {
			addresses = append(addresses, destination.Address.Addr())
		}
	}
	return addresses
}
