package check

import (
	"fmt"

	"ipvsadm/ipvs"
)

// natRules judge masquerading.
var natRules = []Rule{{
	Name:     "nat-forwarding-off",
	Severity: Error,
	Summary:  "masquerading to another machine while the kernel does not forward packets",
	Symptom:  "Clients time out. Connections stay in the state SYN_RECV, and the servers answer, but no answer leaves.",
	Cause: `The answer of a masqueraded server is addressed to the client and arrives at this machine. The kernel drops it
if net.ipv4.ip_forward is 0 (for IPv6 net.ipv6.conf.all.forwarding).`,
	Fix: `Run sysctl -w net.ipv4.ip_forward=1, and set the same in a file under /etc/sysctl.d for the next start. The machine then
forwards all packets between its networks, so a firewall should say which.`,
	Needs:   []Fact{FactTable, FactAddresses},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.Masquerading) },
	Find:    findForwardingOff,
}, {
	Name:     "nat-client-beside-server",
	Severity: Error,
	Summary:  "clients in the network of a masqueraded server get its answers past the director",
	Symptom:  "Clients in the servers' own network time out. Clients behind a router are served.",
	Cause: `A masqueraded server answers with its own address, which the director must replace. For a client in its own network
the server needs no gateway: its answer goes directly to the client, which does not know the sender. The rule looks for such
clients whose connections stay in the state SYN_RECV.`,
	Fix: `On each server, send packets for its own network through the director: ip route replace DIRECTOR/32 dev DEVICE and
ip route replace NETWORK via DIRECTOR. The director must not send redirects (see nat-redirects). Or use direct routing.`,
	Needs:   []Fact{FactTable, FactAddresses, FactConnections},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.Masquerading) },
	Find:    findClientBesideServer,
}, {
	Name:     "nat-no-answer",
	Severity: Warning,
	Summary:  "no answer of a masqueraded server comes back to the director",
	Symptom: `Some clients time out, and others are served: those whose connections go to the other servers. The connections stay
in the state SYN_RECV.`,
	Cause: `The server's answers must pass the director, so the director must be the server's gateway on the way to the clients.
Usually the server has another default gateway. A firewall on the server that drops packets looks the same from here.`,
	Fix: `On the server: ip route replace default via DIRECTOR, with the director's address in the server's network. Or
ipvsadm check --real-server on the server finds what is wrong there.`,
	Needs:   []Fact{FactTable, FactRoutes, FactNeighbours, FactConnections},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.Masquerading) },
	Find:    findNATNoAnswer,
}, {
	Name:     "nat-redirects",
	Severity: Warning,
	Summary:  "the director sends redirects to masqueraded servers that are on the same device as the clients",
	Symptom: `Clients are served at first, and time out after a while or after a few connections. It depends on whether the servers
accept redirects.`,
	Cause: `The director and the servers are on the network where the service's address is. When a server's answer passes the director,
the kernel sees that the server could reach the client itself, and tells the server so with an ICMP redirect. From then on
the answers go past the director.`,
	Fix:     `Set send_redirects to 0 for the device and for all: the kernel sends redirects if one of the two is 1.`,
	Needs:   []Fact{FactTable, FactRoutes, FactAddresses, FactLinks},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.Masquerading) },
	Find:    findRedirects,
}}

// forwardingSetting is the setting that lets the kernel forward packets of a family.
func forwardingSetting(family ipvs.Family) string {
	if family == ipvs.IPv6 {
		return "net.ipv6.conf.all.forwarding"
	}
	return "net.ipv4.ip_forward"
}

func findForwardingOff(s *Snapshot) []Finding {
	var findings []Finding
	for _, entry := range s.Table {
		name := forwardingSetting(entry.Family)
		if value, known := s.Settings[name]; !known || value != "0" {
			continue
		}
		for _, server := range entry.Destinations {
			if server.Forwarding != ipvs.Masquerading || s.Has(server.Address.Addr()) {
				continue
			}
			f := serviceFinding(entry.ServiceID)
			f.Summary = fmt.Sprintf("the kernel does not forward, and the server %s is masqueraded", server.Address)
			f.Evidence = s.Settings.Evidence(name)
			f.Consequence = "the kernel drops the answers of the server, so clients time out"
			f.Advice = setting(name, "1")
			f.SideEffects = "this machine then forwards packets between all its networks"
			findings = append(findings, f)
			break
		}
	}
	return findings
}

