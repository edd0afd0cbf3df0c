// Package top computes what "ipvsadm top" shows: rates from the kernel's counters, in lines that can be sorted, folded and
// filtered, and the screen that holds them. It reads nothing and waits for nothing.
package top

import (
	"maps"
	"math"
	"net/netip"
	"time"

	"ipvsadm/ipvs"
)

// Unknown is the value of a rate or share that the director cannot know.
var Unknown = math.NaN()

// Line is what the screen shows about a service, or about one of its servers. Rates are per second. A rate or share may be
// Unknown: until the second sample, for the replies of servers that answer past the director, and for a share of nothing.
type Line struct {
	Service       ipvs.ServiceID
	Server        netip.AddrPort // invalid for the line of a service
	Scheduler     string         // of a service
	Weight        uint32         // of a service: the sum of its servers'
	WeightShare   float64        // of the service's weight, from 0 to 1
	Active        uint64
	Inactive      uint64
	Connections   float64
	PacketsIn     float64
	PacketsOut    float64
	BitsIn        float64
	BitsOut       float64
	TrafficShare  float64   // of the service's bits from clients, from 0 to 1
	History       []float64 // connections per second, the oldest first
	OverThreshold bool      // it has at least as many connections as its upper threshold
	Drained       bool      // by ipvsadm drain
	Servers       []Line    // of a service
}

// IsService reports whether the line is about a service.
func (l *Line) IsService() bool { return !l.Server.IsValid() }

// Monitor computes rates from samples of the table.
type Monitor struct {
	last    time.Time
	before  map[key]*past
	sample  int // the number of the present one
	samples int // in a full history
}

type key struct {
	service ipvs.ServiceID
	server  netip.AddrPort
}

// past is what a Monitor keeps of a service or a server.
type past struct {
	totals  ipvs.Counters
	history []float64
	sample  int // the last one that had it
}

// NewMonitor returns a Monitor for samples at an interval. Its lines have a history of one minute.
func NewMonitor(interval time.Duration) *Monitor {
	return &Monitor{before: make(map[key]*past), samples: max(1, int(time.Minute/interval))}
}

// Add adds a sample of the table, and returns a line for each service.
func (m *Monitor) Add(now time.Time, table []ipvs.Entry, drained func(ipvs.ServiceID, netip.AddrPort) bool) []Line {
	elapsed := now.Sub(m.last).Seconds()
	if m.last.IsZero() || elapsed <= 0 {
		elapsed = Unknown
	}
	m.last = now
	m.sample++
	lines := make([]Line, len(table))
	for i := range table {
		lines[i] = m.service(&table[i], elapsed)
		for j := range lines[i].Servers {
			server := &lines[i].Servers[j]
			server.Drained = drained(server.Service, server.Server)
		}
	}
	maps.DeleteFunc(m.before, func(_ key, p *past) bool { return p.sample != m.sample })
	return lines
}

func (m *Monitor) service(entry *ipvs.Entry, elapsed float64) Line {
	line := Line{Service: entry.ServiceID, Scheduler: entry.Scheduler, WeightShare: Unknown, TrafficShare: Unknown}
	line.Servers = make([]Line, len(entry.Destinations))
	repliesPass := false
	for i := range entry.Destinations {
		d := &entry.Destinations[i]
		masquerading := d.Forwarding == ipvs.Masquerading
		repliesPass = repliesPass || masquerading
		server := Line{
			Service: entry.ServiceID, Server: d.Address, Weight: d.Weight,
			Active: uint64(d.ActiveConnections), Inactive: uint64(d.InactiveConnections),
			OverThreshold: d.UpperThreshold > 0 && uint64(d.ActiveConnections)+uint64(d.InactiveConnections) >= uint64(d.UpperThreshold),
		}
		m.rates(&server, d.Totals, elapsed, masquerading)
		line.Weight += d.Weight
		line.Active += server.Active
		line.Inactive += server.Inactive
		line.Servers[i] = server
	}
	m.rates(&line, entry.Totals, elapsed, repliesPass)
	for i := range line.Servers {
		server := &line.Servers[i]
		server.WeightShare = share(float64(server.Weight), float64(line.Weight))
		server.TrafficShare = share(server.BitsIn, line.BitsIn)
	}
	return line
}

// share returns a part of a whole, or Unknown if the whole is nothing.
func share(part, whole float64) float64 {
	if whole == 0 {
		return Unknown
	}
	return part / whole
}

// rates computes the rates of a line, and keeps its counters for the next sample.
func (m *Monitor) rates(line *Line, totals ipvs.Counters, elapsed float64, repliesPass bool) {
	key := key{line.Service, line.Server}
	before, known := m.before[key]
	if !known {
		elapsed = Unknown
		before = new(past)
		m.before[key] = before
	}
	rate := func(now, before uint64) float64 {
		if now < before { // someone zeroed the counters
			return Unknown
		}
		return float64(now-before) / elapsed
	}
	line.Connections = rate(totals.Connections, before.totals.Connections)
	line.PacketsIn = rate(totals.IncomingPackets, before.totals.IncomingPackets)
	line.BitsIn = 8 * rate(totals.IncomingBytes, before.totals.IncomingBytes)
	line.PacketsOut, line.BitsOut = Unknown, Unknown
	if repliesPass {
		line.PacketsOut = rate(totals.OutgoingPackets, before.totals.OutgoingPackets)
		line.BitsOut = 8 * rate(totals.OutgoingBytes, before.totals.OutgoingBytes)
	}
	if !math.IsNaN(line.Connections) {
		before.history = append(before.history, line.Connections)
		before.history = before.history[max(0, len(before.history)-m.samples):]
	}
	line.History = before.history
	before.totals, before.sample = totals, m.sample
}
