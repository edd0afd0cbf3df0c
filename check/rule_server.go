package check

import (
	"fmt"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
)

// serverRules judge the ways to the servers.
var serverRules = []Rule{{
	Name:     "server-unreachable",
	Severity: Error,
	Else:     Warning,
	Summary:  "the kernel has no way to a server",
	Symptom: `Some clients time out or get "no route to host" and others are served: those whose connections go to the other
servers. The packets of connections to this server are dropped.`,
	Cause: `The kernel has no route to the server, or a route of the type unreachable, blackhole or prohibit, or the device
that leads there is down or has no carrier. IPVS does not look at routes when it chooses a server.`,
	Fix: `Mend the device or the route. Until then, give the server weight 0, so that it gets no new connections. For a server
of weight 0 that still has connections the finding is a warning.`,
	Needs:   []Fact{FactTable, FactRoutes, FactLinks, FactConnections},
	Applies: needsServers,
	Find:    findServerUnreachable,
}, {
	Name:     "neighbour-failed",
	Severity: Error,
	Else:     Warning,
	Summary:  "a server, or the router before it, does not answer ARP or neighbour discovery",
	Symptom:  `Some clients time out and others are served: those whose connections go to the other servers.`,
	Cause: `The machine is off, its cable or its port on the switch is dead, or its address is wrong. The kernel asked for its
MAC address and got no answer. IPVS goes on to send connections there.`,
	Fix: `Give the server weight 0 until it answers, so that it gets no new connections. A health checker does that by
itself. While the server has connections the finding is an error, otherwise a warning. For a server of weight 0 without
connections there is none.`,
	Needs:   []Fact{FactTable, FactRoutes, FactNeighbours, FactConnections},
	Applies: needsServers,
	Find:    findNeighbourFailed,
}, {
	Name:     "local-server-deaf",
	Severity: Error,
	Summary:  "a server is this machine, and no program listens there",
	Symptom:  "Some clients are refused, and others are served: those whose connections go to the other servers.",
	Cause: `A packet for a masqueraded server arrives at the server's address and port. With direct routing and tunnels it
arrives at the address and port of the service, whatever the server's address is. If no program listens there, the kernel
refuses the connection.`,
	Fix: `Start the program, or let it listen on that address and port, or on all addresses. Or delete the server. The rule looks at
TCP and UDP.`,
	Needs: []Fact{FactTable, FactRoutes, FactListeners},
	Applies: func(s *Snapshot) string {
		for _, server := range s.servers() {
			if s.isLocal(server.Address.Addr()) {
				return ""
			}
		}
		return "no server is this machine"
	},
	Find: findLocalServerDeaf,
}}

// isLocal reports whether packets to an address stay on this machine.
func (s *Snapshot) isLocal(address netip.Addr) bool { return s.Routes[address].Kind == RouteLocal }

// serves reports whether clients notice what is wrong with a server: it gets new connections, or has some.
func (s *Snapshot) serves(entry ipvs.Entry, server ipvs.ListedDestination) bool {
	return server.Weight > 0 || s.Connections.Of(entry.ServiceID, server.Address).Alive() > 0
}

// needsServers returns why a rule about servers does not apply.
func needsServers(s *Snapshot) string {
	for _, entry := range s.Table {
		if len(entry.Destinations) > 0 {
			return ""
		}
	}
	return "the table has no servers"
}

func findServerUnreachable(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		address := server.Address.Addr()
		route, looked := s.Routes[address]
		if !looked || route.Kind == RouteLocal || !s.serves(entry, server) {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		link := s.Links[route.Link]
		switch {
		case route.Kind.Drops():
			f.Summary = "the kernel has no way to this server"
			f.Evidence = fmt.Sprintf("ip route get %s: %s", address, s.describe(route))
			f.Advice = s.addRoute(address)
			f.SideEffects = "packets for the server then take this way"
		case !link.Up, !link.Carrier:
			f.Summary = fmt.Sprintf("the device %s, which leads to this server, is down", link.Name)
			f.Evidence = fmt.Sprintf("ip link show dev %s: %s", link.Name, linkState(link))
			f.Advice = "ip link set dev " + link.Name + " up"
			f.SideEffects = "a cable or a switch may be the cause, which the command does not mend"
		default:
			continue
		}
		f.Consequence = "the clients that IPVS sends to this server get no answer"
		if server.Weight == 0 {
			f.Severity = Warning
			f.Consequence = "the connections that this server still has get no answer"
		}
		findings = append(findings, f)
	}
	return findings
}

