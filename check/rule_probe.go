package check

import (
	"fmt"
	"net/netip"

	"ipvsadm/ipvs"
)

// Probes are the answers to the packets of --probe.
type Probes struct {
	Answers map[netip.Addr]string    // the MAC address of another machine that answers ARP for the address of a service
	Refused map[netip.AddrPort]error // why no TCP connection to a masqueraded server came about
	Lost    map[netip.Addr]int       // the size of packets that a tunnelled server does not answer, though it answers small ones
}

// probeRules judge the answers to the packets of --probe.
var probeRules = []Rule{{
	Name:     "vip-answered-elsewhere",
	Severity: Error,
	Probe:    true,
	Summary:  "another machine answers ARP for the address of a service",
	Symptom:  "Some clients reach another machine than the director, and it changes with time and with the client's network.",
	Cause: `Two machines answer the question who has the address. Often the other one is a real server that has the address for
direct routing and does not keep silent about it, or a second director that did not give up the address.`,
	Fix:     `On a real server: set arp_ignore=1 and arp_announce=2 for all devices. On another director: take the address away.`,
	Needs:   []Fact{FactTable, FactAddresses},
	Applies: needsAddressServices,
	Find: func(s *Snapshot) []Finding {
		var findings []Finding
		for id, own := range s.addressesOfServices() {
			vip := own.Prefix.Addr()
			hardware := s.Probes.Answers[vip]
			if hardware == "" {
				continue
			}
			f := serviceFinding(id)
			f.Summary = fmt.Sprintf("another machine answers ARP for %s", vip)
			f.Evidence = "an ARP request was answered by " + hardware
			where := "on the machine with " + hardware
			for _, n := range s.Neighbours {
				if n.Hardware == hardware && n.Address != vip {
					where = "on " + n.Address.String()
					f.Evidence += fmt.Sprintf(", which ip neigh lists for %s", n.Address)
					break
				}
			}
			f.Consequence = "clients whose question it answers first reach that machine"
			f.Advice = where + ": sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"
			f.SideEffects = "that machine no longer answers ARP for addresses of its other devices"
			findings = append(findings, f)
		}
		return findings
	},
}, {
	Name:     "server-refuses",
	Severity: Error,
	Probe:    true,
	Summary:  "a masqueraded server takes no TCP connection",
	Symptom:  "Some clients are refused or time out, and others are served: those whose connections go to the other servers.",
	Cause: `The director itself cannot open a connection to the server's address and port. The program does not run or listens on
another port, or a firewall is between.`,
	Fix:     `Start the program, or correct the port in the table. Until then, give the server weight 0.`,
	Needs:   []Fact{FactTable},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.Masquerading) },
	Find: func(s *Snapshot) []Finding {
		var findings []Finding
		for entry, server := range s.servers() {
			refused := s.Probes.Refused[server.Address]
			if !Probed(entry, server) || refused == nil {
				continue
			}
			f := serverFinding(entry.ServiceID, server)
			f.Summary = "the server takes no connection"
			f.Evidence = fmt.Sprintf("a connection to %s: %s", server.Address, refused)
			f.Consequence = "the clients that IPVS sends to this server are refused or time out"
			drained := server.Destination
			drained.Weight = 0
			f.Advice = editServer(entry.ServiceID, drained)
			f.SideEffects = "new connections go to the other servers; set the weight back when the server takes connections"
			findings = append(findings, f)
		}
		return findings
	},
}, {
	Name:     "tunnel-too-small",
	Severity: Error,
	Probe:    true,
	Summary:  "large packets do not reach a tunnelled server",
	Symptom:  "Small requests work and large ones hang: uploads, and requests with large cookies.",
	Cause: `The network to the server loses packets that are as large as this machine's device allows. A tunnel's packets are larger
than the clients' packets by the tunnel's header, so they are lost first.`,
	Fix: `Make the MTU of the network larger. Or tell this machine the size that the network takes, by the route: the director then
sends "fragmentation needed" to clients.`,
	Needs:   []Fact{FactTable, FactRoutes, FactLinks},
	Applies: func(s *Snapshot) string { return needsForwarding(s, ipvs.Tunneling) },
	Find: func(s *Snapshot) []Finding {
		var findings []Finding
		for entry, server := range s.servers() {
			address := server.Address.Addr()
			size := s.Probes.Lost[address]
			if size == 0 || server.Forwarding != ipvs.Tunneling {
				continue
			}
			f := serverFinding(entry.ServiceID, server)
			f.Summary = fmt.Sprintf("packets of %d bytes do not reach the server", size)
			f.Evidence = fmt.Sprintf("%s answers a small ICMP echo and not one of %d bytes", address, size)
			f.Consequence = "large requests hang"
			f.Advice = s.addRoute(address) + " mtu 1280"
			f.SideEffects = "all packets of this machine to the server are at most so large"
			findings = append(findings, f)
		}
		return findings
	},
}}

// Probed reports whether a TCP connection to a server shows that it serves.
func Probed(entry ipvs.Entry, server ipvs.ListedDestination) bool {
	return server.Forwarding == ipvs.Masquerading && entry.Protocol == ipvs.TCP && server.Weight > 0 && server.Address.Port() != 0
}

// TunnelMTU returns the size of the largest packet that the kernel sends to an address.
func (s *Snapshot) TunnelMTU(address netip.Addr) int {
	route := s.Routes[address]
	if route.MTU != 0 {
		return route.MTU
	}
	return s.Links[route.Link].MTU
}
