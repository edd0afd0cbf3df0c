package verb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"ipvsadm/check"
	"ipvsadm/check/system"
	"ipvsadm/command"
	"ipvsadm/connections"
	"ipvsadm/drain"
	"ipvsadm/format"
	"ipvsadm/ipvs"
	"ipvsadm/names"
	"ipvsadm/top"
)

func (a *app) topVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	return &cli.Command{
		Name:      "top",
		Usage:     "show services and servers with their rates, again and again",
		ArgsUsage: " ", // -n may be followed by a number
		Flags: append(serviceFlags(target),
			&cli.DurationFlag{Name: "interval", Value: top.ShortestInterval, Usage: "compute rates over this `TIME`, at least 2s"},
			&cli.StringFlag{Name: "sort", Usage: "put the largest first: `" + strings.Join(top.ColumnNames(), "|") + "`", DefaultText: "name"},
			&cli.BoolFlag{Name: "batch", Usage: "print tables one after another, without keys; -n NUMBER prints so many", DisableDefaultText: true},
			&cli.BoolFlag{Name: "numeric", Aliases: []string{"n"}, Usage: "print numbers instead of host and port names", DisableDefaultText: true},
			&cli.StringFlag{Name: "format", Usage: "print `json`, one document on a line for each interval"},
			colourFlag(),
		),
		Action: func(c *cli.Context) error {
			w, err := a.newWatch(c, target)
			if err != nil {
				return failed(err)
			}
			ctx, stop := interruptible(c.Context)
			defer stop()
			if w.kernel, err = a.connect(ctx); err != nil {
				return err
			}
			defer w.kernel.Close()
			if w.batch {
				err = w.print(ctx)
			} else {
				err = w.show(ctx)
			}
			if errors.Is(err, interrupted{syscall.SIGINT}) {
				return nil // ^C is how a user ends it
			}
			return failed(err)
		},
	}
}

// watch is a run of top.
type watch struct {
	app       *app
	kernel    *kernel
	screen    *top.Screen
	monitor   *top.Monitor
	service   *ipvs.ServiceID
	resolver  *names.Resolver
	batch     bool
	json      bool
	remaining int       // tables to print; negative for no limit
	checked   time.Time // when the quick checks ran last
}

// checkEvery is how often the quick checks run: for a large table they cost half of a listing.
const checkEvery = 10 * time.Second

// newWatch reads the flags.
func (a *app) newWatch(c *cli.Context, target *command.Target) (*watch, error) {
	w := &watch{app: a, batch: c.Bool("batch") || c.IsSet("format"), json: c.IsSet("format"), remaining: -1}
	if _, err := oneOf(c, "format", "", "json"); err != nil {
		return nil, err
	}
	sort, err := oneOf(c, "sort", top.ColumnNames()...)
	if err != nil {
		return nil, err
	}
	interval := c.Duration("interval")
	if interval < top.ShortestInterval {
		return nil, fmt.Errorf("--interval %s: use 2s or more: since Linux 6.2 the kernel adds counters up only every 2s", interval)
	}
	words := c.Args().Slice()
	numeric := c.Bool("numeric")
	if w.batch && numeric && len(words) == 1 {
		if w.remaining, err = strconv.Atoi(words[0]); err != nil || w.remaining < 1 {
			return nil, fmt.Errorf("-n %s: use a number above 0", command.Printable(words[0]))
		}
		words = nil
	}
	if len(words) > 0 {
		return nil, errors.New("unexpected argument " + command.Printable(words[0]))
	}
	if !w.batch && (!isTerminal(a.stdin) || !isTerminal(a.output)) {
		return nil, &command.Hinted{Err: errors.New("top needs a terminal"), Hints: []string{"--batch prints tables one after another"}}
	}
	if service, ok := target.Service(); ok {
		w.service = &service
	}
	if !numeric {
		w.resolver = a.resolver
	}
	w.monitor = top.NewMonitor(interval)
	w.screen = &top.Screen{
		Interval: interval, Sort: sort, Name: w.name, UTF8: speaksUTF8(),
		Colour: useColour(a.output, c.String("color")),
	}
	return w, nil
}

// name returns a service or a server as the listings name it.
func (w *watch) name(line *top.Line) string {
	if line.IsService() {
		return format.ServiceName(w.resolver, line.Service) + " " + line.Scheduler
	}
	return string(w.resolver.AppendEndpoint(nil, line.Server, ""))
}

