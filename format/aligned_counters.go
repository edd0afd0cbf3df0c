package format

import (
	"math"

	"ipvsadm/ipvs"
)

// counterColumns returns the columns of the counters and rates that the user wants.
func (a aligned) counterColumns() []column {
	var columns []column
	if a.Stats {
		columns = append(columns,
			column{heading: "CONNS", right: true, group: true},
			column{heading: "PKTS IN", short: "INPKTS", right: true},
			column{heading: "PKTS OUT", short: "OUTPKTS", right: true},
			column{heading: "BYTES IN", short: "INBYTES", right: true},
			column{heading: "BYTES OUT", short: "OUTBYTES", right: true})
	}
	if a.Rate {
		bytes := "BITS/S"
		if a.Exact {
			bytes = "BYTES/S"
		}
		columns = append(columns,
			column{heading: "CONNS/S", short: "CPS", right: true, group: true},
			column{heading: "PKTS/S IN", short: "INPPS", right: true},
			column{heading: "PKTS/S OUT", short: "OUTPPS", right: true},
			column{heading: bytes + " IN", short: "INBPS", right: true},
			column{heading: bytes + " OUT", short: "OUTBPS", right: true})
	}
	return columns
}

// addCounters adds the cells of these columns.
func (a aligned) addCounters(g *grid, t *ipvs.Traffic) {
	if a.Stats {
		a.addTraffic(g, t.Totals, a.bytes)
	}
	if a.Rate {
		a.addTraffic(g, t.Rates, a.bits)
	}
}

func (a aligned) addTraffic(g *grid, c ipvs.Counters, bytes func(*grid, uint64)) {
	for _, n := range [...]uint64{c.Connections, c.IncomingPackets, c.OutgoingPackets} {
		a.count(g, n)
		g.next()
	}
	for _, n := range [...]uint64{c.IncomingBytes, c.OutgoingBytes} {
		bytes(g, n)
		g.next()
	}
}

func (a aligned) count(g *grid, n uint64) {
	if a.Exact || n < 1000 {
		g.number(n)
		return
	}
	g.withUnit(n, "")
}

func (a aligned) bytes(g *grid, n uint64) {
	if a.Exact {
		g.number(n)
		return
	}
	g.withUnit(n, "B")
}

// bits converts bytes per second to bits per second, the unit of links.
func (a aligned) bits(g *grid, n uint64) {
	if a.Exact {
		g.number(n)
		return
	}
	g.withUnit(min(n, math.MaxUint64/8)*8, "b/s")
}

// withUnit appends a number with an SI prefix and its unit, such as "1.2 MB", rounded to a tenth. In a short grid it is
// "1.2MB".
func (g *grid) withUnit(n uint64, unit string) {
	space := " "
	if g.form == short {
		space = ""
	}
	if n < 1000 {
		g.number(n)
		g.add(space + unit)
		return
	}
	const prefixes = "kMGTPE"
	power, prefix := uint64(1000), 0
	// A number that rounds to a thousand takes the next prefix.
	for prefix < len(prefixes)-1 && (n/power > 999 || n/power == 999 && n%power >= power/20*19) {
		power *= 1000
		prefix++
	}
	tenths := n/power*10 + (n%power+power/20)/(power/10)
	g.number(tenths / 10)
	g.add(".")
	g.number(tenths % 10)
	g.add(space + prefixes[prefix:prefix+1] + unit)
}
