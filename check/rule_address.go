package check

import (
	"fmt"
	"net/netip"

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