// needsForwarding returns why a rule about a forwarding method does not apply.
func needsForwarding(s *Snapshot, method ipvs.Forwarding) string {
	for _, entry := range s.Table {
		for _, server := range entry.Destinations {
			if server.Forwarding == method {
				return ""
			}
		}
	}
	return "no server has the forwarding method " + method.String()
}

func findClientBesideServer(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		counts := s.Connections.Of(entry.ServiceID, server.Address)
		own, ok := s.beside(server.Address.Addr())
		if counts.BesideWaiting == 0 || counts.BesideAnswers > 0 || !ok || server.Forwarding != ipvs.Masquerading {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = fmt.Sprintf("clients such as %s are in the server's own network, and get no answer", counts.ClientExample)
		f.Evidence = fmt.Sprintf("the connection table lists %d connections of clients in %s that stay %s", counts.BesideWaiting, own.Prefix.Masked(), synReceived)
		f.Consequence = "the server's answers go past the director, and the clients do not know their sender"
		f.Advice = fmt.Sprintf("on %s: ip route replace %s dev DEVICE && ip route replace %s via %s dev DEVICE",
			server.Address.Addr(), single(own.Prefix.Addr()), own.Prefix.Masked(), own.Prefix.Addr())
		f.SideEffects = "the server's own traffic in its network passes the director, too, which must not send redirects"
		findings = append(findings, f)
	}
	return findings
}

func findNATNoAnswer(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		counts := s.Connections.Of(entry.ServiceID, server.Address)
		if server.Forwarding != ipvs.Masquerading || counts.WaitingLong <= counts.BesideWaiting || !s.packetsArrive(entry, server) {
			continue
		}
		unanswered := counts.Established+counts.Closing == 0 && (server.Totals.OutgoingPackets == 0 || counts.WaitingLong >= fewWaiting)
		if !unanswered || s.isLocal(server.Address.Addr()) || s.Settings[forwardingSetting(entry.Family)] == "0" {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = "packets go to the server, and no answer comes back"
		f.Evidence = fmt.Sprintf("the table lists %d packets in and %d out, the connection table %d connections that stay %s",
			server.Totals.IncomingPackets, server.Totals.OutgoingPackets, counts.WaitingLong, synReceived)
		f.Consequence = "the clients that IPVS sends to this server time out"
		gateway := "DIRECTOR"
		if own, ok := s.beside(server.Address.Addr()); ok {
			gateway = own.Prefix.Addr().String()
		}
		f.Advice = fmt.Sprintf("on %s: ip route replace default via %s", server.Address.Addr(), gateway)
		f.SideEffects = "all of the server's traffic to other networks then passes this machine"
		findings = append(findings, f)
	}
	return findings
}

// packetsArrive reports whether nothing that this machine can see keeps packets from a server.
func (s *Snapshot) packetsArrive(entry ipvs.Entry, server ipvs.ListedDestination) bool {
	hop, _ := s.silent(entry, server)
	return !hop.IsValid() && !s.Routes[server.Address.Addr()].Kind.Drops()
}

func findRedirects(s *Snapshot) []Finding {
	found := make(map[string]bool)
	var findings []Finding
	for entry, server := range s.servers() {
		route := s.Routes[server.Address.Addr()]
		if server.Forwarding != ipvs.Masquerading || entry.Family != ipvs.IPv4 || route.Kind != RouteUnicast || route.Gateway.IsValid() {
			continue
		}
		device := s.Links[route.Link].Name
		if found[device] || !s.clientsOn(entry, server, route.Link) || s.Settings.Larger("send_redirects", device) == 0 {
			continue
		}
		found[device] = true
		all, one := "net.ipv4.conf.all.send_redirects", "net.ipv4.conf."+device+".send_redirects"
		findings = append(findings, Finding{
			Object:      device,
			Summary:     fmt.Sprintf("clients and masqueraded servers such as %s are on %s, and the kernel sends redirects", server.Address.Addr(), device),
			Evidence:    s.Settings.Evidence(all) + ", " + s.Settings.Evidence(one),
			Consequence: "a server that accepts redirects answers past the director, and its clients time out",
			Advice:      setting(all, "0") + " && " + setting(one, "0"),
			SideEffects: "other machines no longer learn shorter ways from this one",
		})
	}
	return findings
}

// clientsOn reports whether clients of a service come by a device: by their connections, or because the device has the
// address of the service.
func (s *Snapshot) clientsOn(entry ipvs.Entry, server ipvs.ListedDestination, link int) bool {
	if s.Connections.Of(entry.ServiceID, server.Address).Beside > 0 {
		return true
	}
	own, ok := s.indexed().own[entry.Address.Addr()]
	return ok && own.Link == link
}
