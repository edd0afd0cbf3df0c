package check

import (
	"fmt"
	"net/netip"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// directRules judge direct routing and tunnels.
var directRules = []Rule{{
	Name:     "dr-behind-gateway",
	Severity: Error,
	Summary:  "direct routing to a server that is behind a router",
	Symptom:  "Some clients time out, and others are served: those whose connections go to the other servers.",
	Cause: `Direct routing leaves the packet as it is and changes only the MAC address. Its destination is still the address of
the service. A router between sends it back to the director, or drops it.`,
	Fix:     `Put the server on a network of the director, or use a tunnel (-i) or masquerading (-m) for this server.`,
	Needs:   []Fact{FactTable, FactRoutes},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.DirectRouting) },
	Find:    findBehindGateway,
}, {
	Name:     "dr-port-ignored",
	Severity: Error,
	Summary:  "the port of a server is not the service's, and its forwarding method cannot change ports",
	Symptom:  "The server's program listens on the port that the table has, and clients are refused.",
	Cause: `Direct routing and tunnels leave the packet as it is, so it arrives at the port of the service. The port of the server
in the table has no effect. ipvsadm sets such a port to the service's, but other programs make such servers.`,
	Fix:   `Let the server listen on the port of the service, and make the server again with that port. Or use masquerading.`,
	Needs: []Fact{FactTable},
	Applies: func(s *Snapshot) string {
		if reason := needsForwarding(s, ipvs.DirectRouting); reason == "" {
			return ""
		}
		if needsForwarding(s, ipvs.Tunneling) == "" {
			return ""
		}
		return "no server has direct routing or a tunnel"
	},
	Find: findPortIgnored,
}, {
	Name:     "dr-no-answer",
	Severity: Warning,
	Summary:  "a server does not accept the packets that direct routing or a tunnel brings",
	Symptom: `Some clients time out or are refused, and others are served: those whose connections go to the other servers. The
connections stay in the state SYN_RECV.`,
	Cause: `The server must have the address of the service, usually on lo with the netmask /32, and a program that listens on it.
For tunnels it also needs a tunnel device that is up. The director sees no answers, because they do not pass it: it sees only that
the clients never go on.`,
	Fix: `On the server: ip address add ADDRESS/32 dev lo, after arp_ignore=1 and arp_announce=2 are set for all devices.
ipvsadm check --real-server on the server finds what is wrong there.`,
	Needs: []Fact{FactTable, FactRoutes, FactNeighbours, FactConnections},
	Applies: func(s *Snapshot) string {
		if needsForwarding(s, ipvs.DirectRouting) != "" && needsForwarding(s, ipvs.Tunneling) != "" {
			return "no server has direct routing or a tunnel"
		}
		return ""
	},
	Find: findDirectNoAnswer,
}, {
	Name:     "dr-mac-of-server",
	Severity: Error,
	Summary:  "a server answers ARP for the address of a service",
	Symptom: `After a while all clients of a network reach one server only, past the director. The server may be overloaded, and
connections break when it changes.`,
	Cause: `Real servers have the address of the service, too, and must not answer ARP for it. This machine does not have the address
now, asked the network for it, and got the MAC address of a server.`,
	Fix: `On the server: set arp_ignore=1 and arp_announce=2 for all devices. Setting them for lo alone has no effect. Then delete the wrong entry
where it was learned: here, and on the routers and clients of the network.`,
	Needs:   []Fact{FactTable, FactNeighbours},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.DirectRouting) },
	Find:    findMACOfServer,
}, {
	Name:     "tunnel-mtu",
	Severity: Information,
	Else:     Warning,
	Summary:  "the way to a tunnelled server has no room for the outer header",
	Symptom: `Small answers work and large requests hang: uploads, and requests with large cookies. It concerns clients who do not
get, or ignore, the ICMP message that their packets are too large.`,
	Cause: `A tunnel puts another header before each packet: 20 bytes for IPIP over IPv4, 40 over IPv6, and more for GRE and GUE. If
the client's packet is as large as the device allows, it does not fit. The director then answers with "fragmentation needed". While it
sends such messages the finding is a warning.`,
	Fix: `Make the MTU of the network between director and servers larger by the header. Or make clients send smaller packets: on
the servers, ip route change default via GATEWAY advmss 1400.`,
	Needs:    []Fact{FactTable, FactRoutes, FactLinks, FactAddresses, FactCounters},
	Settings: []string{pmtuDiscovery},
	Applies:  func(s *Snapshot) string { return needsForwarding(s, ipvs.Tunneling) },
	Find:     findTunnelMTU,
}}

const pmtuDiscovery = "net.ipv4.vs.pmtu_disc"

func findBehindGateway(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		address := server.Address.Addr()
		route := s.Routes[address]
		if server.Forwarding != ipvs.DirectRouting || route.Kind != RouteUnicast || !route.Gateway.IsValid() {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = "direct routing cannot pass the router before this server"
		f.Evidence = fmt.Sprintf("ip route get %s: %s", address, s.describe(route))
		f.Consequence = "the router sends the packets back or drops them, so these clients get no answer"
		if _, ok := s.beside(address); ok {
			f.Advice = s.addRoute(address)
			f.SideEffects = "this machine then reaches the server directly for everything"
		} else {
			tunnelled := server.Destination
			tunnelled.Forwarding = ipvs.Tunneling
			f.Advice = editServer(entry.ServiceID, tunnelled)
			f.SideEffects = "the server needs a tunnel device with the address of the service"
		}
		findings = append(findings, f)
	}
	return findings
}

