package check

import (
	"fmt"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
)

// addressRules judge the addresses of services.
var addressRules = []Rule{{
	Name:     "vip-not-local",
	Severity: Error,
	Else:     Warning,
	Summary:  "the address of a service is not an address of this machine",
	Symptom:  "Clients time out. The counters of the service stay at 0, although packets arrive at this machine.",
	Cause: `IPVS takes packets that the kernel delivers to this machine. The kernel delivers a packet if its destination is
an address of this machine, or if a route of the type local leads there. Other packets are forwarded or dropped, and IPVS
never sees them.`,
	Fix: `Add the address: ip address add ADDRESS/32 dev DEVICE. If a program moves the address between directors, look
why this machine does not have it. The rule is silent while keepalived or another such program runs here, because a director
that stands by does not have the address. If only a backup synchronization daemon runs, the finding is a warning.`,
	Needs: []Fact{FactTable, FactAddresses, FactRoutes, FactDaemons, FactPrograms},
	Applies: func(s *Snapshot) string {
		if mover := s.running(movers); mover != "" {
			return mover + " moves the addresses of services between directors"
		}
		return needsAddressServices(s)
	},
	Find: findVIPNotLocal,
}, {
	Name:     "mark-not-local",
	Severity: Warning,
	Summary:  "no packet has come to a service of a firewall mark, and no route makes marked packets local",
	Symptom:  "Clients time out. The counters of the service stay at 0.",
	Cause: `A mark alone does not bring packets to IPVS: the kernel must deliver them to this machine. So the address that
clients use must be an address of this machine, or marked packets need a local route. Or no firewall rule sets the mark. The
rule looks at machines that have only one address on each device, besides loopback.`,
	Fix: `Run ip rule add fwmark MARK lookup 100 and ip route add local default dev lo table 100, or add the addresses that
clients use. Check that the firewall marks packets before routing: in the table mangle, chain PREROUTING.`,
	Needs: []Fact{FactTable, FactAddresses, FactRules},
	Applies: func(s *Snapshot) string {
		for _, entry := range s.Table {
			if entry.Mark != 0 {
				return ""
			}
		}
		return "no service has a firewall mark"
	},
	Find: findMarkNotLocal,
}, {
	Name:     "vip-wrong-mask",
	Severity: Warning,
	Summary:  "the address of a service brings a route to a whole network that belongs elsewhere",
	Symptom: `Some machines cannot reach this one, or the service, from the moment when the address was added: those of the
address's network.`,
	Cause: `An address with a netmask such as /24 brings a route to its network on its device. On the loopback or a dummy
device the whole network then counts as this machine's own, and on a second device two routes lead to the same network.`,
	Fix: `Give the address of a service the netmask /32, or /128 for IPv6. An address of a service that is the only one of
its network on its device may keep its mask: the rule is silent then.`,
	Needs:   []Fact{FactTable, FactAddresses, FactLinks},
	Applies: needsAddressServices,
	Find:    findVIPWrongMask,
}, {
	Name:     "vip-tentative",
	Severity: Error,
	Summary:  "the kernel does not use an IPv6 address of a service, because of duplicate address detection",
	Symptom:  "Clients time out, although this machine has the address.",
	Cause: `The kernel asks the network whether another machine has a new IPv6 address, and uses the address only if nobody
answers. If somebody answers, it keeps the address with the flag dadfailed, and never uses it. On a device without a carrier
the address stays tentative.`,
	Fix: `Find the other machine: ip -6 neigh on a third one. Take the address off it, or off its ARP and ND if it is a real
server. Then delete the address here and add it again. With nodad the kernel does not ask.`,
	Needs: []Fact{FactTable, FactAddresses},
	Applies: func(s *Snapshot) string {
		for _, entry := range s.Table {
			if entry.Mark == 0 && entry.Family == ipvs.IPv6 {
				return ""
			}
		}
		return "no service has an IPv6 address"
	},
	Find: findVIPTentative,
}}

