package format

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

func (t *Table) appendService(b []byte, s *ipvs.ListedService) []byte {
	b = appendPadded(b, protocolWord(s), 5)
	start := len(b)
	b = t.appendServiceName(b, s)
	switch t.Columns {
	case Totals:
		b = appendPadding(b, start, nameWidth)
		b = t.appendTotals(b, s.Totals)
	case Rates:
		b = appendPadding(b, start, nameWidth)
		b = t.appendCounter(b, s.Rates.Connections)
		b = t.appendCounter(b, s.Rates.IncomingPackets)
		b = t.appendCounter(b, s.Rates.OutgoingPackets)
		b = t.appendCounter(b, s.Rates.IncomingBytes)
		b = t.appendCounter(b, s.Rates.OutgoingBytes)
	default:
		b = append(b, ' ')
		b = append(b, s.Scheduler...)
		b = appendSchedulerFlags(b, s)
		b = appendPersistence(b, s)
		if s.Flags&ipvs.OnePacket != 0 {
			b = append(b, " ops"...)
		}
	}
	return append(b, '\n')
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

func (t *Table) appendServiceName(b []byte, s *ipvs.ListedService) []byte {
	if s.Mark == 0 {
		return appendCut(b, t.Names, s.Address, portProtocol(s.Protocol))
	}
	b = strconv.AppendUint(b, uint64(s.Mark), 10)
	if s.Family == ipvs.IPv6 {
		b = append(b, " IPv6"...)
	}
	return b
}

// appendSchedulerFlags writes the flags by the names that the schedulers sh and mh have for theirs, which know two.
func appendSchedulerFlags(b []byte, s *ipvs.ListedService) []byte {
	set := schedulerFlags(s)
	if len(set) == 0 {
		return b
	}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		set = slices.DeleteFunc(set, func(flag string) bool { return flag == "flag-3" })
	}
	b = append(b, " ("...)
	b = append(b, strings.Join(set, ",")...)
	return append(b, ')')
}

func appendPersistence(b []byte, s *ipvs.ListedService) []byte {
	if s.Flags&ipvs.Persistent != 0 {
		b = append(b, " persistent "...)
		b = strconv.AppendInt(b, int64(s.Timeout/time.Second), 10)
		if s.Netmask != ipvs.HostNetmask(s.Family) {
			b = append(b, " mask "...)
			b = appendNetmask(b, s.Netmask, s.Family)
		}
		if s.Engine != "" {
			b = append(b, " pe "...)
			b = append(b, s.Engine...)
		}
	}
	return b
}

func appendNetmask(b []byte, mask ipvs.Netmask, family ipvs.Family) []byte {
	if family == ipvs.IPv6 {
		return strconv.AppendUint(b, uint64(mask), 10)
	}
	return mask.Address().AppendTo(b)
}
