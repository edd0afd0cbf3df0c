package format

import (
	"context"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// resolvedEntries yields the entries after their names were looked up, all at once. A nil resolver looks up none.
func resolvedEntries(ctx context.Context, resolver *names.Resolver, entries iter.Seq2[ipvs.Entry, error]) iter.Seq2[ipvs.Entry, error] {
	if resolver == nil {
		return entries
	}
	return ipvs.AddressesFirst(entries, func(addresses []netip.Addr) { resolver.ResolveAddresses(ctx, addresses) })
}

// connectionChunk is the number of connections whose names are looked up at once, and for which the aligned format
// chooses the widths of its columns.
const connectionChunk = 512

// resolvedConnections yields the connections, a chunk at a time, after the names of the chunk were looked up. A nil
// resolver looks up none.
func resolvedConnections(ctx context.Context, resolver *names.Resolver, connections iter.Seq2[ipvs.Connection, error]) iter.Seq2[ipvs.Connection, error] {
	if resolver == nil {
		return connections
	}
	return func(yield func(ipvs.Connection, error) bool) {
		chunk := make([]ipvs.Connection, 0, connectionChunk)
		yieldChunk := func() bool {
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
				if yieldChunk() {
					yield(connection, err)
				}
				return
			}
			if chunk = append(chunk, connection); len(chunk) == cap(chunk) && !yieldChunk() {
				return
			}
		}
		yieldChunk()
	}
}

// portProtocol returns the protocol for which the ports of a service have names, empty for a firewall mark.
func portProtocol(s *ipvs.ListedService) string {
	if s.Mark != 0 {
		return ""
	}
	return connectionPortProtocol(s.Protocol.String())
}

// connectionPortProtocol returns the protocol for which the ports of a connection have names, empty for none.
func connectionPortProtocol(protocol string) string {
	switch protocol {
	case "TCP":
		return "tcp"
	case "UDP":
		return "udp"
	case "SCTP":
		return "sctp"
	default:
		return ""
	}
}
