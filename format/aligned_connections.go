package format

import (
	"context"
	"io"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
)

// Connections writes the connections as they come, then counts them by state, service and server. Only one chunk is in
// memory, so a column that is too narrow for a connection becomes wider in the middle of the list.
func (a aligned) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	connections = wellFormed(connections, a.Warnings)
	if a.Summary {
		counts, err := countAll(connections)
		if err != nil {
			return err
		}
		return a.writeTally(ctx, w, counts)
	}
	counts := newTally()
	g := a.newGrid([]column{
		{heading: "PROTOCOL", short: "PROTO"},
		{heading: "STATE"},
		{heading: "EXPIRES", right: true},
		{heading: "CLIENT"},
		{heading: "SERVICE"},
		{heading: "SERVER"},
		{heading: "ENGINE DATA"},
	})
	if !a.PersistentConnections {
		g.columns = g.columns[:6]
	}
	headings := true
	write := func() error {
		if !g.place() {
			g.form = short
			g.place()
		}
		if headings {
			headings = false
			if err := g.writeHeadings(w); err != nil {
				return err
			}
		}
		defer g.empty()
		return g.write(w)
	}
	var readErr error
	for connection, err := range resolvedConnections(ctx, a.Resolver, connections) {
		if readErr = err; readErr != nil {
			break
		}
		counts.add(&connection)
		a.addConnection(g, &connection)
		if counts.all%connectionChunk > 0 {
			continue
		}
		if err := write(); err != nil {
			return err
		}
	}
	if len(g.ends) > 0 || headings && readErr == nil {
		if err := write(); err != nil {
			return err
		}
	}
	if readErr != nil {
		return readErr
	}
	if err := g.writeNote(w); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return a.writeTally(ctx, w, counts)
}

func (a aligned) addConnection(g *grid, c *ipvs.Connection) {
	protocol := connectionPortProtocol(c.Protocol)
	g.add(connectionProtocol(c.Protocol))
	g.next()
	if opening[c.State] {
		g.paint(magenta)
	}
	g.add(c.State)
	g.next()
	g.minutes(c.Expires)
	g.next()
	for _, end := range [...]netip.AddrPort{c.Client, c.Virtual, c.Destination} {
		a.addEndpoint(&g.row, end, protocol)
		g.next()
	}
	if a.PersistentConnections {
		g.add(c.Engine)
		if c.Engine != "" && c.EngineData != "" {
			g.add(" ")
		}
		g.add(engineData(c.EngineData))
		g.next()
	}
}

// opening holds the states of connections that are not established yet. Many of them are a sign of an attack or of
// servers that do not answer.
var opening = map[string]bool{"SYN_SENT": true, "SYN_RECV": true, "SYNACK": true, "INIT": true, "INIT1": true,
	"COOKIE_SENT": true, "COOKIE_REPLIED": true, "COOKIE_WAIT": true, "COOKIE": true, "COOKIE_ECHOED": true}
