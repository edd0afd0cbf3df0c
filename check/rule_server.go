package check

import (
	"fmt"
	"net/netip"

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
of weight 0 the finding is a warning.`,
	Needs:   []Fact{FactTable, FactRoutes, FactLinks},
	Applies: needsServers,
	Find:    findServerUnreachable,
}}

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
		if !looked || route.Kind == RouteLocal {
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
	for _, own := range s.Addresses {
		if link := s.Links[own.Link]; own.Prefix.Contains(address) && !link.Loopback && !own.Prefix.IsSingleIP() {
			return fmt.Sprintf("ip route replace %s dev %s", single(address), link.Name)
		}
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
