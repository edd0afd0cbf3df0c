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
