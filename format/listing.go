package format

import (
	"context"
	"io"
	"iter"

	"ipvsadm/ipvs"
)

// Listing is a way to write whatever there is to list: [Classic], [Aligned] or [JSON].
type Listing interface {
	Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error
	Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error
	Timeouts(w io.Writer, timeouts ipvs.Timeouts) error
	Daemons(w io.Writer, daemons []ipvs.Daemon) error
}

// Classic writes listings as the original does.
type Classic struct {
	Services   Table
	OneService bool // which has no line of the version
	EngineData bool // of connections
}

// Table writes services and their real servers.
func (c *Classic) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	if !c.OneService {
		if err := Version(w, info); err != nil {
			return err
		}
	}
	return c.Services.Write(ctx, w, entries)
}

// Connections writes the connections as they come.
func (c *Classic) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	table := Connections{EngineData: c.EngineData, Names: c.Services.Names}
	return table.Write(ctx, w, connections)
}

// Timeouts writes the timeouts of connections.
func (c *Classic) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error { return Timeouts(w, timeouts) }

// Daemons writes the synchronization daemons.
func (c *Classic) Daemons(w io.Writer, daemons []ipvs.Daemon) error { return Daemons(w, daemons) }
