package check

import (
	"fmt"

	"ipvsadm/ipvs"
)

// RealServerRules returns the rules for a real server, in the order of the manual page.
func RealServerRules() []Rule {
	var all []Rule
	for _, part := range [][]Rule{realAddressRules, realTunnelRules, realAnswerRules} {
		all = append(all, part...)
	}
	return all
}

// realAddressRules judge the address of the service on a real server, and ARP for it.
var realAddressRules = []Rule{{
	Name:     "vip-missing",
	Severity: Error,
	Summary:  "direct routing or tunnels, and this machine does not have the address of the service",
	Symptom: `Clients time out when the director sends them to this server. On the director the connections stay in the state
SYN_RECV.`,
	Cause: `With direct routing and tunnels the packet that arrives here is still addressed to the service. A machine that does not
have this address forwards or drops the packet.`,
	Fix: `Add the address to the loopback device: ip address add ADDRESS/32 dev lo. For IPv4 set arp_ignore and arp_announce before,
or the network learns that this machine has the address.`,
	Needs:   []Fact{FactAddresses},
	Applies: needsMethod(ipvs.DirectRouting, ipvs.Tunneling),
	Find:    findVIPMissing,
}, {
	Name:     "vip-answers-arp",
	Severity: Error,
	Else:     Warning,
	Summary:  "the address of the service is on a device that answers ARP or neighbour discovery for it",
	Symptom: `Some clients, or after some minutes all, are served by this server alone. The director sees less traffic or none.
Connections break when the router's neighbour table changes.`,
	Cause: `With arp_ignore=1 the kernel answers ARP for the addresses of the device that was asked. So the address of the service
must be on another one, such as the loopback device. The router takes the first answer: the director's or this machine's.`,
	Fix: `Move the address to the loopback device: add ADDRESS/32 there and delete it here. On a device that does not lead to the
director the finding is a warning.`,
	Needs:   []Fact{FactAddresses, FactLinks, FactRoutes},
	Applies: needsMethod(ipvs.DirectRouting, ipvs.Tunneling),
	Find:    findVIPAnswersARP,
}, {
	Name:     "arp-ignore",
	Severity: Error,
	Else:     Warning,
	Summary:  "this machine answers ARP for the address of the service, which is the director's",
	Symptom: `Some clients, or after some minutes all, are served by this server alone. The director sees less traffic or none.
Connections break when the router's neighbour table changes.`,
	Cause: `By default the kernel answers ARP for every address of the machine on every device. The larger of arp_ignore of all and
of the device that was asked counts. That of lo is never asked: setting it alone is a common slip.`,
	Fix: `Run sysctl -w net.ipv4.conf.all.arp_ignore=1, and set the same in a file under /etc/sysctl.d for the next start. The router may
keep a wrong entry for some minutes. If the address is in no network of this machine, the finding is a warning with direct
routing, because nobody may ask for it here, and with tunnels there is none.`,
	Needs:    []Fact{FactAddresses, FactLinks, FactRoutes},
	Settings: []string{"net.ipv4.conf.all.arp_ignore"},
	Applies:  needsARP,
	Find:     findARPIgnore,
}, {
	Name:     "arp-announce",
	Severity: Warning,
	Summary:  "this machine uses the address of the service in its own ARP requests",
	Symptom: `Now and then the router sends packets of the service to this server instead of the director, until it asks again. Or
this server cannot reach its router while it answers a client.`,
	Cause: `When the kernel answers a client and asks for the router's MAC address, it may name the address of the service as its own.
Machines that hear it remember this server's MAC address for it. The larger of arp_announce of all and of the device counts.
With 2 the kernel uses an address of the device.`,
	Fix:      `Run sysctl -w net.ipv4.conf.all.arp_announce=2, and set the same in a file under /etc/sysctl.d for the next start.`,
	Needs:    []Fact{FactAddresses, FactLinks, FactRoutes},
	Settings: []string{"net.ipv4.conf.all.arp_announce"},
	Applies:  needsARP,
	Find:     findARPAnnounce,
}, {
	Name:     "vip-wrong-mask",
	Severity: Error,
	Summary:  "the address of the service has a netmask, so its whole network belongs to this machine",
	Symptom: `Clients in one network time out when the director sends them to this server: those in the network of the service. This
machine cannot reach that network either.`,
	Cause: `An address such as 192.0.2.100/24 on the loopback device makes every address of the network this machine's own. On a
dummy or tunnel device it brings a route to the network by a device that leads nowhere. Answers never leave.`,
	Fix:     `Give the address the netmask /32, or /128 for IPv6: add it so, and delete the other.`,
	Needs:   []Fact{FactAddresses, FactLinks},
	Applies: needsMethod(ipvs.DirectRouting, ipvs.Tunneling),
	Find:    findRealWrongMask,
}}

// realFinding begins a finding about an object of a real server.
func (s *Snapshot) realFinding(object string) Finding {
	return Finding{Service: s.RealServer.Service, Object: object}
}

// consequence of a second machine that answers ARP for the address of a service.
const takesOver = "the router may send packets of the service to this server instead of the director"

