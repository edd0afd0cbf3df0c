package verb

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"

	"ipvsadm/command"
	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// list prints what -L asks for: connections, timeouts, daemons, or the table.
func (a *app) list(ctx context.Context, k *kernel, c command.Command) error {
	options := c.Listing.Options
	options.OneService = c.HasService()
	options.Terminal = isTerminal(a.output)
	options.Width = terminalWidth(a.output)
	options.Colour = useColour(a.output, c.Listing.Colour)
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
		if err := out.Daemons(a.stdout, daemons); err != nil || len(daemons) == 0 {
			return err
		}
		return a.listOrigins(ctx, k, out)
	}
	client := k.Client
	if !out.Counters() {
		client = client.WithoutCounters()
	}
	arrange := byAddress
	if c.Listing.Format == "json" { // which other directors compare with theirs
		arrange = ipvs.Entry.ArrangeDestinations
	}
	entries, err := readEntries(ctx, client, c, arrange)
	if err != nil {
		return err
	}
	return out.Table(ctx, a.stdout, k.info, entries)
}

// listOrigins prints what the synchronization daemons have received, in a format that shows it.
func (a *app) listOrigins(ctx context.Context, k *kernel, out format.Format) error {
	table, ok := out.(interface {
		Origins(w io.Writer, origins ipvs.Origins) error
	})
	if !ok {
		return nil
	}
	timeouts, err := k.Timeouts(ctx)
	if err != nil {
		return err
	}
	origins, err := ipvs.ReadOrigins(timeouts)
	if err != nil {
		return err
	}
	return table.Origins(a.stdout, origins)
}

// readEntries reads the entry that the command names, or all of them.
func readEntries(ctx context.Context, client *ipvs.Client, c command.Command, arrange func(ipvs.Entry)) (iter.Seq2[ipvs.Entry, error], error) {
	switch {
	case c.HasService():
		entry, err := client.Entry(ctx, c.Service.ServiceID)
		if !c.Listing.NoSort {
			arrange(entry)
		}
		return ipvs.Each(entry), err
	case c.Listing.NoSort:
		services, err := client.Services(ctx)
		return client.Entries(ctx, services), err
	default:
		return readSorted(ctx, client, arrange)
	}
}

// readSorted reads the table one service at a time: services in the original's order, and the servers of each as arrange puts
// them.
func readSorted(ctx context.Context, client *ipvs.Client, arrange func(ipvs.Entry)) (iter.Seq2[ipvs.Entry, error], error) {
	services, err := client.Services(ctx)
	if err != nil {
		return nil, err
	}
	ipvs.SortServices(services)
	return func(yield func(ipvs.Entry, error) bool) {
		for entry, err := range client.Entries(ctx, services) {
			arrange(entry)
			if !yield(entry, err) {
				return
			}
		}
	}, nil
}

func byAddress(entry ipvs.Entry) { ipvs.SortDestinations(entry.Destinations) }