// servers yields the servers of all services.
func (s *Snapshot) servers() func(yield func(ipvs.Entry, ipvs.ListedDestination) bool) {
	return func(yield func(ipvs.Entry, ipvs.ListedDestination) bool) {
		for _, entry := range s.Table {
			for _, server := range entry.Destinations {
				if !yield(entry, server) {
					return
				}
			}
		}
	}
}

// addRoute returns the command that adds a route to an address: on the link if this machine is in its network.
func (s *Snapshot) addRoute(address netip.Addr) string {
	if own, ok := s.beside(address); ok {
		return fmt.Sprintf("ip route replace %s dev %s", single(address), s.Links[own.Link].Name)
	}
	return fmt.Sprintf("ip route replace %s via GATEWAY", single(address))
}

func linkState(link Link) string {
	switch {
	case !link.Up:
		return "down"
	case !link.Carrier:
		return "no carrier"
	default:
		return "up"
	}
}

// nextHop returns the machine on the link to which the kernel sends packets for an address.
func (s *Snapshot) nextHop(address netip.Addr) (netip.Addr, bool) {
	route := s.Routes[address]
	switch {
	case route.Kind != RouteUnicast:
		return netip.Addr{}, false
	case route.Gateway.IsValid():
		return route.Gateway, true
	default:
		return address, true
	}
}

// silent returns the next hop to a server if it does not answer ARP or neighbour discovery. While packets come, the kernel
// asks again and again. So a next hop that has not answered yet counts, too, if connections wait.
func (s *Snapshot) silent(entry ipvs.Entry, server ipvs.ListedDestination) (netip.Addr, NeighbourState) {
	hop, ok := s.nextHop(server.Address.Addr())
	if !ok {
		return netip.Addr{}, 0
	}
	neighbour, _ := s.Neighbour(hop)
	waiting := s.Connections.Of(entry.ServiceID, server.Address).WaitingLong > 0
	if neighbour.State&NeighbourFailed != 0 || neighbour.State&NeighbourIncomplete != 0 && waiting {
		return hop, neighbour.State
	}
	return netip.Addr{}, 0
}

func findNeighbourFailed(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		hop, state := s.silent(entry, server)
		if !hop.IsValid() || !s.serves(entry, server) {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = "the server does not answer " + resolution(hop)
		if hop != server.Address.Addr() {
			f.Summary = fmt.Sprintf("%s, through which packets reach this server, does not answer %s", hop, resolution(hop))
		}
		name := "FAILED"
		if state&NeighbourFailed == 0 {
			name = "INCOMPLETE"
		}
		f.Evidence = fmt.Sprintf("ip neigh show %s: %s", hop, name)
		f.Consequence = "the clients that IPVS sends to this server get no answer"
		if counts := s.Connections.Of(entry.ServiceID, server.Address); counts.Alive()+counts.Waiting == 0 {
			f.Severity = Warning
		}
		if server.Weight > 0 {
			drained := server.Destination
			drained.Weight = 0
			f.Advice = editServer(entry.ServiceID, drained)
			f.SideEffects = "new connections go to the other servers; set the weight back when the server answers"
		} else {
			f.Advice = deleteServer(entry.ServiceID, server.Destination)
			f.SideEffects = "the connections of this server are lost, which they are anyway"
		}
		findings = append(findings, f)
	}
	return findings
}

// resolution returns how a MAC address is found.
func resolution(address netip.Addr) string {
	if address.Is4() {
		return "ARP"
	}
	return "neighbour discovery"
}

func findLocalServerDeaf(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		arrives := server.Address
		if server.Forwarding != ipvs.Masquerading {
			arrives = entry.Address
		}
		if entry.Mark != 0 || arrives.Port() == 0 || entry.Protocol == ipvs.SCTP || !s.isLocal(server.Address.Addr()) ||
			s.listens(entry.Protocol, arrives) {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		protocol := strings.ToLower(entry.Protocol.String())
		f.Summary = fmt.Sprintf("the server is this machine, and no program listens on %s %s", protocol, arrives)
		f.Evidence = fmt.Sprintf("/proc/net/%s lists no socket for it", protocol)
		f.Consequence = "the clients that IPVS sends to this server are refused"
		f.Advice = deleteServer(entry.ServiceID, server.Destination)
		f.SideEffects = "new connections go to the other servers; starting the program mends it, too"
		findings = append(findings, f)
	}
	return findings
}

// listens reports whether a socket gets the packets to an address and port.
func (s *Snapshot) listens(protocol ipvs.Protocol, address netip.AddrPort) bool {
	for _, l := range s.Listeners {
		if l.Protocol == protocol && l.Address.Port() == address.Port() &&
			(l.Address.Addr() == address.Addr() || l.Address.Addr().IsUnspecified() && (l.Address.Addr().Is6() || address.Addr().Is4())) {
			return true
		}
	}
	return false
}
