package verb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/connections"
	"ipvsadm/format"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

func (a *app) connectionsVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	watch := &watchFlag{}
	return &cli.Command{
		Name:  "connections",
		Usage: "list, count or group the connections that a filter selects",
		Description: "Different filters combine with and, the values of one with or.\n" +
			"The kernel cannot delete a single connection: see CONNECTIONS in ipvsadm(8).",
		ArgsUsage: " ", // --watch may be followed by a time
		Flags: append(targetFlags(target),
			&cli.StringSliceFlag{Name: "client", Usage: "only from this `CIDR`"},
			&cli.StringSliceFlag{Name: "state", Usage: "only in this state: `" + strings.Join(connections.States(), "|") + "`"},
			&cli.StringSliceFlag{Name: "protocol", Usage: "only of this protocol: `" + strings.ToLower(strings.Join(connections.Protocols(), "|")) + "`"},
			&cli.StringSliceFlag{Name: "expires", Usage: "only entries that stay so long without traffic, such as `'<30s'`"},
			&cli.BoolFlag{Name: "templates", Usage: "only templates of persistence", DisableDefaultText: true},
			&cli.BoolFlag{Name: "no-templates", Usage: "no templates of persistence", DisableDefaultText: true},
			&cli.BoolFlag{Name: "stale", Usage: "only those whose server has weight 0 or left the table", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "by", Usage: "group by `" + strings.Join(connections.Properties(), "|") + "`; may be given twice"},
			&cli.IntFlag{Name: "top", Usage: "print the largest `NUMBER` groups"},
			&cli.IntFlag{Name: "max-groups", Value: 65536, Usage: "count what is beyond `NUMBER` groups as others"},
			&cli.BoolFlag{Name: "count", Usage: "print only how many there are", DisableDefaultText: true},
			&cli.GenericFlag{Name: "watch", Usage: "print again every 2s, or every TIME with --watch=TIME", Value: watch},
			&cli.BoolFlag{Name: "numeric", Aliases: []string{"n"}, Usage: "print numbers instead of host and port names", DisableDefaultText: true},
			&cli.StringFlag{Name: "format", Usage: "how to print: `" + strings.Join(format.Names(), "|") + "`", DefaultText: "table"},
			colourFlag(),
		),
		Action: func(c *cli.Context) error {
			q, err := a.newQuery(c, target)
			if err == nil {
				err = watch.take(c.Args().Slice())
			}
			if err != nil {
				return failed(err)
			}
			return failed(a.repeat(c.Context, watch.interval, q.run))
		},
	}
}

// query is what the flags of connections ask for.
type query struct {
	app        *app
	filter     connections.Filter
	properties []connections.Property
	names      []string // of the properties
	top        int
	maxGroups  int
	count      bool
	json       bool
	table      bool
	resolver   *names.Resolver
	format     format.Format
}

// newQuery reads the flags.
func (a *app) newQuery(c *cli.Context, target *command.Target) (*query, error) {
	q := &query{app: a, top: c.Int("top"), maxGroups: c.Int("max-groups"), count: c.Bool("count")}
	if !c.Bool("numeric") {
		q.resolver = a.resolver
	}
	if err := q.readFilter(c, target); err != nil {
		return nil, err
	}
	for _, word := range c.StringSlice("by") {
		property, err := connections.ParseProperty(word)
		if err != nil {
			return nil, fmt.Errorf("--by: %w", err)
		}
		q.properties = append(q.properties, property)
		q.names = append(q.names, property.Name)
	}
	switch {
	case len(q.properties) > 2 || len(q.properties) == 2 && q.properties[0].Name == q.properties[1].Name:
		return nil, errors.New("--by takes two different properties at most")
	case q.count && len(q.properties) > 0:
		return nil, errors.New("--count prints one number: it does not go with --by")
	case c.IsSet("top") && len(q.properties) == 0:
		return nil, errors.New("--top needs groups: add --by")
	case c.IsSet("top") && q.top < 1:
		return nil, errors.New("--top: use a number above 0")
	case q.maxGroups < 1:
		return nil, errors.New("--max-groups: use a number above 0")
	}
	name, err := oneOf(c, "format", "table", "json", "classic")
	if err != nil {
		return nil, err
	}
	q.json, q.table = name == "json", name == "table"
	q.format, err = format.New(name, format.Options{
		Lines: true, Terminal: isTerminal(a.output), Width: terminalWidth(a.output), Colour: useColour(a.output, c.String("color")),
		Resolver: q.resolver, Warnings: a.stderr,
	})
	return q, err
}

func (q *query) readFilter(c *cli.Context, target *command.Target) error {
	f := &q.filter
	if service, ok := target.Service(); ok {
		f.Service = &service
	}
	f.Server, _ = target.Server()
	f.Stale = c.Bool("stale")
	switch {
	case c.Bool("templates") && c.Bool("no-templates"):
		return errors.New("--templates and --no-templates exclude each other")
	case c.Bool("templates"):
		f.Templates = connections.OnlyTemplates
	case c.Bool("no-templates"):
		f.Templates = connections.WithoutTemplates
	}
	for _, text := range c.StringSlice("client") {
		prefix, err := parseClient(text)
		if err != nil {
			return fmt.Errorf("--client: %w", err)
		}
		f.Clients = append(f.Clients, prefix)
	}
	for _, text := range c.StringSlice("expires") {
		bound, ok := connections.ParseBound(text)
		if !ok {
			return fmt.Errorf("--expires %q: use <, <=, > or >= and a time, such as '<30s' or '>=5m'", text)
		}
		f.Expires = append(f.Expires, bound)
	}
	var err error
	if f.States, err = known("state", c.StringSlice("state"), connections.States()); err != nil {
		return err
	}
	f.Protocols, err = known("protocol", c.StringSlice("protocol"), connections.Protocols())
	return err
}

