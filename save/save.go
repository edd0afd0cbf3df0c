// Package save writes the kernel's services and real servers as the commands that make them.
package save

import (
	"context"
	"io"
	"iter"
	"net/netip"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Write writes the commands that make the services and their real servers, a line each, as the entries come. Names are
// written where they read back as the same address or port, and looked up all together, after all entries have come; a
// nil resolver writes numbers. The error is the first of the entries or of the writer.
func Write(ctx context.Context, w io.Writer, entries iter.Seq2[ipvs.Entry, error], resolver *names.Resolver) error {
	if resolver != nil {
		resolver = resolver.Reversible()
		entries = ipvs.AddressesFirst(entries, func(addresses []netip.Addr) { resolver.ResolveAddresses(ctx, addresses) })
	}
	var b []byte
	for entry, err := range entries {
		if err != nil {
			return err
		}
		b = appendEntry(b[:0], &entry, resolver)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// appendEntry writes the commands that make a service and its real servers to b.
func appendEntry(b []byte, entry *ipvs.Entry, resolver *names.Resolver) []byte {
	c := command.Command{Kind: command.AddService, Service: entry.Service}
	b = append(c.AppendRule(b, resolver), '\n')
	c.Kind = command.AddServer
	for i := range entry.Destinations {
		c.Server = entry.Destinations[i].Destination
		b = append(c.AppendRule(b, resolver), '\n')
	}
	return b
}
