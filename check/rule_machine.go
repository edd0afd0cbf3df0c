package check

import (
	"fmt"
	"strings"
)

// machineRules judge what concerns all services.
var machineRules = []Rule{{
	Name:     "conntrack-full",
	Severity: Error,
	Else:     Warning,
	Summary:  "the kernel's connection tracking has no room for more connections",
	Symptom:  "Some new connections hang or fail, of all services and of other programs, when the load is high.",
	Cause: `The kernel drops the packets of new connections when as many are tracked as net.netfilter.nf_conntrack_max allows. While the
kernel drops packets the finding is an error. From 90 % it is a warning.`,
	Fix: `Set a larger net.netfilter.nf_conntrack_max. Each connection costs about 300 bytes. Without firewall rules that need it,
net.ipv4.vs.conntrack=0 keeps the connections of IPVS out of this table.`,
	Needs:    []Fact{FactCounters},
	Settings: []string{conntrackCount, conntrackMax},
	Find:     findConntrackFull,
}, {
	Name:     "reverse-path",
	Severity: Error,
	Summary:  "the kernel drops packets because the way back to their sender leads through another device",
	Symptom:  "Some clients time out: all of a network, or all that come by one of several ways. The counters of the service do not rise.",
	Cause: `With rp_filter=1 the kernel drops a packet if its own route to the sender leads through another device than the one that the
packet came by. With direct routing and several routers that is common. The larger value of rp_filter for all devices and for the
device counts.`,
	Fix: `Run sysctl -w net.ipv4.conf.all.rp_filter=2: the kernel then only asks that it has some route to the sender. Or mend the
routes. The rule asks whether the kernel drops such packets now.`,
	Needs: []Fact{FactCounters, FactLinks},
	Applies: func(s *Snapshot) string {
		if len(s.strictDevices()) == 0 {
			return "rp_filter is 1 on no device"
		}
		return ""
	},
	Find: findReversePath,
}, {
	Name:     "defence-mode",
	Severity: Warning,
	Summary:  "IPVS drops packets or connections to save memory",
	Symptom:  "Some connections hang or take longer, at random.",
	Cause: `net.ipv4.vs.drop_entry, drop_packet and secure_tcp are defences against attacks: IPVS then drops connections that are not
yet established, or every tenth packet, or forgets connections sooner. At 1 they begin when memory is short: then the kernel sets
them to 2. At 3 they always act.`,
	Fix:      `Look for the reason: too little memory, or an attack. Set the value to 1 if it is 3, or to 0 to turn the defence off.`,
	Settings: []string{"net.ipv4.vs.drop_packet"},
	Find:     findDefenceMode,
}, {
	Name:     "estimation-off",
	Severity: Warning,
	Summary:  "the kernel does not compute rates",
	Symptom:  "ipvsadm -L --rate shows zeros or old numbers. From Linux 6.2 the counters of --stats stand still, too.",
	Cause:    `net.ipv4.vs.run_estimation=0 stops the kernel's estimation of rates, to save time with very many services.`,
	Fix:      `Run sysctl -w net.ipv4.vs.run_estimation=1.`,
	Settings: []string{runEstimation},
	Find: func(s *Snapshot) []Finding {
		if s.Settings.Number(runEstimation) != 0 {
			return nil
		}
		return []Finding{{
			Object:      runEstimation,
			Summary:     "the kernel does not compute rates",
			Evidence:    s.Settings.Evidence(runEstimation),
			Consequence: "clients notice nothing, but rates, and from Linux 6.2 counters, stand still",
			Advice:      setting(runEstimation, "1"),
			SideEffects: "the kernel spends some time on each service and server every two seconds",
		}}
	},
}, {
	Name:     "other-owner",
	Severity: Warning,
	Summary:  "two programs keep the table, and undo what the other does",
	Symptom:  "Services or servers come and go, and weights change back.",
	Cause: `keepalived, ldirectord and kube-proxy each write the table as their own configuration says, and delete what they do not
know. One such program is no finding: it also undoes what you change by hand.`,
	Fix:   `Stop one of the programs.`,
	Needs: []Fact{FactOwners},
	Find: func(s *Snapshot) []Finding {
		if len(s.Owners) < 2 {
			return nil
		}
		var names []string
		for _, owner := range s.Owners {
			names = append(names, owner.String())
		}
		return []Finding{{
			Object:      s.Owners[0].Name,
			Summary:     strings.Join(names, " and ") + " keep this table",
			Evidence:    "/proc lists these processes",
			Consequence: "services and servers come and go as the programs undo what the other does",
			Advice:      fmt.Sprintf("kill %d", s.Owners[len(s.Owners)-1].Process),
			SideEffects: "the services of this program stay or go as it says in its manual; its supervisor may start it again",
		}}
	},
}}