func findVIPMissing(s *Snapshot) []Finding {
	vip := s.RealServer.Service.Address.Addr()
	if s.Has(vip) {
		return nil
	}
	f := s.realFinding(ServiceName(s.RealServer.Service))
	f.Summary = fmt.Sprintf("%s is on no device of this machine", vip)
	f.Evidence = fmt.Sprintf("ip address show to %s: nothing", vip)
	f.Consequence = "packets from the director are addressed to it, and the kernel drops them: the clients that get this server time out"
	device := "lo"
	if up, _ := s.tunnels(); s.RealServer.Forwarding == ipvs.Tunneling && len(up) > 0 {
		device = up[0].Name
	}
	f.Advice = fmt.Sprintf("ip address add %s dev %s", single(vip), device)
	f.SideEffects = "programs of this machine that connect to the service reach this machine"
	if vip.Is4() {
		f.SideEffects += "; mend findings of arp-ignore and arp-announce first, or the network learns that this machine has the address"
	}
	return []Finding{f}
}

func findVIPAnswersARP(s *Snapshot) []Finding {
	var findings []Finding
	facing, known := s.facing()
	for _, own := range s.holds() {
		link := s.Links[own.Link]
		if link.Loopback || link.NoARP || !link.Up {
			continue
		}
		f := s.realFinding(link.Name)
		f.Evidence = fmt.Sprintf("ip address show dev %s: %s", link.Name, own.Prefix)
		if own.Prefix.Addr().Is4() {
			const sameNetwork, never = 2, 8
			ignore := s.Settings.Larger("arp_ignore", link.Name)
			if ignore >= never || ignore == sameNetwork && own.Prefix.IsSingleIP() {
				continue
			}
			f.Evidence += "; " + s.bothSettings("arp_ignore", link)
		}
		if known && facing.Index != link.Index {
			f.Severity = Warning
		}
		vip := own.Prefix.Addr()
		f.Summary = fmt.Sprintf("%s is on %s, which answers %s for it", vip, link.Name, resolution(vip))
		f.Consequence = takesOver
		f.Advice = fmt.Sprintf("ip address add %s dev lo && ip address del %s dev %s", single(vip), own.Prefix, link.Name)
		f.SideEffects = "the router may keep a wrong entry for some minutes"
		findings = append(findings, f)
	}
	return findings
}

// bothSettings quotes a setting for all devices and for one: the larger counts.
func (s *Snapshot) bothSettings(name string, link Link) string {
	return s.Settings.Evidence("net.ipv4.conf.all."+name) + ", " + s.Settings.Evidence("net.ipv4.conf."+link.Name+"."+name)
}

func findARPIgnore(s *Snapshot) []Finding {
	link, known := s.facing()
	if !known || link.NoARP || s.Settings.Larger("arp_ignore", link.Name) >= 1 {
		return nil
	}
	vip := s.RealServer.Service.Address.Addr()
	f := s.realFinding(settingOf(link, "arp_ignore"))
	if _, inside := s.inNetwork(vip); !inside {
		if s.RealServer.Forwarding == ipvs.Tunneling {
			return nil
		}
		f.Severity = Warning
	}
	f.Summary = fmt.Sprintf("%s answers ARP for the address of the service, whatever device has it", link.Name)
	f.Evidence = s.bothSettings("arp_ignore", link)
	if s.Settings.Number("net.ipv4.conf.lo.arp_ignore") > 0 {
		f.Evidence += "; that of lo does not count"
	}
	f.Consequence = takesOver
	f.Advice = setting("net.ipv4.conf.all.arp_ignore", "1")
	f.SideEffects = "each device then answers ARP only for its own addresses; the router may keep a wrong entry for some minutes"
	return []Finding{f}
}

// settingOf returns the name of a device's setting.
func settingOf(link Link, name string) string { return "net.ipv4.conf." + link.Name + "." + name }

func findARPAnnounce(s *Snapshot) []Finding {
	link, known := s.facing()
	if !known || link.NoARP || s.Settings.Larger("arp_announce", link.Name) >= 2 {
		return nil
	}
	f := s.realFinding(settingOf(link, "arp_announce"))
	f.Summary = fmt.Sprintf("ARP requests of %s may have the address of the service as their sender", link.Name)
	f.Evidence = s.bothSettings("arp_announce", link)
	f.Consequence = "machines that hear one send packets of the service to this server instead of the director, until they ask again"
	f.Advice = setting("net.ipv4.conf.all.arp_announce", "2")
	f.SideEffects = "ARP requests of every device then come from an address of that device"
	return []Finding{f}
}

func findRealWrongMask(s *Snapshot) []Finding {
	var findings []Finding
	for _, own := range s.holds() {
		link := s.Links[own.Link]
		leadsNowhere := link.Loopback || link.Kind == "dummy" || link.unpacks(s.RealServer.Service.Family)
		if own.Prefix.IsSingleIP() || own.Prefix.Addr().IsLoopback() || !leadsNowhere {
			continue
		}
		f := s.realFinding(link.Name)
		f.Summary = fmt.Sprintf("%s on %s takes the whole network %s", own.Prefix, link.Name, own.Prefix.Masked())
		f.Evidence = fmt.Sprintf("ip address show dev %s: %s", link.Name, own.Prefix)
		f.Consequence = "answers to clients in this network never leave this machine"
		f.Advice = fmt.Sprintf("ip address add %s dev %s && ip address del %s dev %[2]s", single(own.Prefix.Addr()), link.Name, own.Prefix)
		f.SideEffects = "the route to the network by this device goes"
		findings = append(findings, f)
	}
	return findings
}
