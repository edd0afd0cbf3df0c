// Package connections selects the entries of the kernel's connection table, and groups them.
package connections

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// Connection is an entry of the connection table, with the service and the server that it belongs to. Both are nil if the
// table of services was not read or does not have them.
type Connection struct {
	*ipvs.Connection
	Service *ipvs.Entry
	Server  *ipvs.ListedDestination
}

// Filter selects connections. A connection must match every field that is set, and of a list one element. The zero value
// selects every connection.
type Filter struct {
	Service   *ipvs.ServiceID
	Server    netip.AddrPort // port 0 stands for every port
	Clients   []netip.Prefix
	States    []string // as the kernel writes them
	Protocols []string // as the kernel writes them
	Expires   []Bound  // of the time that an entry stays without traffic
	Templates Templates
	Stale     bool // only connections whose server has weight 0 or left the table
}

// Templates says what a Filter does with templates of persistence.
type Templates int

// What a Filter does with templates.
const (
	WithTemplates Templates = iota
	WithoutTemplates
	OnlyTemplates
)

// NeedsTable reports whether the filter needs the services and servers of connections.
func (f *Filter) NeedsTable() bool { return f.Service != nil || f.Stale }

// Selects reports whether the filter selects a connection.
func (f *Filter) Selects(c Connection) bool {
	return (f.Service == nil || c.belongsTo(*f.Service)) &&
		(!f.Server.IsValid() || isAt(c.Destination, f.Server)) &&
		(len(f.Clients) == 0 || slices.ContainsFunc(f.Clients, func(p netip.Prefix) bool { return p.Contains(c.Client.Addr()) })) &&
		(len(f.States) == 0 || slices.Contains(f.States, c.State)) &&
		(len(f.Protocols) == 0 || slices.Contains(f.Protocols, c.Protocol)) &&
		(len(f.Expires) == 0 || slices.ContainsFunc(f.Expires, func(b Bound) bool { return b.holds(c.Expires) })) &&
		(f.Templates == WithTemplates || c.IsTemplate() == (f.Templates == OnlyTemplates)) &&
		(!f.Stale || c.Stale())
}

// Stale reports whether the connection's server has weight 0 or is not in the table any more.
func (c Connection) Stale() bool { return c.Server == nil || c.Server.Weight == 0 }

// ServiceID names the connection's service. Without a service in the table it is the address that the client called.
func (c Connection) ServiceID() ipvs.ServiceID {
	if c.Service != nil {
		return c.Service.ServiceID
	}
	for _, protocol := range []ipvs.Protocol{ipvs.TCP, ipvs.UDP, ipvs.SCTP} {
		if c.Protocol == protocol.String() {
			return ipvs.AddressService(protocol, c.Virtual)
		}
	}
	return ipvs.AddressService(0, c.Virtual)
}

func (c Connection) belongsTo(id ipvs.ServiceID) bool { return c.ServiceID() == id }

// isAt reports whether a server is at an address, whose port 0 stands for every port.
func isAt(server, address netip.AddrPort) bool {
	return server == address || address.Port() == 0 && server.Addr() == address.Addr()
}

// States lists the states that the kernel writes, for TCP, UDP, SCTP and templates.
func States() []string {
	return []string{
		"NONE", "ASSURED", "UDP",
		"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "SYNACK",
		"INIT1", "INIT", "COOKIE_SENT", "COOKIE_REPLIED", "COOKIE_WAIT", "COOKIE", "COOKIE_ECHOED",
		"SHUTDOWN_SENT", "SHUTDOWN_RECEIVED", "SHUTDOWN_ACK_SENT", "REJECTED", "CLOSED",
	}
}

// Protocols lists the protocols of connections. "IP" is that of the templates of a firewall mark.
func Protocols() []string { return []string{"TCP", "UDP", "SCTP", "ESP", "AH", "IP"} }

// Bound is a condition for a time, such as "<30s".
type Bound struct {
	operator string
	limit    time.Duration
}

// ParseBound reads an operator (<, <=, >, >=) and a duration, such as "<30s". It reports whether it is one.
func ParseBound(text string) (b Bound, ok bool) {
	for _, operator := range []string{"<=", ">=", "<", ">"} {
		if rest, found := strings.CutPrefix(text, operator); found {
			limit, err := time.ParseDuration(strings.TrimSpace(rest))
			return Bound{operator, limit}, err == nil && limit >= 0
		}
	}
	return Bound{}, false
}

func (b Bound) holds(d time.Duration) bool {
	switch b.operator {
	case "<":
		return d < b.limit
	case "<=":
		return d <= b.limit
	case ">":
		return d > b.limit
	default:
		return d >= b.limit
	}
}
