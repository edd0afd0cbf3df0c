package ipvs

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"sort"
	"syscall"
)

// Entry is a virtual service with its real servers.
type Entry struct {
	ListedService
	Destinations []ListedDestination
}

// Servers returns the servers without their counters, in the order of the entry.
func (e Entry) Servers() []Destination {
	var servers []Destination
	for _, d := range e.Destinations {
		servers = append(servers, d.Destination)
	}
	return servers
}

// Entry returns one service (ESRCH) and its servers.
func (c *Client) Entry(ctx context.Context, id ServiceID) (Entry, error) {
	service, err := c.Service(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	servers, err := c.Destinations(ctx, id)
	return Entry{service, servers}, err
}

// Table returns all services and their servers, in the kernel's order.
func (c *Client) Table(ctx context.Context) ([]Entry, error) {
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	return Gather(c.Entries(ctx, services))
}

// Entries yields the table: each service with its servers. The services are those that Services returned, in the order
// that the caller wants. Entries reads the servers of a service when its turn comes, and reuses their memory for the next
// service, which saves 6 % of -Ln; Gather keeps them. The caller may use the client within its loop. The last pair holds
// the error, if any. IPVS_CMD_GET_DEST.
//
// A service that was deleted before its turn is left out. Its deletion may have made the kernel skip another service in
// the list, so Entries then lists the services again, and yields those that are new at the end.
func (c *Client) Entries(ctx context.Context, services []ListedService) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		known := make(map[ServiceID]bool)
		var reader destinationReader
		for range dumpAttempts {
			anyGone := false
			for _, service := range services {
				servers, gone, err := c.serversOrGone(ctx, service.ServiceID, &reader)
				if err != nil {
					yield(Entry{}, err)
					return
				}
				if gone {
					anyGone = true
				} else if !yield(Entry{service, servers}, nil) {
					return
				}
			}
			if !anyGone {
				return
			}
			for _, service := range services {
				known[service.ServiceID] = true
			}
			again, err := c.listServices(ctx, nil)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			services = slices.DeleteFunc(again, func(s ListedService) bool { return known[s.ServiceID] })
		}
	}
}

// serversOrGone returns the servers of a service, and reports whether the service is gone. The kernel lists no servers for
// a service that is gone.
func (c *Client) serversOrGone(ctx context.Context, id ServiceID, reader *destinationReader) (servers []ListedDestination, gone bool, err error) {
	servers, err = c.listDestinations(ctx, id, reader)
	if err != nil || len(servers) > 0 {
		return servers, false, err
	}
	_, err = c.Service(ctx, id)
	if errors.Is(err, syscall.ESRCH) {
		return nil, true, nil
	}
	return nil, false, err
}

// SortServices puts services in the order in which ipvsadm lists them. It sorts in place: slices.SortFunc copies the large
// structs for each comparison, which costs 2 % of -Ln.
func SortServices(services []ListedService) { sort.Sort(byID(services)) }

// SortDestinations puts the servers of a service in the order in which ipvsadm lists them. The kernel lists the latest
// first, which is often nearly the opposite order: reversing it before saves 1 % of -Ln.
func SortDestinations(servers []ListedDestination) {
	slices.Reverse(servers)
	sort.Sort(byAddress(servers))
}

// ArrangeDestinations puts the servers of an entry, which have the kernel's order, in the order of their addition if that
// counts, and else in the order in which ipvsadm lists them.
func (e Entry) ArrangeDestinations() {
	if e.OrderCounts() {
		slices.Reverse(e.Destinations)
		return
	}
	SortDestinations(e.Destinations)
}

type byID []ListedService

func (s byID) Len() int           { return len(s) }
func (s byID) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s byID) Less(i, j int) bool { return s[i].Compare(s[j].ServiceID) < 0 }

type byAddress []ListedDestination

func (d byAddress) Len() int           { return len(d) }
func (d byAddress) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d byAddress) Less(i, j int) bool { return compareAddresses(d[i].Address, d[j].Address) < 0 }

// Sort puts entries, and the servers of each, in the order in which ipvsadm lists them.
func Sort(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return a.ServiceID.Compare(b.ServiceID) })
	for _, entry := range entries {
		SortDestinations(entry.Destinations)
	}
}

// Gather returns all entries, to keep, and none if they end with an error.
func Gather(entries iter.Seq2[Entry, error]) ([]Entry, error) {
	var all []Entry
	for entry, err := range entries {
		if err != nil {
			return nil, err
		}
		entry.Destinations = slices.Clone(entry.Destinations)
		all = append(all, entry)
	}
	return all, nil
}

// Each yields the given entries.
func Each(entries ...Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, entry := range entries {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// AddressesFirst reads all entries, passes their addresses to take, some of them more than once, and then yields the
// entries. The caller can so look up all names at once.
func AddressesFirst(entries iter.Seq2[Entry, error], take func([]netip.Addr)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		all, err := Gather(entries)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		take(addresses(all))
		Each(all...)(yield)
	}
}

func addresses(entries []Entry) []netip.Addr {
	var all []netip.Addr
	for _, entry := range entries {
		if entry.Mark == 0 {
			all = append(all, entry.Address.Addr())
		}
		for _, destination := range entry.Destinations {
			all = append(all, destination.Address.Addr())
		}
	}
	return all
}

// Flush deletes all services and their servers. IPVS_CMD_FLUSH.
func Flush() Change {
	return Change{request{operation: OpFlush}.encoded(encode(cmdFlush))}
}
