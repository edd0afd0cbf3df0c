package format

import (
	"context"
	"io"
	"iter"
	"net/netip"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// aligned is the format for people: aligned columns, units and totals. On the command line its name is "table".
type aligned struct{ Options }

// narrowest is the width that is assumed for a terminal with fewer columns. Nothing can be read there.
const narrowest = 20

func newAligned(o Options) Format {
	if o.Width > 0 {
		o.Width = max(o.Width, narrowest)
	}
	return aligned{o}
}

// Counters reports whether the user wants counters or rates.
func (a aligned) Counters() bool { return a.Stats || a.Rate }

// Table writes each service, its servers and their total. On a terminal that is too narrow, the scheduler and
// persistence of a service stand behind its name instead of in columns, and if need be words are short.
func (a aligned) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	entries = resolvedEntries(ctx, a.Resolver, entries)
	if a.Width > 0 { // the entries may be needed twice
		all, err := ipvs.Gather(entries)
		if err != nil {
			return err
		}
		entries = ipvs.Each(all...)
	}
	var g *grid
	for _, form := range []form{natural, stacked, short} {
		var err error
		if g, err = a.table(entries, form); err != nil {
			return err
		}
		if g.place() {
			break
		}
	}
	var version strings.Builder
	_ = writeVersion(&version, info) // cannot fail
	if err := g.writeLine(w, strings.TrimSpace(version.String()), 0); err != nil {
		return err
	}
	if g.form != natural {
		if err := g.writeLine(w, "SERVICE  SCHEDULER  PERSISTENCE", bold); err != nil {
			return err
		}
		g.columns[0].heading = "  SERVER"
	}
	if err := g.writeHeadings(w); err != nil {
		return err
	}
	if err := g.write(w); err != nil {
		return err
	}
	return g.writeNote(w)
}

// table returns a grid of the entries.
func (a aligned) table(entries iter.Seq2[ipvs.Entry, error], form form) (*grid, error) {
	columns := []column{
		{heading: "SERVICE"},
		{heading: "SCHEDULER", optional: true},
		{heading: "PERSISTENCE", optional: true},
		{heading: "FORWARDING", short: "FWD", optional: true},
		{heading: "TUNNEL", optional: true},
		{heading: "WEIGHT", right: true, optional: true},
		{heading: "UPPER", right: true, optional: true},
		{heading: "LOWER", right: true, optional: true},
		{heading: "ACTIVE", short: "ACT", right: true, optional: true},
		{heading: "INACTIVE", short: "INACT", right: true, optional: true},
		{heading: "PERSISTENT", short: "PERS", right: true, optional: true},
	}
	g := a.newGrid(append(columns, a.counterColumns()...))
	g.form = form
	for entry, err := range entries {
		if err != nil {
			return nil, err
		}
		a.addService(g, &entry.ListedService, len(entry.Destinations) == 0)
		var sum total
		for i := range entry.Destinations {
			sum.add(&entry.Destinations[i])
			a.addServer(g, &entry.ListedService, &entry.Destinations[i])
		}
		if len(entry.Destinations) > 0 {
			a.addTotal(g, &entry.ListedService, sum)
		}
	}
	return g, nil
}

// addService adds the line of a service. The counters are there if no line of totals follows.
func (a aligned) addService(g *grid, s *ipvs.ListedService, counters bool) {
	a.addServiceName(&g.row, s)
	if g.form != natural {
		g.add("  ")
		addScheduler(g, s)
		if s.Flags&ipvs.Persistent != 0 {
			g.add("  persistent ")
			addTimeout(g, s)
		}
		g.alone()
		if counters && a.Counters() {
			g.add("  total")
			g.skip(len(g.columns) - len(a.counterColumns()))
			a.addCounters(g, &s.Traffic)
		}
		return
	}
	g.next()
	addScheduler(g, s)
	g.next()
	if s.Flags&ipvs.Persistent != 0 {
		addTimeout(g, s)
	}
	g.next()
	g.skip(8)
	if counters {
		a.addCounters(g, &s.Traffic)
	} else {
		g.skip(len(a.counterColumns()))
	}
}

