package format

import (
	"cmp"
	"context"
	"io"
	"net/netip"
	"slices"

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

func newTally() *tally {
	return &tally{states: map[string]uint64{}, services: map[connectionEnd]uint64{}, servers: map[connectionEnd]uint64{}}
}

func (t *tally) add(c *ipvs.Connection) {
	t.all++
	t.states[c.State]++
	t.services[connectionEnd{c.Protocol, c.Virtual}]++
	t.servers[connectionEnd{c.Protocol, c.Destination}]++
}

// writeTally writes one table for states, one for services and one for servers, with the largest number first.
func (a aligned) writeTally(ctx context.Context, w io.Writer, t *tally) error {
	if a.Resolver != nil {
		a.Resolver.ResolveAddresses(ctx, t.addresses())
	}
	for i, part := range []struct {
		heading string
		counts  map[string]uint64
	}{{"STATE", t.states}, {"SERVICE", a.named(t.services)}, {"SERVER", a.named(t.servers)}} {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		rows := append(byNumber(part.counts), numbered{"total", t.all})
		if err := a.writeNumbers(w, part.heading, "CONNECTIONS", rows); err != nil {
			return err
		}
	}
	return nil
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

// named returns the counts by name. Two addresses may have one name.
func (a aligned) named(counts map[connectionEnd]uint64) map[string]uint64 {
	byName := make(map[string]uint64, len(counts))
	for end, n := range counts {
		name := append([]byte(connectionProtocol(end.protocol)), ' ')
		name = a.Resolver.AppendEndpoint(name, end.endpoint, connectionPortProtocol(end.protocol))
		byName[string(name)] += n
	}
	return byName
}

// byNumber returns the counts with the largest first.
func byNumber(counts map[string]uint64) []numbered {
	rows := make([]numbered, 0, len(counts)+1)
	for name, n := range counts {
		rows = append(rows, numbered{name, n})
	}
	slices.SortFunc(rows, func(a, b numbered) int {
		return cmp.Or(cmp.Compare(b.number, a.number), cmp.Compare(a.name, b.name))
	})
	return rows
}