// parseClient reads an address or a network.
func parseClient(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address.WithZone(""), address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("%q is no address or network, such as 198.51.100.0/24", text)
	}
	return prefix, nil
}

// known returns words in capital letters, which must be in a list.
func known(flag string, words, list []string) ([]string, error) {
	var capitals []string
	for _, word := range words {
		capital := strings.ToUpper(word)
		if !slices.Contains(list, capital) {
			return nil, fmt.Errorf("--%s %q: use %s", flag, word, strings.Join(list, ", "))
		}
		capitals = append(capitals, capital)
	}
	return capitals, nil
}

// run prints the answer once.
func (q *query) run(ctx context.Context) error {
	selected, err := q.selected(ctx)
	if err != nil {
		return err
	}
	switch {
	case q.count:
		count := 0
		for _, err := range q.wellFormed(selected) {
			if err != nil {
				return err
			}
			count++
		}
		_, err := fmt.Fprintln(q.app.stdout, count)
		return err
	case len(q.properties) > 0:
		groups, err := q.group(ctx, selected)
		if err != nil {
			return err
		}
		return q.format.Groups(q.app.stdout, q.names, groups)
	}
	all, longest := 0, time.Duration(0)
	err = q.format.Connections(ctx, q.app.stdout, func(yield func(ipvs.Connection, error) bool) {
		for connection, err := range selected {
			all++
			longest = max(longest, connection.Expires)
			if !yield(*connection.Connection, err) {
				return
			}
		}
	})
	if err == nil && q.filter.Stale && q.table && all > 0 {
		_, err = fmt.Fprintf(q.app.stdout, "\n%d stale: without traffic the last one ends in %s\n", all, longest)
	}
	return err
}

// group returns the largest groups of connections.
func (q *query) group(ctx context.Context, selected iter.Seq2[connections.Connection, error]) ([]format.Group, error) {
	groups := connections.NewGroups(q.properties, q.maxGroups)
	for connection, err := range q.wellFormed(selected) {
		if err != nil {
			return nil, err
		}
		groups.Add(connection)
	}
	return q.named(ctx, q.properties, groups.Largest(q.top)), nil
}

// wellFormed yields the connections without malformed lines.
func (q *query) wellFormed(selected iter.Seq2[connections.Connection, error]) iter.Seq2[connections.Connection, error] {
	return func(yield func(connections.Connection, error) bool) {
		for connection, err := range selected {
			var malformed *ipvs.LineError
			if !errors.As(err, &malformed) && !yield(connection, err) {
				return
			}
		}
	}
}

// selected yields the connections that the filter selects. Malformed lines stay, with their error.
func (q *query) selected(ctx context.Context) (iter.Seq2[connections.Connection, error], error) {
	servers := ipvs.NewServers(nil)
	if q.filter.NeedsTable() || slices.Contains(q.names, "service") {
		k, err := q.app.connect(ctx)
		if err != nil {
			return nil, err
		}
		defer k.Close()
		table, err := k.WithoutCounters().Table(ctx)
		if err != nil {
			return nil, err
		}
		servers = ipvs.NewServers(table)
	}
	return func(yield func(connections.Connection, error) bool) {
		for c, err := range ipvs.Connections() {
			var path *fs.PathError
			if errors.As(err, &path) && path.Op == "open" {
				err = fmt.Errorf("cannot open /proc/net/ip_vs_conn: %w", path.Err)
			}
			if err != nil {
				if !yield(connections.Connection{Connection: &c}, err) {
					return
				}
				continue
			}
			found := connections.Connection{Connection: &c}
			found.Service, found.Server = servers.Find(&c)
			if q.filter.Selects(found) && !yield(found, nil) {
				return
			}
		}
	}, nil
}

// named returns the groups as text, with names for the addresses that are shown.
func (q *query) named(ctx context.Context, properties []connections.Property, groups []connections.Group) []format.Group {
	resolver := q.resolver
	if q.json {
		resolver = nil
	}
	if resolver != nil {
		var addresses []netip.Addr
		for _, group := range groups {
			for _, value := range group.Values {
				addresses = append(addresses, value.Client.Addr(), value.Service.Address.Addr(), value.Server.Addr())
			}
		}
		resolver.ResolveAddresses(ctx, slices.DeleteFunc(addresses, func(address netip.Addr) bool { return !address.IsValid() }))
	}
	var named []format.Group
	for _, group := range groups {
		n := format.Group{Connections: group.Connections, Share: group.Share, Expires: group.Expires}
		for i, value := range group.Values {
			n.Values = append(n.Values, valueText(resolver, properties[i], value))
		}
		named = append(named, n)
	}
	return named
}

func valueText(resolver *names.Resolver, property connections.Property, value connections.Value) string {
	switch property.Name {
	case "client":
		if !value.Client.IsSingleIP() {
			return value.Client.String()
		}
		if resolver != nil {
			if name, ok := resolver.AddressName(value.Client.Addr()); ok {
				return name
			}
		}
		return value.Client.Addr().String()
	case "service":
		return format.ServiceName(resolver, value.Service)
	case "server":
		return string(resolver.AppendEndpoint(nil, value.Server, ""))
	default:
		return value.Word
	}
}
