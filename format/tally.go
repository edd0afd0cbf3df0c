package format

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"ipvsadm/ipvs"
)

// tally counts connections by state, service and server.
type tally struct {
	all               uint64
	states            map[string]uint64
	services, servers map[connectionEnd]uint64
}

// connectionEnd is a service or a server as the connection table names it.
type connectionEnd struct {
	protocol string
	endpoint netip.AddrPort
}

func (e connectionEnd) compare(other connectionEnd) int {
	return cmp.Or(e.endpoint.Compare(other.endpoint), strings.Compare(e.protocol, other.protocol))
}

func newTally() *tally {
	return &tally{states: map[string]uint64{}, services: map[connectionEnd]uint64{}, servers: map[connectionEnd]uint64{}}
}

func (t *tally) add(c *ipvs.Connection) {
	t.all++
	t.states[c.State]++
	t.services[connectionEnd{c.Protocol, c.Virtual}]++
	t.servers[connectionEnd{c.Protocol, c.Destination}]++
}

// countAll counts connections until an error.
func countAll(connections iter.Seq2[ipvs.Connection, error]) (*tally, error) {
	t := newTally()
	for connection, err := range connections {
		if err != nil {
			return nil, err
		}
		t.add(&connection)
	}
	return t, nil
}

// addresses returns the addresses of the services and servers.
func (t *tally) addresses() []netip.Addr {
	var all []netip.Addr
	for _, counts := range []map[connectionEnd]uint64{t.services, t.servers} {
		for end := range counts {
			all = append(all, end.endpoint.Addr())
		}
	}
	return all
}

// sorted returns what was counted, with the largest number first.
func sorted[T comparable](counts map[T]uint64, compare func(a, b T) int) []T {
	all := make([]T, 0, len(counts))
	for counted := range counts {
		all = append(all, counted)
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), compare(a, b)) })
	return all
}
