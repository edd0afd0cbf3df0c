package format

import (
	"strconv"

	"ipvsadm/ipvs"
)

func (t *Table) appendDestination(b []byte, s *ipvs.ListedService, d *ipvs.ListedDestination) []byte {
	b = append(b, "  -> "...)
	start := len(b)
	b = appendCut(b, t.Names, d.Address, portProtocol(s.Protocol))
	b = appendPadding(b, start, nameWidth)
	switch t.Columns {
	case Totals:
		b = t.appendTotals(b, d.Totals)
	case Rates:
		b = t.appendDestinationRates(b, d.Rates)
	case Thresholds:
		b = appendColumn(b, d.UpperThreshold, 10)
		b = appendColumn(b, d.LowerThreshold, 10)
		b = appendConnections(b, d)
	case PersistentConnections:
		b = appendColumn(b, d.Weight, 9)
		b = appendColumn(b, d.PersistentConnections, 11)
		b = appendConnections(b, d)
	case TunnelInfo:
		b = append(b, ' ')
		b = appendPadded(b, forwardingWord(d.Forwarding), 7)
		b = append(b, ' ')
		start := len(b)
		b = appendTunnel(b, d)
		b = appendPadding(b, start, 13)
		b = appendColumn(b, d.Weight, 6)
		b = appendConnections(b, d)
	default:
		b = append(b, ' ')
		b = appendPadded(b, forwardingWord(d.Forwarding), 7)
		b = appendColumn(b, d.Weight, 6)
		b = appendConnections(b, d)
	}
	return append(b, '\n')
}

func appendConnections(b []byte, d *ipvs.ListedDestination) []byte {
	b = appendColumn(b, d.ActiveConnections, 10)
	return appendColumn(b, d.InactiveConnections, 10)
}

// appendColumn writes a space and a number, which begins its column.
func appendColumn(b []byte, number uint32, width int) []byte {
	b = append(b, ' ')
	start := len(b)
	b = strconv.AppendUint(b, uint64(number), 10)
	return appendPadding(b, start, width)
}

func forwardingWord(f ipvs.Forwarding) string {
	switch f {
	case ipvs.Masquerading:
		return "Masq"
	case ipvs.LocalNode:
		return "Local"
	case ipvs.Tunneling:
		return "Tunnel"
	case ipvs.DirectRouting:
		return "Route"
	case ipvs.Bypass:
		return "Bypass"
	default:
		return strconv.FormatUint(uint64(f), 10)
	}
}

func appendTunnel(b []byte, d *ipvs.ListedDestination) []byte {
	tunnel := d.Tunnel
	switch {
	case d.Forwarding != ipvs.Tunneling:
		return append(b, "n/a"...)
	case tunnel.Type == ipvs.IPIP:
		return append(b, "ipip"...)
	case tunnel.Type == ipvs.GUE:
		b = append(b, "gue:"...)
		b = strconv.AppendUint(b, uint64(tunnel.Port), 10)
		b = append(b, ':')
		return append(b, checksumWord(tunnel.Checksum)...)
	case tunnel.Type == ipvs.GRE:
		b = append(b, "gre:"...)
		return append(b, checksumWord(tunnel.Checksum)...)
	default:
		return append(b, "n/a"...)
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
		return strconv.FormatUint(uint64(c), 10)
	}
}
