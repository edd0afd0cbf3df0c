package format

import (
	"context"
	"io"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// aligned is the format for people: aligned columns, units and totals. On the command line its name is "table".
type aligned struct{ Options }

// Counters reports whether the user wants counters or rates.
func (a aligned) Counters() bool { return a.Stats || a.Rate }

// Table writes each service, its servers and their total.
func (a aligned) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	all, err := ipvs.Gather(resolvedEntries(ctx, a.Resolver, entries))
	if err != nil {
		return err
	}
	g := grid{columns: []column{
		{heading: "SERVICE"},
		{heading: "SCHEDULER", optional: true},
		{heading: "PERSISTENCE", optional: true},
		{heading: "FORWARDING", optional: true},
		{heading: "TUNNEL", optional: true},
		{heading: "WEIGHT", right: true, optional: true},
		{heading: "UPPER", right: true, optional: true},
		{heading: "LOWER", right: true, optional: true},
		{heading: "ACTIVE", right: true, optional: true},
		{heading: "INACTIVE", right: true, optional: true},
		{heading: "PERSISTENT", right: true, optional: true},
	}}
	if a.Stats {
		g.columns = append(g.columns, counterHeadings("CONNS", "PKTS", "BYTES")...)
	}
	if a.Rate {
		bytes := "BITS/S"
		if a.Exact {
			bytes = "BYTES/S"
		}
		g.columns = append(g.columns, counterHeadings("CONNS/S", "PKTS/S", bytes)...)
	}
	for i := range all {
		a.addService(&g, &all[i])
	}
	if err := writeVersion(w, info); err != nil {
		return err
	}
	return g.write(w, true)
}

func counterHeadings(connections, packets, bytes string) []column {
	return []column{
		{heading: connections, right: true},
		{heading: packets + " IN", right: true},
		{heading: packets + " OUT", right: true},
		{heading: bytes + " IN", right: true},
		{heading: bytes + " OUT", right: true},
	}
}

func (a aligned) addService(g *grid, entry *ipvs.Entry) {
	s := &entry.ListedService
	empty := make([]string, len(g.columns))
	cells := append([]string{a.serviceName(s), schedulerCell(s), persistenceCell(s)}, empty[3:]...)
	if len(entry.Destinations) == 0 {
		a.addCounters(cells, s.Totals, s.Rates)
	}
	g.add(0, cells...)
	var weight, active, inactive, kept uint64
	persistent := s.Flags&ipvs.Persistent != 0
	for i := range entry.Destinations {
		d := &entry.Destinations[i]
		weight += uint64(d.Weight)
		active += uint64(d.ActiveConnections)
		inactive += uint64(d.InactiveConnections)
		kept += uint64(d.PersistentConnections)
		a.addServer(g, s, d, persistent)
	}
	if len(entry.Destinations) == 0 {
		return
	}
	cells = append([]string{"  total", "", "", "", "", decimal(weight), "", "", decimal(active), decimal(inactive),
		keptCell(kept, persistent)}, empty[11:]...)
	a.addCounters(cells, s.Totals, s.Rates)
	g.add(0, cells...)
}

func (a aligned) addServer(g *grid, s *ipvs.ListedService, d *ipvs.ListedDestination, persistent bool) {
	upper, lower := "", ""
	if d.UpperThreshold != 0 || d.LowerThreshold != 0 {
		upper, lower = decimal(uint64(d.UpperThreshold)), decimal(uint64(d.LowerThreshold))
	}
	cells := append([]string{
		"  " + a.endpoint(d.Address, portProtocol(s)),
		"", "",
		d.Forwarding.String(),
		tunnelCell(d),
		decimal(uint64(d.Weight)),
		upper,
		lower,
		decimal(uint64(d.ActiveConnections)),
		decimal(uint64(d.InactiveConnections)),
		keptCell(uint64(d.PersistentConnections), persistent),
	}, make([]string, len(g.columns)-11)...)
	a.addCounters(cells, d.Totals, d.Rates)
	g.add(a.serverColour(d), cells...)
}

// serverColour returns red for a server at its upper threshold and yellow for a server with weight 0. The kernel gives
// neither of them new connections.
func (a aligned) serverColour(d *ipvs.ListedDestination) int {
	switch {
	case !a.Colour:
		return 0
	case d.UpperThreshold != 0 && uint64(d.ActiveConnections)+uint64(d.InactiveConnections) >= uint64(d.UpperThreshold):
		return red
	case d.Weight == 0:
		return yellow
	default:
		return 0
	}
}