func findPortIgnored(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		port := entry.Address.Port()
		if server.Forwarding != ipvs.DirectRouting && server.Forwarding != ipvs.Tunneling ||
			entry.Mark != 0 || port == 0 || server.Address.Port() == port {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = fmt.Sprintf("the port %d of the server has no effect: packets arrive at port %d", server.Address.Port(), port)
		f.Evidence = fmt.Sprintf("the table lists the server %s with %s", server.Address, server.Forwarding)
		f.Consequence = "clients are refused if the server listens on its own port only"
		right := server.Destination
		right.Address = netip.AddrPortFrom(server.Address.Addr(), port)
		add := command.Command{Kind: command.AddServer, Service: ipvs.Service{ServiceID: entry.ServiceID}, Server: right}
		f.Advice = line(add) + " && " + deleteServer(entry.ServiceID, server.Destination)
		f.SideEffects = "the connections that this server has are lost"
		findings = append(findings, f)
	}
	return findings
}

func findDirectNoAnswer(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		counts := s.Connections.Of(entry.ServiceID, server.Address)
		if server.Forwarding != ipvs.DirectRouting && server.Forwarding != ipvs.Tunneling || counts.WaitingLong < fewWaiting ||
			counts.Established+counts.Closing > 0 || s.isLocal(server.Address.Addr()) || !s.packetsArrive(entry, server) ||
			s.Routes[server.Address.Addr()].Gateway.IsValid() && server.Forwarding == ipvs.DirectRouting {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = "clients get no answer from this server"
		f.Evidence = fmt.Sprintf("the connection table lists %d connections, all in the state %s", counts.Waiting, synReceived)
		f.Consequence = "the clients that IPVS sends to this server time out or are refused"
		vip := "ADDRESS"
		if entry.Mark == 0 {
			vip = single(entry.Address.Addr()).String()
		}
		f.Advice = fmt.Sprintf("on %s: sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 && ip address add %s dev lo",
			server.Address.Addr(), vip)
		f.SideEffects = "the server no longer answers ARP for addresses of its other devices"
		findings = append(findings, f)
	}
	return findings
}

// fewWaiting is how many waiting connections are more than a stray packet.
const fewWaiting = 2

func findMACOfServer(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		vip := entry.Address.Addr()
		if entry.Mark != 0 || server.Forwarding != ipvs.DirectRouting {
			continue
		}
		ours, ok := s.Neighbour(vip)
		theirs, known := s.Neighbour(server.Address.Addr())
		if !ok || !known || ours.Hardware == "" || ours.Hardware != theirs.Hardware {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = fmt.Sprintf("the server answers %s for %s", resolution(vip), vip)
		f.Evidence = fmt.Sprintf("ip neigh: %s and %s have the MAC address %s", vip, server.Address.Addr(), ours.Hardware)
		f.Consequence = "clients that ask the network for the service reach this server only, past the director"
		f.Advice = fmt.Sprintf("on %s: sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2; here: ip neigh flush to %s",
			server.Address.Addr(), vip)
		f.SideEffects = "the server no longer answers ARP for addresses of its other devices"
		findings = append(findings, f)
	}
	return findings
}

func findTunnelMTU(s *Snapshot) []Finding {
	var findings []Finding
	tooLarge := s.Settings.Number(pmtuDiscovery) != 0 && s.Rise(CountUnreachable) > 0
	for entry, server := range s.servers() {
		address := server.Address.Addr()
		route := s.Routes[address]
		arriving, ok := s.linkOf(entry)
		if server.Forwarding != ipvs.Tunneling || route.Kind != RouteUnicast || !ok {
			continue
		}
		mtu := route.MTU
		if mtu == 0 {
			mtu = s.Links[route.Link].MTU
		}
		need := arriving.MTU + overhead(server)
		same := arriving.Index == route.Link // a larger MTU of the device would let in larger packets, too
		if mtu >= need || same && !tooLarge {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = fmt.Sprintf("a packet of %d bytes and the tunnel's header do not fit the way to this server", arriving.MTU)
		f.Evidence = fmt.Sprintf("the MTU to %s is %d, and %d bytes are needed", address, mtu, need)
		f.Consequence = "large requests of clients that get no ICMP messages hang"
		if tooLarge {
			f.Severity = Warning
			f.Evidence += fmt.Sprintf("; %s rose by %d", CountUnreachable, s.Rise(CountUnreachable))
		}
		f.Advice = fmt.Sprintf("ip link set dev %s mtu %d", s.Links[route.Link].Name, need)
		f.SideEffects = "every switch and machine between must take packets of this size"
		if same {
			f.Advice = fmt.Sprintf("on %s: ip route change default via GATEWAY advmss %d", address, mtu-overhead(server)-headers(entry.Family))
			f.SideEffects = "the server's other TCP connections use smaller packets, too"
		}
		findings = append(findings, f)
	}
	return findings
}

// linkOf returns the device that has the address of a service, unless it is loopback.
func (s *Snapshot) linkOf(entry ipvs.Entry) (Link, bool) {
	own, ok := s.indexed().own[entry.Address.Addr()]
	link := s.Links[own.Link]
	return link, ok && !link.Loopback
}

// headers returns how many bytes the headers of IP and TCP have.
func headers(family ipvs.Family) int {
	if family == ipvs.IPv6 {
		return 60
	}
	return 40
}

// overhead returns how many bytes the header of a tunnel has.
func overhead(server ipvs.ListedDestination) int {
	bytes := 20
	if server.Address.Addr().Is6() {
		bytes = 40
	}
	switch server.Tunnel.Type {
	case ipvs.GUE:
		bytes += 8 + 4
	case ipvs.GRE:
		bytes += 4
	}
	if server.Tunnel.Checksum != ipvs.NoChecksum && server.Tunnel.Type != ipvs.IPIP {
		bytes += 4
	}
	return bytes
}
