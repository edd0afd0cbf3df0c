package format

import (
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// classic is the original's format. Scripts parse it, so every space counts, even at the end of a line.
type classic struct{ Options }

// Counters reports whether the user wants counters or rates.
func (c classic) Counters() bool { return c.Stats || c.Rate }

// Table writes the entries as they come. With a resolver it reads all of them first, to look up their names at once.
func (c classic) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	entries = resolvedEntries(ctx, c.Resolver, entries) // may fail, so before the first write
	if !c.OneService {
		if err := writeVersion(w, info); err != nil {
			return err
		}
	}
	columns := c.chosenColumns()
	if _, err := io.WriteString(w, headings[columns]); err != nil {
		return err
	}
	var r row
	for entry, err := range entries {
		if err != nil {
			return err
		}
		r.text = r.text[:0]
		c.service(&r, columns, &entry.ListedService)
		protocol := portProtocol(&entry.ListedService)
		for i := range entry.Destinations {
			c.server(&r, columns, &entry.Destinations[i], protocol)
		}
		if _, err := w.Write(r.text); err != nil {
			return err
		}
	}
	return nil
}

// writeVersion writes the line above a table of all services.
func writeVersion(w io.Writer, info ipvs.Info) error {
	_, err := io.WriteString(w, "IP Virtual Server version "+info.Version.String()+
		" (size="+strconv.FormatUint(uint64(info.ConnectionTableSize), 10)+")\n")
	return err
}

// columns is a set of columns of a classic table.
type columns int

const (
	summaryColumns columns = iota // forwarding method, weight, and how many connections
	statsColumns
	rateColumns
	thresholdColumns
	persistentColumns
	tunnelColumns // the summary columns, and how packets are wrapped
)

// chosenColumns returns the columns that the user wants. If several options choose columns, the first one in this order wins.
func (c classic) chosenColumns() columns {
	switch {
	case c.Stats:
		return statsColumns
	case c.Rate:
		return rateColumns
	case c.Thresholds:
		return thresholdColumns
	case c.PersistentConnections:
		return persistentColumns
	case c.TunnelInfo:
		return tunnelColumns
	default:
		return summaryColumns
	}
}

var headings = [...]string{
	summaryColumns: "Prot LocalAddress:Port Scheduler Flags\n" +
		"  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
	statsColumns: "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n" +
		"  -> RemoteAddress:Port\n",
	rateColumns: "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n" +
		"  -> RemoteAddress:Port\n",
	thresholdColumns: "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n" +
		"  -> RemoteAddress:Port\n",
	persistentColumns: "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n" +
		"  -> RemoteAddress:Port\n",
	tunnelColumns: "Prot LocalAddress:Port Scheduler Flags\n" +
		"  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n",
}

// nameWidth is the width of the first column, without the five characters of the protocol or the arrow.
const nameWidth = 28

func (c classic) service(r *row, columns columns, s *ipvs.ListedService) {
	r.begin()
	r.add(protocolWord(s))
	r.end(5)
	r.begin()
	c.serviceName(r, s)
	switch columns {
	case statsColumns:
		r.end(nameWidth)
		c.counters(r, s.Totals)
	case rateColumns:
		r.end(nameWidth)
		c.counters(r, s.Rates)
	default:
		r.add(" ")
		r.add(s.Scheduler)
		addSchedulerFlags(r, s)
		addPersistence(r, s)
		if s.Flags&ipvs.OnePacket != 0 {
			r.add(" ops")
		}
	}
	r.add("\n")
}

func protocolWord(s *ipvs.ListedService) string {
	switch {
	case s.Mark != 0:
		return "FWM"
	case s.Protocol == ipvs.TCP, s.Protocol == ipvs.UDP, s.Protocol == ipvs.SCTP:
		return s.Protocol.String()
	default:
		return "?"
	}
}