func (a aligned) addServer(g *grid, s *ipvs.ListedService, d *ipvs.ListedDestination) {
	full := d.UpperThreshold != 0 && uint64(d.ActiveConnections)+uint64(d.InactiveConnections) >= uint64(d.UpperThreshold)
	colour := 0 // of a server to which the kernel gives no new connections
	switch {
	case full:
		colour = red
	case d.Weight == 0:
		colour = magenta
	}
	g.paint(colour)
	g.add("  ")
	a.addEndpoint(&g.row, d.Address, portProtocol(s))
	g.next()
	g.skip(2)
	addForwardingAndTunnel(g, d)
	if d.Weight == 0 {
		g.paint(magenta)
	}
	g.addNumber(uint64(d.Weight))
	if full {
		g.paint(red)
	}
	if d.UpperThreshold != 0 || d.LowerThreshold != 0 {
		g.addNumber(uint64(d.UpperThreshold))
		g.addNumber(uint64(d.LowerThreshold))
	} else {
		g.skip(2)
	}
	g.addNumber(uint64(d.ActiveConnections))
	g.addNumber(uint64(d.InactiveConnections))
	addPersistent(g, s, uint64(d.PersistentConnections))
	a.addCounters(g, &d.Traffic)
}

// total is the sum over the servers of a service.
type total struct{ weight, active, inactive, persistent uint64 }

func (t *total) add(d *ipvs.ListedDestination) {
	t.weight += uint64(d.Weight)
	t.active += uint64(d.ActiveConnections)
	t.inactive += uint64(d.InactiveConnections)
	t.persistent += uint64(d.PersistentConnections)
}

func (a aligned) addTotal(g *grid, s *ipvs.ListedService, t total) {
	g.add("  total")
	g.next()
	g.skip(4)
	if t.weight == 0 {
		g.paint(magenta)
	}
	g.addNumber(t.weight)
	g.skip(2)
	g.addNumber(t.active)
	g.addNumber(t.inactive)
	addPersistent(g, s, t.persistent)
	a.addCounters(g, &s.Traffic)
}

// addPersistent adds the number of persistent connections. It is empty for a service without persistence.
func addPersistent(g *grid, s *ipvs.ListedService, n uint64) {
	if n != 0 || s.Flags&ipvs.Persistent != 0 {
		g.number(n)
	}
	g.next()
}

func (a aligned) addServiceName(r *row, s *ipvs.ListedService) {
	r.add(protocolName(s))
	r.add(" ")
	if s.Mark == 0 {
		a.addEndpoint(r, s.Address, portProtocol(s))
		return
	}
	r.number(uint64(s.Mark))
	if s.Family == ipvs.IPv6 {
		r.add(" ipv6")
	}
}

func (a aligned) addEndpoint(r *row, endpoint netip.AddrPort, protocol string) {
	r.text = a.Resolver.AppendEndpoint(r.text, endpoint, protocol)
}

func addScheduler(g *grid, s *ipvs.ListedService) {
	g.add(s.Scheduler)
	for _, name := range s.SchedulerFlagNames() {
		g.add(" " + name)
	}
	if s.Flags&ipvs.OnePacket != 0 {
		g.add(" ops")
	}
}

// addTimeout adds the settings of persistence.
func addTimeout(g *grid, s *ipvs.ListedService) {
	g.number(uint64(s.Timeout / time.Second))
	g.add(" s")
	mask := s.Netmask.String()
	switch {
	case mask == "":
	case s.Family == ipvs.IPv6:
		g.add(" /" + mask)
	default:
		g.add(" mask " + mask)
	}
	if s.Engine != "" {
		g.add(" " + s.Engine)
	}
}

// addForwardingAndTunnel adds two cells. In a short grid the second is empty: the words of a tunnel say that there is one.
func addForwardingAndTunnel(g *grid, d *ipvs.ListedDestination) {
	tunnelled := d.Forwarding == ipvs.Tunneling
	switch {
	case g.form != short:
		g.add(d.Forwarding.String())
		g.next()
		if tunnelled {
			addTunnelWords(g, d.Tunnel)
		}
		g.next()
		return
	case tunnelled:
		addTunnelWords(g, d.Tunnel)
	case d.Forwarding == ipvs.Masquerading:
		g.add("masq")
	case d.Forwarding == ipvs.DirectRouting:
		g.add("route")
	default:
		g.add(d.Forwarding.String())
	}
	g.next()
	g.next()
}

// addTunnelWords adds the type of a tunnel, its port and its checksum. A short grid leaves out a missing checksum.
func addTunnelWords(g *grid, t ipvs.Tunnel) {
	g.add(t.Type.String())
	if t.Type == ipvs.GUE {
		g.add(" ")
		g.number(uint64(t.Port))
	}
	if t.Type != ipvs.IPIP && !(g.form == short && t.Checksum == ipvs.NoChecksum) {
		g.add(" " + t.Checksum.String())
	}
}

// protocolName returns the protocol in lower case, or "fwmark" for a firewall mark.
func protocolName(s *ipvs.ListedService) string {
	if s.Mark != 0 {
		return "fwmark"
	}
	if known := portProtocol(s); known != "" {
		return known
	}
	return strings.ToLower(s.Protocol.String())
}
