package format

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// Connections writes the connections as they come, then their numbers by state, by service and by server. A column that
// is too narrow for a connection is wider from the chunk of that connection on, so that only one chunk is in memory.
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
	var failure error
	for connection, err := range resolvedConnections(ctx, a.Names, wellFormed(connections, a.Warnings)) {
		if failure = err; failure != nil {
			break
		}
		if a.addConnection(&g, counts, &connection); len(g.lines) < connectionChunk {
			continue
		}
		if err := write(); err != nil {
			return err
		}
	}
	if len(g.lines) > 0 || heading && failure == nil {
		if err := write(); err != nil {
			return err
		}
	}
	if failure != nil {
		return failure
	}
	return counts.write(w)
}

func (a aligned) addConnection(g *grid, counts *tally, c *ipvs.Connection) {
	protocol := connectionPortProtocol(c.Protocol)
	word := strings.ToLower(c.Protocol)
	virtual, server := a.endpoint(c.Virtual, protocol), a.endpoint(c.Destination, protocol)
	cells := []string{word, c.State, minutes(c.Expires),
		a.endpoint(c.Client, protocol), virtual, server}
	if a.PersistentConnections {
		cells = append(cells, strings.TrimSpace(c.Engine+" "+engineData(c.EngineData)))
	}
	g.add(0, cells...)
	counts.states[c.State]++
	counts.services[word+" "+virtual]++
	counts.servers[word+" "+server]++
	counts.all++
}

func minutes(duration time.Duration) string {
	var r row
	r.minutes(duration)
	return string(r.text)
}
