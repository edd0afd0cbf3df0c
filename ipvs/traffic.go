package ipvs

// Traffic is what went through a service or a real server.
type Traffic struct {
	Totals Counters // since it was made or zeroed
	Rates  Counters // per second, the kernel's running estimate
}

// Counters are the traffic of a service or of a real server: IPVS_STATS_ATTR_* (linux/ip_vs.h), 64 bits wide where
// the kernel tells them so (4.1 and later).
type Counters struct {
	Connections     uint64
	IncomingPackets uint64
	OutgoingPackets uint64
	IncomingBytes   uint64
	OutgoingBytes   uint64
}

// stats returns the 64-bit counters, or the older ones where those are absent.
func (a *attributes) stats(older, newer uint16) []byte {
	if a.has(newer) {
		return a.value(newer)
	}
	return a.value(older)
}

// decodeStats reads counters, of either width.
func decodeStats(stats []byte, traffic *Traffic) error {
	var a attributes
	a.read(stats)
	traffic.Totals = Counters{
		Connections:     a.number(statsConnections),
		IncomingPackets: a.number(statsIncomingPackets),
		OutgoingPackets: a.number(statsOutgoingPackets),
		IncomingBytes:   a.number(statsIncomingBytes),
		OutgoingBytes:   a.number(statsOutgoingBytes),
	}
	traffic.Rates = Counters{
		Connections:     a.number(statsConnectionRate),
		IncomingPackets: a.number(statsIncomingPacketRate),
		OutgoingPackets: a.number(statsOutgoingPacketRate),
		IncomingBytes:   a.number(statsIncomingByteRate),
		OutgoingBytes:   a.number(statsOutgoingByteRate),
	}
	return a.err
}