func (c classic) serviceName(r *row, s *ipvs.ListedService) {
	if s.Mark == 0 {
		r.endpoint(c.Resolver, s.Address, portProtocol(s))
		if s.Family == ipvs.IPv4 {
			r.cut(r.start, nameWidth)
		}
		return
	}
	r.number(uint64(s.Mark))
	if s.Family == ipvs.IPv6 {
		r.add(" IPv6")
	}
}

// addSchedulerFlags appends the scheduler flags. The original knows only two flags of sh and mh.
func addSchedulerFlags(r *row, s *ipvs.ListedService) {
	if s.Flags&ipvs.SchedulerFlags == 0 {
		return
	}
	flags := s.SchedulerFlagNames()
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		flags = slices.DeleteFunc(flags, func(name string) bool { return name == "flag-3" })
	}
	r.add(" (" + strings.Join(flags, ",") + ")")
}

func addPersistence(r *row, s *ipvs.ListedService) {
	if s.Flags&ipvs.Persistent == 0 {
		return
	}
	r.add(" persistent ")
	r.number(uint64(s.Timeout / time.Second))
	if mask := s.Netmask.String(); mask != "" {
		r.add(" mask " + mask)
	}
	if s.Engine != "" {
		r.add(" pe " + s.Engine)
	}
}

func (c classic) server(r *row, columns columns, d *ipvs.ListedDestination, protocol string) {
	r.add("  -> ")
	r.begin()
	r.endpoint(c.Resolver, d.Address, protocol)
	if d.Address.Addr().Is4() {
		r.cut(r.start, nameWidth)
	}
	r.end(nameWidth)
	switch columns {
	case statsColumns:
		c.counters(r, d.Totals)
	case rateColumns:
		c.serverRates(r, d.Rates)
	case thresholdColumns:
		r.left(d.UpperThreshold, 10)
		r.left(d.LowerThreshold, 10)
		addConnections(r, d)
	case persistentColumns:
		r.left(d.Weight, 9)
		r.left(d.PersistentConnections, 11)
		addConnections(r, d)
	case tunnelColumns:
		addForwarding(r, d.Forwarding)
		r.add(" ")
		r.begin()
		addTunnel(r, d)
		r.end(13)
		r.left(d.Weight, 6)
		addConnections(r, d)
	default:
		addForwarding(r, d.Forwarding)
		r.left(d.Weight, 6)
		addConnections(r, d)
	}
	r.add("\n")
}

func addConnections(r *row, d *ipvs.ListedDestination) {
	r.left(d.ActiveConnections, 10)
	r.left(d.InactiveConnections, 10)
}

func addForwarding(r *row, f ipvs.Forwarding) {
	r.add(" ")
	r.begin()
	switch f {
	case ipvs.Masquerading:
		r.add("Masq")
	case ipvs.LocalNode:
		r.add("Local")
	case ipvs.Tunneling:
		r.add("Tunnel")
	case ipvs.DirectRouting:
		r.add("Route")
	case ipvs.Bypass:
		r.add("Bypass")
	default:
		r.number(uint64(f))
	}
	r.end(7)
}

func addTunnel(r *row, d *ipvs.ListedDestination) {
	switch {
	case d.Forwarding != ipvs.Tunneling:
		r.add("n/a")
	case d.Tunnel.Type == ipvs.IPIP:
		r.add("ipip")
	case d.Tunnel.Type == ipvs.GUE:
		r.add("gue:")
		r.number(uint64(d.Tunnel.Port))
		r.add(":" + checksumWord(d.Tunnel.Checksum))
	case d.Tunnel.Type == ipvs.GRE:
		r.add("gre:" + checksumWord(d.Tunnel.Checksum))
	default:
		r.add("n/a")
	}
}

func checksumWord(c ipvs.TunnelChecksum) string {
	switch c {
	case ipvs.NoChecksum:
		return "-c"
	case ipvs.Checksum:
		return "+c"
	case ipvs.RemoteChecksum:
		return "r+c"
	default:
		return c.String()
	}
}