// speaksUTF8 reports whether the user's locale has UTF-8.
func speaksUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ToLower(value)
			return strings.HasSuffix(value, "utf-8") || strings.HasSuffix(value, "utf8")
		}
	}
	return false
}

// sample reads the table and returns its lines.
func (w *watch) sample(ctx context.Context) ([]top.Line, error) {
	var table []ipvs.Entry
	if w.service != nil {
		entry, err := w.kernel.Entry(ctx, *w.service)
		if err != nil {
			return nil, err
		}
		byAddress(entry)
		table = []ipvs.Entry{entry}
	} else {
		entries, err := readSorted(ctx, w.kernel.Client, byAddress)
		if err != nil {
			return nil, err
		}
		if table, err = ipvs.Gather(entries); err != nil {
			return nil, err
		}
	}
	if w.resolver != nil {
		var addresses []netip.Addr
		for _, entry := range table {
			if entry.Mark == 0 {
				addresses = append(addresses, entry.Address.Addr())
			}
			for _, server := range entry.Destinations {
				addresses = append(addresses, server.Address.Addr())
			}
		}
		w.resolver.ResolveAddresses(ctx, addresses)
	}
	if now := time.Now(); now.Sub(w.checked) >= checkEvery {
		daemons, err := w.kernel.Daemons(ctx)
		if err != nil {
			return nil, err
		}
		w.checked = now
		w.screen.Status = worst(check.Quick(table, daemons, system.Settings()))
	}
	return w.monitor.Add(time.Now(), table, drained(table)), nil
}

// worst returns the first of the findings, which come worst first, and how many there are.
func worst(findings []check.Finding) string {
	if len(findings) == 0 {
		return "quick checks: no findings"
	}
	first := findings[0]
	return fmt.Sprintf("quick checks: %d findings; %s %s: %s", len(findings), first.Severity, first.Name, first.Summary)
}

// drained returns a function that reports whether ipvsadm drain took a server of the table out of service.
func drained(table []ipvs.Entry) func(ipvs.ServiceID, netip.AddrPort) bool {
	type server struct {
		service ipvs.ServiceID
		address netip.AddrPort
	}
	servers := make(map[server]bool)
	if records, err := drain.Read(); err == nil {
		for _, d := range drain.InForce(records, table) {
			servers[server{d.Service, d.Server.Address}] = true
		}
	}
	return func(service ipvs.ServiceID, address netip.AddrPort) bool { return servers[server{service, address}] }
}

// print prints a table for each interval.
func (w *watch) print(ctx context.Context) error {
	if _, err := w.sample(ctx); err != nil {
		return err
	}
	for ticker := time.NewTicker(w.screen.Interval); w.remaining != 0; w.remaining-- {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		lines, err := w.sample(ctx)
		if err != nil {
			return err
		}
		w.screen.Update(time.Now(), lines)
		if w.json {
			err = w.screen.WriteJSON(w.app.stdout)
		} else {
			err = w.screen.WriteTable(w.app.stdout, terminalWidth(w.app.output))
		}
		if err == nil {
			err = w.app.stdout.Flush()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listConnections returns what the screen shows about the connections of a server: how many there are from each client
// and in each state.
func (w *watch) listConnections(ctx context.Context, line *top.Line) ([]string, error) {
	q := &query{app: w.app, resolver: w.resolver}
	q.filter.Service, q.filter.Server = &line.Service, line.Server
	selected, err := q.selected(ctx)
	if err != nil {
		return nil, err
	}
	const maxGroups, shown = 65536, 10
	properties := [][]connections.Property{{{Name: "state", Bits: -1}}, {{Name: "client", Bits: -1}}}
	var groups []*connections.Groups
	for _, p := range properties {
		groups = append(groups, connections.NewGroups(p, maxGroups))
	}
	for connection, err := range q.wellFormed(selected) {
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			g.Add(connection)
		}
	}
	details := []string{"connections of " + w.name(line), ""}
	for i, g := range groups {
		for _, group := range q.named(ctx, properties[i], g.Largest(shown)) {
			label := "others"
			if group.Values != nil {
				label = group.Values[0]
			}
			details = append(details, fmt.Sprintf("%8d  %5.1f%%  %s", group.Connections, 100*group.Share, label))
		}
		details = append(details, "")
	}
	return slices.Concat(details, []string{"any key: back to the table"}), nil
}
