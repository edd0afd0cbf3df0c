package format

import "ipvsadm/ipvs"

func (c classic) counters(r *row, n ipvs.Counters) {
	c.counter(r, n.Connections)
	c.counter(r, n.IncomingPackets)
	c.counter(r, n.OutgoingPackets)
	c.counter(r, n.IncomingBytes)
	c.counter(r, n.OutgoingBytes)
}

// serverRates appends the rates of a server. The original abbreviates only the last two.
func (c classic) serverRates(r *row, n ipvs.Counters) {
	addWhole(r, n.Connections)
	addWhole(r, n.IncomingPackets)
	addWhole(r, n.OutgoingPackets)
	c.counter(r, n.IncomingBytes)
	c.counter(r, n.OutgoingBytes)
}

// counter appends a counter in nine characters. A counter with more than eight digits is divided by a power of a thousand,
// whose letter follows. With Exact it keeps all its digits.
func (c classic) counter(r *row, n uint64) {
	switch {
	case c.Exact || n < 1e8:
		addWhole(r, n)
	case n < 1e9:
		addUnit(r, n/1e3, "K")
	case n < 1e11:
		addUnit(r, n/1e6, "M")
	case n < 1e14:
		addUnit(r, n/1e9, "G")
	default:
		addUnit(r, n/1e12, "T")
	}
}

func addUnit(r *row, n uint64, unit string) {
	r.right(n, 8)
	r.add(unit)
}

// addWhole appends a space and a number, padded to eight characters on the left.
func addWhole(r *row, n uint64) {
	r.add(" ")
	r.right(n, 8)
}
