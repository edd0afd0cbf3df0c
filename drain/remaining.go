package drain

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// Until is what a drain waits for.
type Until string

// The values of --until.
const (
	UntilActive Until = "active" // no active connection, UDP connection or template
	UntilAll    Until = "all"    // nor an inactive connection
)

// Remaining is what a server still has.
type Remaining struct {
	Active    uint32 // TCP and SCTP connections, as the kernel counts them
	Inactive  uint32 // UDP and ended connections, as the kernel counts them
	UDP       int
	Templates int // of persistence, which lead clients to the server

	Longest         time.Duration // how long the last connection lasts without traffic
	LongestTemplate time.Duration

	Clients map[netip.Addr]int // how many of these connections each client has
}

// Count returns how many things a drain still waits for. A UDP connection is inactive too.
func (r Remaining) Count(until Until) int {
	if until == UntilAll {
		return int(r.Active) + max(int(r.Inactive), r.UDP) + r.Templates
	}
	return int(r.Active) + r.UDP + r.Templates
}

// counter counts the connections of servers.
type counter struct {
	servers   *ipvs.Servers
	wanted    map[key]bool
	until     Until
	templates bool // templates lead clients to servers of weight 0
}

// newCounter returns a counter for some servers of a table. A connection does not say which firewall mark it had: it counts
// for the wanted service if that may be its own.
func newCounter(table []ipvs.Entry, servers []Server, until Until, s settings) *counter {
	c := &counter{wanted: make(map[key]bool), until: until, templates: !s.expireTemplates}
	services := make(map[ipvs.ServiceID]bool)
	for _, server := range servers {
		c.wanted[server.key()] = true
		services[server.Service.ServiceID] = true
	}
	var wanted, others []ipvs.Entry
	for _, entry := range table {
		if services[entry.ServiceID] {
			wanted = append(wanted, entry)
		} else {
			others = append(others, entry)
		}
	}
	c.servers = ipvs.NewServers(append(wanted, others...)) // it takes the first mark that fits
	return c
}

// count counts connections. It skips malformed lines of the connection table.
func (c *counter) count(ctx context.Context, connections iter.Seq2[ipvs.Connection, error]) (map[key]Remaining, error) {
	const often = 1000 // connections; the kernel takes long to list many
	all := make(map[key]Remaining)
	seen := 0
	for connection, err := range connections {
		var malformed *ipvs.LineError
		if errors.As(err, &malformed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if seen++; seen%often == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		service, server := c.servers.Find(&connection)
		if server == nil || !c.wanted[key{service.ServiceID, server.Address}] {
			continue
		}
		k := key{service.ServiceID, server.Address}
		r := all[k]
		c.add(&r, &connection)
		all[k] = r
	}
	return all, nil
}

func (c *counter) add(r *Remaining, connection *ipvs.Connection) {
	switch {
	case connection.IsTemplate():
		if !c.templates {
			return
		}
		r.Templates++
		r.LongestTemplate = max(r.LongestTemplate, connection.Expires)
	case connection.Protocol == "UDP":
		r.UDP++
		r.Longest = max(r.Longest, connection.Expires)
	case c.until == UntilAll || active(connection):
		r.Longest = max(r.Longest, connection.Expires)
	default:
		return
	}
	if r.Clients == nil {
		r.Clients = make(map[netip.Addr]int)
	}
	r.Clients[connection.Client.Addr()]++
}

// active reports whether the kernel counts a connection as active.
func active(c *ipvs.Connection) bool {
	return c.State == "ESTABLISHED" || c.Protocol == "TCP" && strings.HasPrefix(c.State, "SYN")
}

// rateWindow is the time over which the rate of decrease is measured. A shorter time than rateLeast has no rate.
const (
	rateWindow = time.Minute
	rateLeast  = 5 * time.Second
)

// history is how many connections a server had in the last minute.
type history []sample

type sample struct {
	at    time.Time
	count int
}

// add returns the history with another sample. It forgets all but one of the samples that are older than the window.
func (h history) add(at time.Time, count int) history {
	h = append(h, sample{at, count})
	for len(h) > 2 && at.Sub(h[1].at) >= rateWindow {
		h = h[1:]
	}
	return h
}

// rate returns how many connections fewer there are each minute. It is negative if they become more.
func (h history) rate() (perMinute float64, known bool) {
	if len(h) < 2 {
		return 0, false
	}
	first, last := h[0], h[len(h)-1]
	elapsed := last.at.Sub(first.at)
	if elapsed < rateLeast {
		return 0, false
	}
	return float64(first.count-last.count) / elapsed.Minutes(), true
}
