package ipvs

import (
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
	deleted := 0
	for i := range entries {
		err := c.readDestinations(ctx, &entries[i])
		if errors.Is(err, syscall.ESRCH) {
			deleted++
			continue
		}
		if err != nil {
			return nil, err
		}
		entries[i-deleted] = entries[i]
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
	err = c.readDestinations(ctx, &entry)
	return entry, err
}

func (c *Client) readDestinations(ctx context.Context, entry *Entry) error {
	for destination, err := range c.Destinations(ctx, entry.ServiceID) {
		if err != nil {
			return err
		}
		entry.Destinations = append(entry.Destinations, destination)
	}
	if len(entry.Destinations) > 0 {
		return nil
	}
	// The kernel says nothing of a service that is gone when it is asked for its servers.
	_, err := c.Service(ctx, entry.ServiceID)
	return err
}

// SortTable puts services, and the real servers of each, in the order in which ipvsadm lists them.
func SortTable(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return a.Compare(b.ServiceID) })
	for _, entry := range entries {
		slices.SortFunc(entry.Destinations, func(a, b Destination) int { return a.Address.Compare(b.Address) })
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
