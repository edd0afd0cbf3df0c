package ipvs

import "cmp"

// Traffic is what passed through a service or server.
type Traffic struct {
	Totals Counters // since it was added or zeroed
	Rates  Counters // per second, the kernel's running estimate
}

// Counters count the traffic of a service or server: IPVS_STATS_ATTR_* (linux/ip_vs.h). Kernels before 4.1 count only
// bytes with 64 bits.
type Counters struct {
	Connections     uint64
	IncomingPackets uint64
	OutgoingPackets uint64
	IncomingBytes   uint64
	OutgoingBytes   uint64
}

// Zero sets the counters of an existing service (ESRCH) and of its servers to zero. IPVS_CMD_ZERO.
func Zero(id ServiceID) Change {
	return Change{request{operation: OpZero, service: id}.encoded(encodeAbout(cmdZero, id))}
}

// ZeroAll sets all counters to zero. IPVS_CMD_ZERO.
func ZeroAll() Change {
	return Change{request{operation: OpZero}.encoded(encode(cmdZero))}
}

// traffic returns the 64-bit counters, or the older ones if those are missing.
func (a *attributes) traffic(older, newer uint16) (t Traffic) {
	stats := a.value(older)
	if a.has(newer) {
		stats = a.value(newer)
	}
	var counters attributes
	counters.read(stats)
	t.Totals.Connections = counters.number(statsConnections)
	t.Totals.IncomingPackets = counters.number(statsIncomingPackets)
	t.Totals.OutgoingPackets = counters.number(statsOutgoingPackets)
	t.Totals.IncomingBytes = counters.number(statsIncomingBytes)
	t.Totals.OutgoingBytes = counters.number(statsOutgoingBytes)
	t.Rates.Connections = counters.number(statsConnectionRate)
	t.Rates.IncomingPackets = counters.number(statsIncomingPacketRate)
	t.Rates.OutgoingPackets = counters.number(statsOutgoingPacketRate)
	t.Rates.IncomingBytes = counters.number(statsIncomingByteRate)
	t.Rates.OutgoingBytes = counters.number(statsOutgoingByteRate)
	a.err = cmp.Or(a.err, counters.err)
	return t
}
