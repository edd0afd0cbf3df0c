package format

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// resolvedEntries yields the entries after it looked up all their names at once. A nil resolver looks up nothing.
func resolvedEntries(ctx context.Context, resolver *names.Resolver, entries iter.Seq2[ipvs.Entry, error]) iter.Seq2[ipvs.Entry, error] {
	if resolver == nil {
		return entries
	}
	return ipvs.AddressesFirst(entries, func(addresses []netip.Addr) { resolver.ResolveAddresses(ctx, addresses) })
}

// connectionChunk is the number of connections in a chunk. Names are looked up, and aligned columns widened, once for each
// chunk.
const connectionChunk = 512

// resolvedConnections yields the connections in chunks, after it looked up the names of a chunk at once. A nil resolver
// looks up nothing.
func resolvedConnections(ctx context.Context, resolver *names.Resolver, connections iter.Seq2[ipvs.Connection, error]) iter.Seq2[ipvs.Connection, error] {
	if resolver == nil {
		return connections
	}
	type line struct {
		connection ipvs.Connection
		err        error
	}
	return func(yield func(ipvs.Connection, error) bool) {
		chunk := make([]line, 0, connectionChunk)
		yieldChunk := func() bool {
			addresses := make([]netip.Addr, 0, 3*len(chunk))
			for i := range chunk {
				c := &chunk[i].connection
				if c.Protocol != "" {
					addresses = append(addresses, c.Client.Addr(), c.Virtual.Addr(), c.Destination.Addr())
				}
			}
			resolver.ResolveAddresses(ctx, addresses)
			for i := range chunk {
				if !yield(chunk[i].connection, chunk[i].err) {
					return false
				}
			}
			chunk = chunk[:0]
			return true
		}
		for connection, err := range connections {
			chunk = append(chunk, line{connection, err})
			if len(chunk) == cap(chunk) && !yieldChunk() {
				return
			}
		}
		yieldChunk()
	}
}

// wellFormed yields the connections without malformed lines. It writes a warning for each malformed line if warnings is
// not nil.
func wellFormed(connections iter.Seq2[ipvs.Connection, error], warnings io.Writer) iter.Seq2[ipvs.Connection, error] {
	return func(yield func(ipvs.Connection, error) bool) {
		for connection, err := range connections {
			switch {
			case err == nil || !isMalformedLine(err):
				if !yield(connection, err) {
					return
				}
			case warnings != nil:
				fmt.Fprintf(warnings, "warning: %v, and is left out\n", err)
			}
		}
	}
}

func isMalformedLine(err error) bool {
	var line *ipvs.LineError
	return errors.As(err, &line)
}

// portProtocol returns the protocol that names the ports of a service. It is empty for a firewall mark.
func portProtocol(s *ipvs.ListedService) string {
	if s.Mark != 0 {
		return ""
	}
	return connectionPortProtocol(s.Protocol.String())
}

// connectionProtocol returns the protocol of a connection in lower case.
func connectionProtocol(protocol string) string {
	if known := connectionPortProtocol(protocol); known != "" {
		return known
	}
	return strings.ToLower(protocol)
}

// connectionPortProtocol returns the protocol that names the ports of a connection. It is empty if ports have no names.
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

// ServiceName returns a service as the aligned table names it, such as "tcp 192.0.2.1:80". A nil resolver prints numbers.
func ServiceName(resolver *names.Resolver, id ipvs.ServiceID) string {
	var r row
	aligned{Options{Resolver: resolver}}.addServiceName(&r, &ipvs.ListedService{Service: ipvs.Service{ServiceID: id}})
	return string(r.text)
}
