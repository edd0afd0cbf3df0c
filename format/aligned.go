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
	"ipvsadm/names"
)

// Aligned writes listings for people, in columns that are as wide as what is in them.
type Aligned struct {
	Totals     bool            // counters too
	Rates      bool            // counters per second too
	Exact      bool            // counters are written whole, and bytes as bytes
	EngineData bool            // of connections, what the persistence engine remembers too
	Colour     bool            // servers that take no new connections stand out
	Names      *names.Resolver // nil for numbers
}

// Table writes each service, its real servers and what they add up to.
func (a *Aligned) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	all, err := ipvs.Gather(resolved(ctx, a.Names, entries))
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
	if a.Totals {
		g.columns = append(g.columns, counterHeadings("CONNS", "PKTS", "BYTES")...)
	}
	if a.Rates {
		bytes := "BITS/S"
		if a.Exact {
			bytes = "BYTES/S"
		}
		g.columns = append(g.columns, counterHeadings("CONNS/S", "PKTS/S", bytes)...)
	}
	for i := range all {
		a.addService(&g, &all[i])
	}
	if err := Version(w, info); err != nil {
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

func (a *Aligned) addService(g *grid, entry *ipvs.Entry) {
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

func (a *Aligned) addServer(g *grid, s *ipvs.ListedService, d *ipvs.ListedDestination, persistent bool) {
	upper, lower := "", ""
	if d.UpperThreshold != 0 || d.LowerThreshold != 0 {
		upper, lower = decimal(uint64(d.UpperThreshold)), decimal(uint64(d.LowerThreshold))
	}
	cells := append([]string{
		"  " + a.endpoint(d.Address, portProtocol(s.Protocol)),
		"", "",
		forwardingOption(d.Forwarding),
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

// serverColour tells a server that the kernel gives no new connections: one that is drained, or one that has as many as
// it may.
func (a *Aligned) serverColour(d *ipvs.ListedDestination) int {
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

// addCounters fills the last columns, of those counters that are asked for.
func (a *Aligned) addCounters(cells []string, totals, rates ipvs.Counters) {
	if a.Rates {
		a.fillCounters(cells[len(cells)-5:], rates, a.bits)
		cells = cells[:len(cells)-5]
	}
	if a.Totals {
		a.fillCounters(cells[len(cells)-5:], totals, a.bytes)
	}
}

func (a *Aligned) fillCounters(cells []string, c ipvs.Counters, bytes func(uint64) string) {
	cells[0] = a.number(c.Connections)
	cells[1] = a.number(c.IncomingPackets)
	cells[2] = a.number(c.OutgoingPackets)
	cells[3] = bytes(c.IncomingBytes)
	cells[4] = bytes(c.OutgoingBytes)
}

func (a *Aligned) number(n uint64) string {
	if a.Exact {
		return decimal(n)
	}
	return strings.TrimSuffix(withUnit(n, ""), " ")
}

func (a *Aligned) bytes(n uint64) string {
	if a.Exact {
		return decimal(n)
	}
	return withUnit(n, "B")
}

// bits writes bytes per second as links are measured.
func (a *Aligned) bits(n uint64) string {
	if a.Exact {
		return decimal(n)
	}
	return withUnit(min(n, 1<<61-1)*8, "b/s")
}

// withUnit writes a number of a unit with a prefix of the SI, such as "1.2 MB", rounded to a tenth.
func withUnit(n uint64, unit string) string {
	if n < 1000 {
		return decimal(n) + " " + unit
	}
	prefixes := "kMGTPE"
	power := uint64(1000)
	for i := range prefixes {
		// What rounds to a thousand is one of the next prefix.
		if whole := n / power; whole < 999 || whole == 999 && n%power < power/20*19 || i == len(prefixes)-1 {
			tenths := n/power*10 + (n%power+power/20)/(power/10)
			return decimal(tenths/10) + "." + decimal(tenths%10) + " " + prefixes[i:i+1] + unit
		}
		power *= 1000
	}
	panic("unreachable")
}

func (a *Aligned) serviceName(s *ipvs.ListedService) string {
	if s.Mark == 0 {
		return protocolOption(s) + " " + a.endpoint(s.Address, portProtocol(s.Protocol))
	}
	name := protocolOption(s) + " " + decimal(uint64(s.Mark))
	if s.Family == ipvs.IPv6 {
		name += " ipv6"
	}
	return name
}

func (a *Aligned) endpoint(endpoint netip.AddrPort, protocol string) string {
	return string(a.Names.AppendEndpoint(nil, endpoint, protocol))
}

func schedulerCell(s *ipvs.ListedService) string {
	words := append([]string{s.Scheduler}, schedulerFlags(s)...)
	if s.Flags&ipvs.OnePacket != 0 {
		words = append(words, "ops")
	}
	return strings.Join(words, " ")
}

func persistenceCell(s *ipvs.ListedService) string {
	if s.Flags&ipvs.Persistent == 0 {
		return ""
	}
	cell := decimal(uint64(s.Timeout/time.Second)) + " s"
	switch {
	case s.Netmask == ipvs.HostNetmask(s.Family):
	case s.Family == ipvs.IPv6:
		cell += " /" + decimal(uint64(s.Netmask))
	default:
		cell += " mask " + s.Netmask.Address().String()
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
		cell += " " + checksumOption(d.Tunnel.Checksum)
	}
	return cell
}

// keptCell returns a number of persistent connections, where a service can have some.
func keptCell(n uint64, persistent bool) string {
	if n == 0 && !persistent {
		return ""
	}
	return decimal(n)
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// Timeouts writes the timeouts of connections.
func (a *Aligned) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	g := grid{columns: []column{{heading: "TIMEOUT"}, {heading: "SECONDS", right: true}}}
	g.add(0, "tcp", decimal(uint64(timeouts.TCP/time.Second)))
	g.add(0, "tcpfin", decimal(uint64(timeouts.TCPFin/time.Second)))
	g.add(0, "udp", decimal(uint64(timeouts.UDP/time.Second)))
	return g.write(w, true)
}

// Daemons writes the synchronization daemons. What the kernel does not tell of any of them has no column.
func (a *Aligned) Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	g := grid{columns: []column{
		{heading: "DAEMON"},
		{heading: "INTERFACE"},
		{heading: "SYNCID", right: true},
		{heading: "MAXLEN", right: true, optional: true},
		{heading: "GROUP", optional: true},
		{heading: "PORT", right: true, optional: true},
		{heading: "TTL", right: true, optional: true},
	}}
	for _, d := range daemons {
		group := ""
		if d.Group.IsValid() {
			group = d.Group.String()
		}
		g.add(0, d.State.String(), d.Interface, decimal(uint64(d.SyncID)),
			ifSet(uint64(d.MaxLength)), group, ifSet(uint64(d.Port)), ifSet(uint64(d.TTL)))
	}
	return g.write(w, true)
}

func ifSet(n uint64) string {
	if n == 0 {
		return ""
	}
	return decimal(n)
}

// Connections writes the connections as they come, and then how many there are in each state, of each service and of
// each server. A column grows when a connection needs it, from that chunk of connections on, and the rest with it: only
// a chunk and the summary are held in memory.
func (a *Aligned) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	g := grid{columns: []column{
		{heading: "PROTOCOL"},
		{heading: "STATE"},
		{heading: "EXPIRES", right: true},
		{heading: "CLIENT"},
		{heading: "SERVICE"},
		{heading: "SERVER"},
		{heading: "ENGINE DATA"},
	}}
	if !a.EngineData {
		g.columns = g.columns[:6]
	}
	counts := newSummary()
	heading := true
	write := func() error {
		g.widen()
		err := g.write(w, heading)
		heading = false
		return err
	}
	var failure error
	for connection, err := range resolvedConnections(ctx, a.Names, connections) {
		if failure = err; failure != nil {
			break
		}
		if a.addConnection(&g, counts, &connection); len(g.lines) < connectionChunk {
			continue
		}
		if err := write(); err != nil {
			return err
		}
	}
	if len(g.lines) > 0 || heading && failure == nil {
		if err := write(); err != nil {
			return err
		}
	}
	if failure != nil {
		return failure
	}
	return counts.write(w)
}

func (a *Aligned) addConnection(g *grid, counts *summary, c *ipvs.Connection) {
	protocol := connectionPortProtocol(c.Protocol)
	word := strings.ToLower(c.Protocol)
	virtual, server := a.endpoint(c.Virtual, protocol), a.endpoint(c.Destination, protocol)
	cells := []string{word, c.State, string(appendMinutes(nil, c.Expires)),
		a.endpoint(c.Client, protocol), virtual, server}
	if a.EngineData {
		cells = append(cells, strings.TrimSpace(c.Engine+" "+string(appendEngineData(nil, c.EngineData))))
	}
	g.add(0, cells...)
	counts.states[c.State]++
	counts.services[word+" "+virtual]++
	counts.servers[word+" "+server]++
	counts.all++
}
