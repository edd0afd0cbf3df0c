package ipvs

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"syscall"
)

// Entry is a virtual service with its real servers.
type Entry struct {
	ListedService
	Destinations []ListedDestination
}

// Entry returns one service (ESRCH) and its real servers.
func (c *Client) Entry(ctx context.Context, id ServiceID) (Entry, error) {
	service, err := c.Service(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	servers, err := c.Destinations(ctx, id)
	return Entry{service, servers}, err
}

// Table returns all services and their real servers, in the kernel's order.
func (c *Client) Table(ctx context.Context) ([]Entry, error) {
	entries, err := c.Entries(ctx, nil)
	if err != nil {
		return nil, err
	}
	return Gather(entries)
}

// Entries lists all services, and yields each with its servers, which are then read: they are the caller's until it asks for
// the next. The caller may use the client within its loop. Services come as order sorts them, or in the kernel's order.
// Those that the kernel skipped in its list, because others were deleted meanwhile, come late. A service that is deleted
// before its turn is left out. The last pair holds the error, if any. IPVS_CMD_GET_SERVICE, IPVS_CMD_GET_DEST.
func (c *Client) Entries(ctx context.Context, order func([]ListedService)) (iter.Seq2[Entry, error], error) {
	uses := watchUses(moduleUses)
	services, err := c.services(ctx, uses)
	uses.close()
	if err != nil {
		return nil, err
	}
	return func(yield func(Entry, error) bool) {
		known := make(map[ServiceID]struct{}) // from the second round on
		servers := dumpReader[ListedDestination, netip.AddrPort]{key: destinationAddress}
		for round, left := 0, services; round < dumpAttempts && len(left) > 0; round++ {
			if order != nil {
				order(left)
			}
			anyGone := false
			for i := range left {
				gone, err := c.readServers(ctx, &left[i], &servers)
				if err != nil {
					yield(Entry{}, err)
					return
				}
				if gone {
					anyGone = true
				} else if !yield(Entry{left[i], servers.items}, nil) {
					return
				}
			}
			if !anyGone {
				return
			}
			var err error
			if left, err = c.unlisted(ctx, known, left); err != nil {
				yield(Entry{}, err)
				return
			}
		}
	}, nil
}

// readServers reads the servers of a service, and reports whether the service is gone. For the servers of a service that is
// gone the kernel returns none.
func (c *Client) readServers(ctx context.Context, service *ListedService, servers *dumpReader[ListedDestination, netip.AddrPort]) (gone bool, err error) {
	servers.decode = func(message []byte, d *ListedDestination) error {
		return c.decodeDestination(message, service.Family, d)
	}
	r := destinationsOf(service.ServiceID)
	err = c.exchange(ctx, func() error {
		if err := servers.read(c, r); err != nil || len(servers.items) > 0 {
			return err
		}
		r = oneService(service.ServiceID)
		err := readOne(c, r, c.decodeService, new(ListedService))
		gone = errors.Is(err, syscall.ESRCH)
		return err
	})
	if err == nil || gone {
		return gone, nil
	}
	return false, r.failed(err)
}

// unlisted adds what was listed to what is known, lists the services again, and returns those that are not known.
func (c *Client) unlisted(ctx context.Context, known map[ServiceID]struct{}, listed []ListedService) ([]ListedService, error) {
	for i := range listed {
		known[listed[i].ServiceID] = struct{}{}
	}
	all, err := c.Services(ctx)
	return slices.DeleteFunc(all, func(s ListedService) bool {
		_, ok := known[s.ServiceID]
		return ok
	}), err
}

// Gather returns all entries, to keep, and none if they end with an error.
func Gather(entries iter.Seq2[Entry, error]) ([]Entry, error) {
	var all []Entry
	for entry, err := range entries {
		if err != nil {
			return nil, err
		}
		entry.Destinations = append([]ListedDestination(nil), entry.Destinations...) // nil for none, as slices.Clone may not be
		all = append(all, entry)
	}
	return all, nil
}

// Each yields entries that were read.
func Each(entries ...Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, entry := range entries {
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// SortServices puts services in the order in which ipvsadm lists them.
func SortServices(services []ListedService) {
	slices.SortFunc(services, func(a, b ListedService) int { return a.ServiceID.Compare(b.ServiceID) })
}

// SortDestinations puts the servers of each entry in the order in which ipvsadm lists them.
func SortDestinations(entries iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for entry, err := range entries {
			sortServers(entry.Destinations)
			if !yield(entry, err) {
				return
			}
		}
	}
}

// SortTable puts services, and the servers of each, in the order in which ipvsadm lists them.
func SortTable(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return a.ServiceID.Compare(b.ServiceID) })
	for _, entry := range entries {
		sortServers(entry.Destinations)
	}
}

func sortServers(servers []ListedDestination) {
	slices.SortFunc(servers, func(a, b ListedDestination) int { return a.Destination.Compare(b.Destination) })
}

// AddressesFirst yields the entries after all of them were read and take was given their addresses, some of them more
// than once: to look names up all together.
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
