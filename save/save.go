// Package save writes the kernel's services and servers as commands that recreate them.
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

// Write writes the entries as rules, one on each line, as they come. With a resolver it reads all entries first, looks up
// all names at once, and writes those that read back as the same address or port. Without one it writes numbers.
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

// appendEntry appends the rules that make a service and its servers.
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
