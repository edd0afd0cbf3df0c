package format

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// Connections writes the connections as they come, then counts them by state, service and server. Only one chunk is in
// memory, so a column that is too narrow for a connection becomes wider in the middle of the list.
func (a aligned) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	g := grid{columns: []column{
		{heading: "PROTOCOL"},
		{heading: "STATE"},
		{heading: "EXPIRES", right: true},
		{heading: "CLIENT"},
		{heading: "SERVICE"},
		{heading: "SERVER"},
		{heading: "ENGINE DATA"},
	}}
	if !a.PersistentConnections {
		g.columns = g.columns[:6]
	}
	counts := newTally()
	heading := true
	write := func() error {
		g.widen()
		err := g.write(w, heading)
		heading = false
		return err
	}
	var readErr error
	for connection, err := range resolvedConnections(ctx, a.Resolver, wellFormed(connections, a.Warnings)) {
		if readErr = err; readErr != nil {
			break
		}
		if a.addConnection(&g, counts, &connection); len(g.lines) < connectionChunk {
			continue
		}
		if err := write(); err != nil {
			return err
		}
	}
	if len(g.lines) > 0 || heading && readErr == nil {
		if err := write(); err != nil {
			return err
		}
	}
	if readErr != nil {
		return readErr
	}
	return counts.write(w)
}

func (a aligned) addConnection(g *grid, counts *tally, c *ipvs.Connection) {
	protocol := connectionPortProtocol(c.Protocol)
	protocolName := strings.ToLower(c.Protocol)
	virtual, server := a.endpoint(c.Virtual, protocol), a.endpoint(c.Destination, protocol)
	cells := []string{protocolName, c.State, minutes(c.Expires),
		a.endpoint(c.Client, protocol), virtual, server}
	if a.PersistentConnections {
		cells = append(cells, strings.TrimSpace(c.Engine+" "+engineData(c.EngineData)))
	}
	g.add(0, cells...)
	counts.states[c.State]++
	counts.services[protocolName+" "+virtual]++
	counts.servers[protocolName+" "+server]++
	counts.all++
}

func minutes(duration time.Duration) string {
	var r row
	r.minutes(duration)
	return string(r.text)
}
