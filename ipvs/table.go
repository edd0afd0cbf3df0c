package ipvs

import (
	"cmp"
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

// Entries lists all services, and yields each with its real servers, which are then read: they are the caller's until
// it asks for the next. Services come as order sorts them, or in the kernel's order; those that were passed over in the
// list, because others were deleted meanwhile, come late. A service that is deleted before it is its turn is left out.
// The last pair holds the error, if any. IPVS_CMD_GET_SERVICE, IPVS_CMD_GET_DEST.
func (c *Client) Entries(ctx context.Context, order func([]ListedService)) (iter.Seq2[Entry, error], error) {
	uses := watchUses(moduleUses)
	services, err := c.services(ctx, uses)
	uses.close()
	if err != nil {
		return nil, err
	}
	return func(yield func(Entry, error) bool) {
		known := make(map[ServiceID]struct{}) // from the second round on
		for round, left := 0, services; round < dumpAttempts && len(left) > 0; round++ {
			if order != nil {
				order(left)
			}
			gone, err := c.eachEntry(ctx, left, yield)
			if err == nil && !gone {
				return
			}
			if err == nil {
				left, err = c.unlisted(ctx, known, left)
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
		}
	}, nil
}

// eachEntry yields services with their servers, and tells whether any of them was gone when all were wanted.
func (c *Client) eachEntry(ctx context.Context, services []ListedService, yield func(Entry, error) bool) (gone bool, err error) {
	var asked request // last
	var failure error
	err = c.exchange(ctx, func() (broken error) {
		var service *ListedService
		decode := func(message []byte, d *ListedDestination) error {
			return c.decodeDestination(message, service.Family, d)
		}
		servers := dumpReader[ListedDestination, netip.AddrPort]{decode: decode, key: destinationAddress}
		for i := range services {
			service = &services[i]
			asked = destinationsOf(service.ServiceID)
			failure, broken = servers.read(c, asked)
			if len(servers.items) == 0 && failure == nil && broken == nil {
				// The kernel says nothing of a service that is gone when it is asked for its servers.
				asked = oneService(service.ServiceID)
				failure, broken = readOne(c, asked, c.decodeService, new(ListedService))
				if errors.Is(failure, syscall.ESRCH) {
					failure, gone = nil, true
					continue
				}
			}
			if failure != nil || broken != nil {
				return broken
			}
			if !yield(Entry{*service, servers.items}, nil) {
				gone = false
				return nil
			}
		}
		return nil
	})
	if err = cmp.Or(err, failure); err != nil {
		return gone, asked.failed(err)
	}
	return gone, nil
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
		if len(all) == cap(all) {
			all = slices.Grow(all, max(16, len(all))) // append alone would copy a large table more often
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
func SortServices(services []ListedService) { sort.Sort(byID(services)) }

// SortDestinations puts the real servers of each entry in the order in which ipvsadm lists them.
func SortDestinations(entries iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		servers := new(byAddress) // for all, as what is sorted is moved to the heap
		for entry, err := range entries {
			slices.Reverse(entry.Destinations) // of which the kernel told the latest first, so that there is less to sort
			*servers = entry.Destinations
			sort.Sort(servers)
			if !yield(entry, err) {
				return
			}
		}
	}
}

// SortTable puts services, and the real servers of each, in the order in which ipvsadm lists them.
func SortTable(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return a.Compare(b.ServiceID) })
	for _, entry := range entries {
		sort.Sort(byAddress(entry.Destinations))
	}
}

// byID and byAddress sort in place. (To slices.SortFunc everything compared is copied.)
type byID []ListedService

func (s byID) Len() int           { return len(s) }
func (s byID) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s byID) Less(i, j int) bool { return compareServices(&s[i].ServiceID, &s[j].ServiceID) < 0 }

type byAddress []ListedDestination

func (d byAddress) Len() int           { return len(d) }
func (d byAddress) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d byAddress) Less(i, j int) bool { return compareAddresses(d[i].Address, d[j].Address) < 0 }

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
