package format

import (
	"context"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// connectionChunk is how many connections are held at a time, for their names to be looked up together, or for columns to
// be as wide as they need.
const connectionChunk = 512

// resolvedConnections yields connections as they come, each when the resolver knows the names of its addresses: these are
// looked up a chunk of connections at a time. A nil resolver knows none.
func resolvedConnections(ctx context.Context, resolver *names.Resolver, connections iter.Seq2[ipvs.Connection, error]) iter.Seq2[ipvs.Connection, error] {
	if resolver == nil {
		return connections
	}
	return func(yield func(ipvs.Connection, error) bool) {
		chunk := make([]ipvs.Connection, 0, connectionChunk)
		hand := func() bool {
			addresses := make([]netip.Addr, 0, 3*len(chunk))
			for i := range chunk {
				addresses = append(addresses, chunk[i].Client.Addr(), chunk[i].Virtual.Addr(), chunk[i].Destination.Addr())
			}
			resolver.ResolveAddresses(ctx, addresses)
			for i := range chunk {
				if !yield(chunk[i], nil) {
					return false
				}
			}
			chunk = chunk[:0]
			return true
		}
		for connection, err := range connections {
			if err != nil {
				if hand() {
					yield(connection, err)
				}
				return
			}
			if chunk = append(chunk, connection); len(chunk) == cap(chunk) && !hand() {
				return
			}
		}
		hand()
	}
}
