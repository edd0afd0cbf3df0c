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
)

// list prints what -L asks for: connections, timeouts, daemons, or the table.
func (a *app) list(ctx context.Context, k *kernel, c command.Command) error {
	options := c.Listing.Options
	options.OneService = c.HasService()
	options.Colour = colour(a.output)
	options.Warnings = a.stderr
	if !c.Listing.Numeric {
		options.Resolver = a.resolver
	}
	out, err := format.New(c.Listing.Format, options)
	if err != nil {
		return err
	}
	switch {
	case c.Listing.Connections:
		err := out.Connections(ctx, a.stdout, ipvs.Connections())
		var path *fs.PathError
		if errors.As(err, &path) && path.Op == "open" {
			return errors.New("cannot open file /proc/net/ip_vs_conn") // the original's message for any reason
		}
		return err
	case c.Listing.Timeouts:
		timeouts, err := k.Timeouts(ctx)
		if err != nil {
			return err
		}
		return out.Timeouts(a.stdout, timeouts)
	case c.Listing.Daemons:
		daemons, err := k.Daemons(ctx)
		if err != nil {
			return err
		}
		return out.Daemons(a.stdout, daemons)
	}
	k.WithoutCounters = !out.Counters()
	entries, err := entries(ctx, k, c)
	if err != nil {
		return err
	}
	if !c.Listing.NoSort {
		entries = ipvs.SortDestinations(entries)
	}
	return out.Table(ctx, a.stdout, k.info, entries)
}

// entries returns the entry that the command names, or all of them.
func entries(ctx context.Context, k *kernel, c command.Command) (iter.Seq2[ipvs.Entry, error], error) {
	switch {
	case c.HasService():
		entry, err := k.Entry(ctx, c.Service.ServiceID)
		return ipvs.Each(entry), err
	case c.Listing.NoSort:
		return k.Entries(ctx, nil)
	default:
		return k.Entries(ctx, ipvs.SortServices)
	}
}

// colour reports whether output is a terminal, and its user has not turned colours off (no-color.org).
func colour(output *os.File) bool {
	return isTerminal(output) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
