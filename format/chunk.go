package format

import (
	"context"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// connectionChunk is how many connections are held at a time, their names to be looked up together.
const connectionChunk = 512

// inChunks hands connections on as they come, a chunk at a time, whose names are then known to the resolver. What came
// before an error is handed on; the error is returned.
func inChunks(ctx context.Context, resolver *names.Resolver, connections iter.Seq2[ipvs.Connection, error], take func([]ipvs.Connection) error) error {
	chunk := make([]ipvs.Connection, 0, connectionChunk)
	hand := func() error {
		if resolver != nil {
			addresses := make([]netip.Addr, 0, 3*len(chunk))
			for i := range chunk {
				addresses = append(addresses, chunk[i].Client.Addr(), chunk[i].Virtual.Addr(), chunk[i].Destination.Addr())
			}
			resolver.ResolveAddresses(ctx, addresses)
		}
		err := take(chunk)
		chunk = chunk[:0]
		return err
	}
	var failure error
	for connection, err := range connections {
		if failure = err; failure != nil {
			break
		}
		if chunk = append(chunk, connection); len(chunk) == cap(chunk) {
			if err := hand(); err != nil {
				return err
			}
		}
	}
	if len(chunk) > 0 {
		if err := hand(); err != nil {
			return err
		}
	}
	return failure
}