// addCounters fills the last columns with the counters and rates that the user wants.
func (a aligned) addCounters(cells []string, totals, rates ipvs.Counters) {
	if a.Rate {
		a.fillCounters(cells[len(cells)-5:], rates, a.bits)
		cells = cells[:len(cells)-5]
	}
	if a.Stats {
		a.fillCounters(cells[len(cells)-5:], totals, a.bytes)
	}
}

func (a aligned) fillCounters(cells []string, c ipvs.Counters, bytes func(uint64) string) {
	cells[0] = a.number(c.Connections)
	cells[1] = a.number(c.IncomingPackets)
	cells[2] = a.number(c.OutgoingPackets)
	cells[3] = bytes(c.IncomingBytes)
	cells[4] = bytes(c.OutgoingBytes)
}

func (a aligned) number(n uint64) string {
	if a.Exact {
		return decimal(n)
	}
	return strings.TrimSuffix(withUnit(n, ""), " ")
}

func (a aligned) bytes(n uint64) string {
	if a.Exact {
		return decimal(n)
	}
	return withUnit(n, "B")
}

// bits converts bytes per second to bits per second, the unit of links.
func (a aligned) bits(n uint64) string {
	if a.Exact {
		return decimal(n)
	}
	return withUnit(min(n, 1<<61-1)*8, "b/s")
}

// withUnit returns a number with an SI prefix and its unit, such as "1.2 MB", rounded to a tenth.
func withUnit(n uint64, unit string) string {
	if n < 1000 {
		return decimal(n) + " " + unit
	}
	prefixes := "kMGTPE"
	power := uint64(1000)
	for i := range prefixes {
		// A number that rounds to a thousand takes the next prefix.
		if whole := n / power; whole < 999 || whole == 999 && n%power < power/20*19 || i == len(prefixes)-1 {
			tenths := n/power*10 + (n%power+power/20)/(power/10)
			return decimal(tenths/10) + "." + decimal(tenths%10) + " " + prefixes[i:i+1] + unit
		}
		power *= 1000
	}
	panic("unreachable")
}

func (a aligned) serviceName(s *ipvs.ListedService) string {
	if s.Mark == 0 {
		return protocolName(s) + " " + a.endpoint(s.Address, portProtocol(s))
	}
	name := protocolName(s) + " " + decimal(uint64(s.Mark))
	if s.Family == ipvs.IPv6 {
		name += " ipv6"
	}
	return name
}

func (a aligned) endpoint(endpoint netip.AddrPort, protocol string) string {
	return string(a.Resolver.AppendEndpoint(nil, endpoint, protocol))
}

func schedulerCell(s *ipvs.ListedService) string {
	parts := append([]string{s.Scheduler}, s.SchedulerFlagNames()...)
	if s.Flags&ipvs.OnePacket != 0 {
		parts = append(parts, "ops")
	}
	return strings.Join(parts, " ")
}

func persistenceCell(s *ipvs.ListedService) string {
	if s.Flags&ipvs.Persistent == 0 {
		return ""
	}
	cell := decimal(uint64(s.Timeout/time.Second)) + " s"
	mask := s.Netmask.String()
	switch {
	case mask == "":
	case s.Family == ipvs.IPv6:
		cell += " /" + mask
	default:
		cell += " mask " + mask
	}
	if s.Engine != "" {
		cell += " " + s.Engine
	}
	return cell
}

func tunnelCell(d *ipvs.ListedDestination) string {
	if d.Forwarding != ipvs.Tunneling {
		return ""
	}
	cell := d.Tunnel.Type.String()
	if d.Tunnel.Type == ipvs.GUE {
		cell += " " + decimal(uint64(d.Tunnel.Port))
	}
	if d.Tunnel.Type != ipvs.IPIP {
		cell += " " + d.Tunnel.Checksum.String()
	}
	return cell
}

// keptCell returns the number of persistent connections. It is empty for a service without persistence.
func keptCell(n uint64, persistent bool) string {
	if n == 0 && !persistent {
		return ""
	}
	return decimal(n)
}

// protocolName returns the protocol in lower case, or "fwmark" for a firewall mark.
func protocolName(s *ipvs.ListedService) string {
	if s.Mark != 0 {
		return "fwmark"
	}
	return strings.ToLower(s.Protocol.String())
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
