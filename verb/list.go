package verb

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"

	"ipvsadm/command"
	"ipvsadm/format"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// list prints what -L asks for: the connections, the timeouts, the daemons, or the table.
func (a *app) list(ctx context.Context, k *kernel, c command.Command) error {
	listing := a.listing(c)
	switch {
	case c.Listing.Connections:
		err := listing.Connections(ctx, a.stdout, ipvs.Connections())
		var path *fs.PathError
		if errors.As(err, &path) && path.Op == "open" {
			return errors.New("cannot open file /proc/net/ip_vs_conn") // the original's words, for any reason
		}
		return err
	case c.Listing.Timeouts:
		timeouts, err := k.Timeouts(ctx)
		if err != nil {
			return err
		}
		return listing.Timeouts(a.stdout, timeouts)
	case c.Listing.Daemons:
		daemons, err := k.Daemons(ctx)
		if err != nil {
			return err
		}
		return listing.Daemons(a.stdout, daemons)
	}
	k.WithoutCounters = !c.Listing.Stats && !c.Listing.Rate && c.Listing.Format != command.JSON
	entries, err := entries(ctx, k, c)
	if err != nil {
		return err
	}
	if !c.Listing.NoSort {
		entries = ipvs.SortDestinations(entries)
	}
	return listing.Table(ctx, a.stdout, k.info, entries)
}

// entries returns the service that the command names, or all.
func entries(ctx context.Context, k *kernel, c command.Command) (iter.Seq2[ipvs.Entry, error], error) {
	switch {
	case c.OneService():
		entry, err := k.Entry(ctx, c.Service.ServiceID)
		return ipvs.Each(entry), err
	case c.Listing.NoSort:
		return k.Entries(ctx, nil)
	default:
		return k.Entries(ctx, ipvs.SortServices)
	}
}

// listing returns the format that the command asks for.
func (a *app) listing(c command.Command) format.Listing {
	l := c.Listing
	var resolver *names.Resolver
	if !l.Numeric {
		resolver = a.resolver
	}
	switch l.Format {
	case command.JSON:
		return &format.JSON{Names: resolver}
	case command.Aligned:
		return &format.Aligned{
			Totals:     l.Stats,
			Rates:      l.Rate,
			Exact:      l.Exact,
			EngineData: l.PersistentConnections,
			Colour:     colour(a.output),
			Names:      resolver,
		}
	default:
		return &format.Classic{
			Services:   format.Table{Columns: columns(l), Exact: l.Exact, Names: resolver},
			OneService: c.OneService(),
			EngineData: l.PersistentConnections,
		}
	}
}

// columns returns the columns that are asked for, the first of them if there are several.
func columns(l command.Listing) format.Columns {
	switch {
	case l.Stats:
		return format.Totals
	case l.Rate:
		return format.Rates
	case l.Thresholds:
		return format.Thresholds
	case l.PersistentConnections:
		return format.PersistentConnections
	case l.TunnelInfo:
		return format.TunnelInfo
	default:
		return format.Summary
	}
}

// colour reports whether output is a terminal whose user has not turned colours off (no-color.org).
func colour(output *os.File) bool {
	return isTerminal(output) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