// needsAddressServices returns why a rule about addresses of services does not apply.
func needsAddressServices(s *Snapshot) string {
	for _, entry := range s.Table {
		if entry.Mark == 0 {
			return ""
		}
	}
	return "no service has an address"
}

func findVIPNotLocal(s *Snapshot) []Finding {
	var findings []Finding
	for _, entry := range s.Table {
		if entry.Mark != 0 || s.Has(entry.Address.Addr()) {
			continue
		}
		vip := entry.Address.Addr()
		route, looked := s.Routes[vip]
		if !looked || route.Kind == RouteLocal {
			continue
		}
		f := serviceFinding(entry.ServiceID)
		if s.runs(ipvs.Backup) {
			f.Severity = Warning
		}
		f.Summary = fmt.Sprintf("%s is not an address of this machine", vip)
		f.Evidence = fmt.Sprintf("ip route get %s: %s", vip, s.describe(route))
		f.Consequence = "IPVS never sees the packets to this service, so clients get no answer from it"
		f.Advice = fmt.Sprintf("ip address add %s dev %s", single(vip), s.outsideDevice(route))
		f.SideEffects = "this machine answers ARP or ND for the address: another machine that has it must give it up first"
		findings = append(findings, f)
	}
	return findings
}

// single returns the network that has only one address.
func single(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// outsideDevice returns the device to which the address of a service belongs: the one that leads there.
func (s *Snapshot) outsideDevice(route Route) string {
	if link, ok := s.Links[route.Link]; ok && !link.Loopback {
		return link.Name
	}
	return "lo"
}

// describe returns a route as a finding quotes it.
func (s *Snapshot) describe(route Route) string {
	switch {
	case route.Kind == RouteNone:
		return "there is no route"
	case route.Kind.Drops():
		return string(route.Kind)
	case route.Gateway.IsValid():
		return fmt.Sprintf("via %s dev %s", route.Gateway, s.Links[route.Link].Name)
	default:
		return fmt.Sprintf("%s dev %s", route.Kind, s.Links[route.Link].Name)
	}
}

// runs reports whether a synchronization daemon of a state runs.
func (s *Snapshot) runs(state ipvs.DaemonState) bool {
	for _, daemon := range s.Daemons {
		if daemon.State == state {
			return true
		}
	}
	return false
}

func findMarkNotLocal(s *Snapshot) []Finding {
	if s.hasSecondAddress() {
		return nil
	}
	var findings []Finding
	for _, entry := range s.Table {
		if entry.Mark == 0 || s.RuledMarks[entry.Mark] || entry.Totals.IncomingPackets > 0 {
			continue
		}
		f := serviceFinding(entry.ServiceID)
		f.Summary = "no packet has come to the service, and no route makes packets with its mark local"
		f.Evidence = fmt.Sprintf("the table lists 0 incoming packets; ip rule lists no rule for fwmark %d", entry.Mark)
		f.Consequence = "if clients use addresses that this machine does not have, IPVS never sees their packets"
		f.Advice = fmt.Sprintf("ip rule add fwmark %d lookup 100 && ip route add local default dev lo table 100", entry.Mark)
		if entry.Family == ipvs.IPv6 {
			f.Advice = strings.ReplaceAll(f.Advice, "ip r", "ip -6 r")
		}
		f.SideEffects = "this machine then takes all packets with the mark, whatever their address"
		findings = append(findings, f)
	}
	return findings
}

// hasSecondAddress reports whether a device has an address that may be that of a service: a second one, or one without a
// network.
func (s *Snapshot) hasSecondAddress() bool {
	type owner struct {
		link int
		four bool
	}
	seen := make(map[owner]bool)
	for _, own := range s.Addresses {
		address := own.Prefix.Addr()
		if address.IsLinkLocalUnicast() || address.IsLoopback() {
			continue
		}
		if key := (owner{own.Link, address.Is4()}); seen[key] || own.Prefix.IsSingleIP() {
			return true
		} else {
			seen[key] = true
		}
	}
	return false
}

// addressesOfServices yields the addresses of this machine that services have, each once, with the first such service.
func (s *Snapshot) addressesOfServices() func(yield func(ipvs.ServiceID, Address) bool) {
	return func(yield func(ipvs.ServiceID, Address) bool) {
		services := make(map[netip.Addr]ipvs.ServiceID)
		for _, entry := range s.Table {
			if _, known := services[entry.Address.Addr()]; entry.Mark == 0 && !known {
				services[entry.Address.Addr()] = entry.ServiceID
			}
		}
		for _, own := range s.Addresses {
			if id, ok := services[own.Prefix.Addr()]; ok && !yield(id, own) {
				return
			}
		}
	}
}

func findVIPWrongMask(s *Snapshot) []Finding {
	var findings []Finding
	for id, own := range s.addressesOfServices() {
		if own.Prefix.IsSingleIP() || own.Prefix.Addr().IsLoopback() {
			continue
		}
		link := s.Links[own.Link]
		f := serviceFinding(id)
		f.Evidence = fmt.Sprintf("ip address show dev %s: %s", link.Name, own.Prefix)
		switch other, overlaps := s.overlapping(own); {
		case link.Loopback:
			f.Summary = fmt.Sprintf("%s on %s makes the whole network %s this machine's own", own.Prefix, link.Name, own.Prefix.Masked())
			f.Consequence = "this machine takes packets to every address of the network, and cannot reach the machines there"
		case overlaps:
			f.Summary = fmt.Sprintf("%s on %s brings a second route to the network %s", own.Prefix, link.Name, other.Prefix.Masked())
			f.Evidence += fmt.Sprintf("; dev %s: %s", s.Links[other.Link].Name, other.Prefix)
			f.Consequence = "packets to this network may leave by the wrong device, and then clients or servers there are cut off"
		default:
			continue
		}
		f.Advice = fmt.Sprintf("ip address add %s dev %s && ip address del %s dev %[2]s", single(own.Prefix.Addr()), link.Name, own.Prefix)
		f.SideEffects = "the route to the network by this device goes"
		findings = append(findings, f)
	}
	return findings
}

// overlapping returns an address on another device whose network overlaps with that of an address.
func (s *Snapshot) overlapping(own Address) (Address, bool) {
	for _, other := range s.Addresses {
		if other.Link != own.Link && !other.Prefix.IsSingleIP() && other.Prefix.Overlaps(own.Prefix) {
			return other, true
		}
	}
	return Address{}, false
}

func findVIPTentative(s *Snapshot) []Finding {
	var findings []Finding
	for id, own := range s.addressesOfServices() {
		if !own.Tentative && !own.Duplicate {
			continue
		}
		link := s.Links[own.Link]
		f := serviceFinding(id)
		f.Summary = fmt.Sprintf("the kernel does not use %s yet: duplicate address detection is not finished", own.Prefix.Addr())
		f.Evidence = fmt.Sprintf("ip -6 address show dev %s: %s tentative", link.Name, own.Prefix)
		f.SideEffects = "the kernel no longer asks whether another machine has the address"
		if own.Duplicate {
			f.Summary = fmt.Sprintf("the kernel does not use %s: another machine has it", own.Prefix.Addr())
			f.Evidence = fmt.Sprintf("ip -6 address show dev %s: %s dadfailed", link.Name, own.Prefix)
			f.SideEffects = "the other machine must give up the address first; the kernel no longer asks"
		}
		f.Consequence = "the kernel does not answer for the address, so clients time out"
		f.Advice = fmt.Sprintf("ip address del %s dev %s && ip address add %[1]s dev %[2]s nodad", own.Prefix, link.Name)
		findings = append(findings, f)
	}
	return findings
}
