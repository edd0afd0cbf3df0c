// Package format writes IPVS's services, servers, connections, daemons and timeouts: like the original ipvsadm, in aligned
// columns, or as JSON.
package format

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Format writes listings.
type Format interface {
	// Counters reports whether Table prints counters or rates. Entries without them come from the kernel 10 % faster.
	Counters() bool

	// Table writes the services and their servers.
	Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error

	// Connections writes the connections as they come. It keeps few of them in memory.
	Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error

	// Groups writes groups of connections, which have a value for each property. It fails if the format has no form for
	// them.
	Groups(w io.Writer, properties []string, groups []Group) error

	// Timeouts writes the timeouts of connections.
	Timeouts(w io.Writer, timeouts ipvs.Timeouts) error

	// Daemons writes the synchronization daemons.
	Daemons(w io.Writer, daemons []ipvs.Daemon) error
}

// Group is the connections that have the same values.
type Group struct {
	Values      []string // nil for the others, beyond a limit of groups
	Connections uint64
	Share       float64       // of all connections, from 0 to 1
	Expires     time.Duration // the longest time that one of them stays without traffic
}

// Options choose what a listing shows. The zero value is "ipvsadm -Ln".
type Options struct {
	Stats                 bool            // show counters
	Rate                  bool            // show rates
	Thresholds            bool            // show connection thresholds
	PersistentConnections bool            // show how many connections are persistent; in a list of connections, the data of persistence engines
	TunnelInfo            bool            // show how packets to tunnelled servers are wrapped
	Exact                 bool            // show every digit of a counter
	Lines                 bool            // write each connection as a JSON document on its own line
	OneService            bool            // leave out the version and size of IPVS
	Summary               bool            // of connections, show only how many there are by state, service and server
	Terminal              bool            // write for a person at a terminal, not for a program
	Width                 int             // of the terminal, for aligned columns to fit; zero for no limit
	Colour                bool            // highlight headings and what needs attention
	Resolver              *names.Resolver // nil for numbers
	Warnings              io.Writer       // for skipped malformed lines; may be nil
}

// formats lists every format, the default first. Help, completion and error messages use this list.
var formats = [...]struct {
	name string
	help string // of --format, in the sentence that Help makes
	new  func(Options) Format
}{
	{"classic", "as the original", newClassic},
	{"json", "JSON for programs", func(o Options) Format { return jsonFormat{o} }},
	{"table", "aligned columns", newAligned},
}

// newClassic returns the original's format. The original has no summary of connections: it is aligned.
func newClassic(o Options) Format {
	if o.Summary {
		return newAligned(o)
	}
	return classic{o}
}

// Names returns the names of the formats, the default first.
func Names() []string {
	var all []string
	for _, format := range formats {
		all = append(all, format.name)
	}
	return all
}

// Help describes the formats in one sentence, in the order of Names.
func Help() string {
	var all []string
	for _, format := range formats {
		all = append(all, format.help)
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + ", or " + all[last]
}

// New returns the format with a name. An empty name stands for the default.
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

// Known reports whether a format has that name.
func Known(name string) bool { return slices.Contains(Names(), name) }
