// Package format writes IPVS's services, servers, connections, daemons and timeouts: as the original ipvsadm's tables, in
// aligned columns, or as JSON.
package format

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Format writes listings in one form.
type Format interface {
	// Counters reports whether Table prints totals or rates. Listing entries without them is faster by a tenth.
	Counters() bool

	// Table writes the services and their servers.
	Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error

	// Connections writes the connections as they come, and holds few of them in memory.
	Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error

	// Timeouts writes the timeouts of connections.
	Timeouts(w io.Writer, timeouts ipvs.Timeouts) error

	// Daemons writes the synchronization daemons.
	Daemons(w io.Writer, daemons []ipvs.Daemon) error
}

// Options say what a listing shows. The zero value shows what "ipvsadm -Ln" does.
type Options struct {
	Stats                 bool            // counters
	Rate                  bool            // counters per second
	Thresholds            bool            // connection thresholds
	PersistentConnections bool            // numbers of persistent connections; for connections, the engine's data
	TunnelInfo            bool            // how packets to tunnelled servers are wrapped
	Exact                 bool            // counters in full, without units
	OneService            bool            // the listing is of one service, so it says nothing about IPVS itself
	Colour                bool            // for a terminal: servers that take no new connections stand out
	Names                 *names.Resolver // nil for numbers
	Warnings              io.Writer       // for malformed lines, which are left out; may be nil
}

// formats lists every format, the default first. Help, completion and error messages use this list.
var formats = [...]struct {
	name string
	new  func(Options) Format
}{
	{"classic", func(o Options) Format { return classic{o} }},
	{"json", func(o Options) Format { return jsonFormat{names: o.Names, warnings: o.Warnings} }},
	{"table", func(o Options) Format { return aligned{o} }},
}

// Names returns the names of the formats, the default first.
func Names() []string {
	var all []string
	for _, format := range formats {
		all = append(all, format.name)
	}
	return all
}

// New returns the format of a name; an empty name is the default's.
func New(name string, options Options) (Format, error) {
	if name == "" {
		name = formats[0].name
	}
	for _, format := range formats {
		if format.name == name {
			return format.new(options), nil
		}
	}
	return nil, fmt.Errorf("unknown format %q", name)
}

// Known reports whether a format has the name.
func Known(name string) bool { return slices.Contains(Names(), name) }