const (
	conntrackCount = "net.netfilter.nf_conntrack_count"
	conntrackMax   = "net.netfilter.nf_conntrack_max"
	runEstimation  = "net.ipv4.vs.run_estimation"
)

func findConntrackFull(s *Snapshot) []Finding {
	count, most := s.Settings.Number(conntrackCount), s.Settings.Number(conntrackMax)
	drops := s.Rise(CountConntrackDrops)
	if most == 0 || drops == 0 && 10*count < 9*most {
		return nil
	}
	f := Finding{
		Severity:    Warning,
		Object:      conntrackMax,
		Summary:     "connection tracking is nearly full",
		Evidence:    s.Settings.Evidence(conntrackCount) + ", " + s.Settings.Evidence(conntrackMax),
		Consequence: "when it is full the kernel drops new connections",
		Advice:      setting(conntrackMax, fmt.Sprint(4*max(most, 1))),
		SideEffects: "up to about 300 bytes of memory for each connection",
	}
	if drops > 0 {
		f.Severity = Error
		f.Summary = "connection tracking is full"
		f.Evidence += fmt.Sprintf("; /proc/net/stat/nf_conntrack counts %d more drops than a moment ago", drops)
		f.Consequence = "the kernel drops new connections"
	}
	return []Finding{f}
}

func findReversePath(s *Snapshot) []Finding {
	rise := s.Rise(CountReversePath)
	if rise == 0 {
		return nil
	}
	strict := s.strictDevices()
	return []Finding{{
		Object:      strings.Join(strict, " "),
		Summary:     "the kernel drops packets whose way back leads through another device",
		Evidence:    fmt.Sprintf("rp_filter is 1 on %s; /proc/net/netstat: %s rose by %d", strings.Join(strict, ", "), CountReversePath, rise),
		Consequence: "the clients that send these packets get no answer",
		Advice:      setting("net.ipv4.conf.all.rp_filter", "2"),
		SideEffects: "on every device the kernel then takes packets from each sender that it has some route to",
	}}
}

// defences are the settings that make IPVS drop packets or connections, and what they do.
var defences = [...][2]string{
	{"net.ipv4.vs.drop_entry", "IPVS drops connections that are not yet established"},
	{"net.ipv4.vs.drop_packet", "IPVS drops some packets of new connections"},
	{"net.ipv4.vs.secure_tcp", "IPVS forgets connections sooner"},
}

func findDefenceMode(s *Snapshot) []Finding {
	var findings []Finding
	for _, defence := range defences {
		if s.Settings.Number(defence[0]) < 2 {
			continue
		}
		findings = append(findings, Finding{
			Object:      defence[0],
			Summary:     "a defence against attacks is active",
			Evidence:    s.Settings.Evidence(defence[0]),
			Consequence: defence[1] + ", so some clients wait or fail",
			Advice:      setting(defence[0], "0"),
			SideEffects: "nothing protects the memory from attacks that open many connections",
		})
	}
	return findings
}
