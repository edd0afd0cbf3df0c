package format

import (
	"context"
	"io"
	"strings"
)

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
		var rows []numbered
		for _, name := range sorted(part.counts, strings.Compare) {
			rows = append(rows, numbered{name, part.counts[name]})
		}
		if err := a.writeNumbers(w, part.heading, "CONNECTIONS", append(rows, numbered{"total", t.all})); err != nil {
			return err
		}
	}
	return nil
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
