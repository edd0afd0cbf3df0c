package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// The settings of IPVS that decide about connections.
const (
	expireNoServer  = "net.ipv4.vs.expire_nodest_conn"
	expireQuiescent = "net.ipv4.vs.expire_quiescent_template"
	reuseMode       = "net.ipv4.vs.conn_reuse_mode"
	conntrack       = "net.ipv4.vs.conntrack"
	keepaliveTime   = "net.ipv4.tcp_keepalive_time"
)

// connectionRules judge connections, and the settings that decide about them.
var connectionRules = []Rule{{
	Name:     "connections-to-nowhere",
	Severity: Error,
	Summary:  "connections of servers that the table lacks, whose packets vanish",
	Symptom: `Some clients hang since a server was deleted. They get no reset, and notice nothing until their own timeout, which
may be a quarter of an hour.`,
	Cause: `A deleted server keeps its connections. Unless net.ipv4.vs.expire_nodest_conn is 1, the kernel drops their packets
without an answer until the connections time out.`,
	Fix: `Run sysctl -w net.ipv4.vs.expire_nodest_conn=1. The kernel then deletes the connections within two seconds, and those
clients get a reset and connect again. To lose none, drain a server before you delete it: ipvsadm drain.`,
	Needs:    []Fact{FactTable, FactConnections},
	Settings: []string{expireNoServer},
	Applies:  unlessSet(expireNoServer),
	Find:     findConnectionsToNowhere,
}, {
	Name:     "template-to-drained",
	Severity: Warning,
	Summary:  "persistence brings clients back to a server of weight 0",
	Symptom:  "A server with weight 0 keeps getting connections, always from the same clients, so that draining never ends.",
	Cause: `A persistent service remembers the server of each client. Unless net.ipv4.vs.expire_quiescent_template is 1, it
sends the client's next connection to that server, even if its weight is 0, and each connection renews the memory.`,
	Fix:      `Run sysctl -w net.ipv4.vs.expire_quiescent_template=1. The next connection of such a client then goes to another server.`,
	Needs:    []Fact{FactTable, FactConnections},
	Settings: []string{expireQuiescent},
	Applies:  unlessSet(expireQuiescent),
	Find:     findTemplateToDrained,
}, {
	Name:     "udp-to-drained",
	Severity: Error,
	Summary:  "UDP packets go on to a server of weight 0",
	Symptom:  "A server with weight 0 keeps getting packets from the same clients for as long as they send, although other servers are there.",
	Cause: `UDP has no end of a connection. Each packet renews its entry in the connection table, and weight 0 moves no entry
to another server.`,
	Fix: `Delete the server while net.ipv4.vs.expire_nodest_conn is 1: the kernel deletes its entries, and the next packets go to
other servers. Or use one-packet scheduling (ipvsadm -E -o) for protocols of one question and one answer.`,
	Needs: []Fact{FactTable, FactConnections},
	Applies: func(s *Snapshot) string {
		if !s.datagramsToDrained() {
			return "no server of weight 0 has UDP connections"
		}
		return ""
	},
	Find: findUDPToDrained,
}, {
	Name:     "idle-timeout",
	Severity: Warning,
	Summary:  "connections have been idle for long, and the kernel forgets them before TCP keepalives come",
	Symptom:  "Connections that were idle for a while break: the next packet gets a reset or no answer. Databases and SSH show it first.",
	Cause: `IPVS forgets a connection after the TCP timeout without a packet (ipvsadm -L --timeout), 15 minutes by default.
Machines that use TCP keepalives send the first after net.ipv4.tcp_keepalive_time, two hours by default. The rule looks for
connections that have been idle for more than half of the timeout. The keepalive time that it reads is this machine's: that of
clients and servers is usually the same.`,
	Fix:      `Set a TCP timeout above the keepalive time: ipvsadm --set 7500 0 0. Or let clients or servers send keepalives sooner.`,
	Needs:    []Fact{FactTable, FactConnections, FactTimeouts},
	Settings: []string{keepaliveTime},
	Find:     findIdleTimeout,
}, {
	Name:     "reuse-delay",
	Severity: Warning,
	Summary:  "before Linux 5.9, new connections from a port that was used before lose a second",
	Symptom:  "Under load some connections take a second longer: clients that open many connections reuse their ports.",
	Cause: `With net.ipv4.vs.conntrack=1 and net.ipv4.vs.conn_reuse_mode=1 these kernels drop the first packet of a connection
whose client used the same port shortly before. The client sends it again after a second.`,
	Fix: `Use Linux 5.9 or later. Or run sysctl -w net.ipv4.vs.conn_reuse_mode=0, if you never give a server weight 0: see
reuse-never.`,
	Settings: []string{conntrack, reuseMode},
	Applies: func(s *Snapshot) string {
		if s.Settings.Release() >= release(5, 9) {
			return "this kernel is Linux 5.9 or later"
		}
		return ""
	},
	Find: func(s *Snapshot) []Finding {
		if s.Settings.Number(conntrack) != 1 || s.Settings.Number(reuseMode) != 1 {
			return nil
		}
		return []Finding{{
			Object:      reuseMode,
			Summary:     "this kernel drops the first packet of a connection from a port that was used shortly before",
			Evidence:    s.Settings.Evidence(conntrack) + ", " + s.Settings.Evidence(reuseMode) + ", " + s.Settings.Evidence(osRelease),
			Consequence: "such connections take a second longer",
			Advice:      setting(reuseMode, "0"),
			SideEffects: "a client that reuses its ports then stays with a server of weight 0",
		}}
	},
}, {
	Name:     "reuse-never",
	Severity: Information,
	Else:     Warning,
	Summary:  "a client that reuses a port stays with its server, even if that has weight 0",
	Symptom: `A server with weight 0 keeps getting connections, and load moves to new servers slowly. A few clients open many
connections, often through a proxy or NAT.`,
	Cause: `With net.ipv4.vs.conn_reuse_mode=0 a new connection from an address and port that IPVS still remembers goes to the
server of the old one. If a server has weight 0, the finding is a warning.`,
	Fix:      `Run sysctl -w net.ipv4.vs.conn_reuse_mode=1, which is the default.`,
	Needs:    []Fact{FactTable},
	Settings: []string{reuseMode},
	Find:     findReuseNever,
}, {
	Name:     "table-small",
	Severity: Warning,
	Summary:  "many connections in a small connection table",
	Symptom:  "The processors spend much time in interrupts, and more with every connection.",
	Cause: `The kernel keeps connections in a hash table. With more than eight connections for each place, it walks long lists
for every packet.`,
	Fix: `Load the module with a larger table: options ip_vs conn_tab_bits=20 in a file under /etc/modprobe.d, and load it again
or start the machine again.`,
	Needs: []Fact{FactConnections},
	Find: func(s *Snapshot) []Finding {
		size := int(s.Info.ConnectionTableSize)
		if size == 0 || s.Connections.Total <= connectionsPerPlace*size {
			return nil
		}
		return []Finding{{
			Object:      "ip_vs",
			Summary:     "the connection table is small for the number of connections",
			Evidence:    fmt.Sprintf("the connection table has %d places and %d connections", size, s.Connections.Total),
			Consequence: "each packet costs more time, so the machine serves fewer clients",
			Advice:      "echo options ip_vs conn_tab_bits=20 >/etc/modprobe.d/ipvsadm-check.conf",
			SideEffects: "it works from the next load of the module, which empties the table and ends all connections",
		}}
	},
}}

// connectionsPerPlace is how many connections a place of the connection table has before lists are long.
const connectionsPerPlace = 8

// findConnectionsToNowhere makes one finding of the connections of a service and server, with any ports.
func findConnectionsToNowhere(s *Snapshot) []Finding {
	var findings []Finding
	for _, gone := range sortedGone(s.Connections.Gone) {
		counts := s.Connections.Gone[gone]
		if counts.Alive() == 0 {
			continue
		}
		f := Finding{Object: gone.Server.String()}
		id := ipvs.AddressService(protocol(gone.Protocol), gone.Virtual)
		if s.Connections.Services[id] != nil {
			f.Service = id
		}
		f.Summary = fmt.Sprintf("%d connections of clients to %s %s have a server that the table lacks", counts.Alive(), strings.ToLower(gone.Protocol), gone.Virtual)
		f.Evidence = fmt.Sprintf("the connection table lists them with the server %s; %s", gone.Server, s.Settings.Evidence(expireNoServer))
		f.Consequence = fmt.Sprintf("the kernel drops their packets for up to %s more; the clients get no reset", counts.Longest)
		f.Advice = setting(expireNoServer, "1")
		f.SideEffects = "from then on a server that is deleted loses its connections at once"
		findings = append(findings, f)
	}
	return findings
}

func findTemplateToDrained(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		templates := s.Connections.Of(entry.ServiceID, server.Address).Templates
		if server.Weight != 0 || templates == 0 || !takesConnections(entry) {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = fmt.Sprintf("%d clients come back to this server, although it has weight 0", templates)
		f.Evidence = fmt.Sprintf("the connection table lists %d templates of persistence; %s", templates, s.Settings.Evidence(expireQuiescent))
		f.Consequence = "the server is never drained while these clients go on"
		f.Advice = setting(expireQuiescent, "1")
		f.SideEffects = "the next connection of these clients goes to another server, which does not know their sessions"
		findings = append(findings, f)
	}
	return findings
}

func findUDPToDrained(s *Snapshot) []Finding {
	if s.Later == nil {
		return nil
	}
	var findings []Finding
	for entry, server := range s.servers() {
		if server.Weight != 0 || !takesConnections(entry) {
			continue
		}
		renewed := 0
		later := s.Later.Connections.Of(entry.ServiceID, server.Address).Datagrams
		for _, before := range s.Connections.Of(entry.ServiceID, server.Address).Datagrams {
			if slices.ContainsFunc(later, func(after Datagrams) bool { return before.renewed(after, s.Later.After) }) {
				renewed++
			}
		}
		if renewed == 0 {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = fmt.Sprintf("%d UDP clients go on with this server, although it has weight 0", renewed)
		f.Evidence = fmt.Sprintf("their entries in the connection table were renewed within %s", s.Later.After.Round(time.Second))
		f.Consequence = "the server is never drained while these clients send"
		f.Advice = setting(expireNoServer, "1") + " && " + deleteServer(entry.ServiceID, server.Destination)
		f.SideEffects = "the packets go to other servers at once; deleting any server then loses its connections"
		findings = append(findings, f)
	}
	return findings
}

// renewed reports whether a packet came between two looks.
func (d Datagrams) renewed(after Datagrams, between time.Duration) bool {
	return after.Client == d.Client && after.Virtual == d.Virtual && after.Expires > d.Expires-between+time.Second
}

func findIdleTimeout(s *Snapshot) []Finding {
	keepalive := time.Duration(s.Settings.Number(keepaliveTime)) * time.Second
	if s.Timeouts.TCP >= keepalive {
		return nil
	}
	var findings []Finding
	for _, entry := range s.Table {
		idle := 0
		for _, server := range entry.Destinations {
			idle += s.Connections.Of(entry.ServiceID, server.Address).Idle
		}
		if idle == 0 {
			continue
		}
		f := serviceFinding(entry.ServiceID)
		f.Summary = fmt.Sprintf("%d connections have been idle for more than half of the timeout", idle)
		f.Evidence = fmt.Sprintf("the TCP timeout is %d seconds; %s", s.Timeouts.TCP/time.Second, s.Settings.Evidence(keepaliveTime))
		f.Consequence = "the kernel forgets them before a keepalive comes, and the next packet gets a reset or no answer"
		longer := ipvs.Timeouts{TCP: keepalive + 5*time.Minute}
		f.Advice = line(command.Command{Kind: command.SetTimeouts, Timeouts: longer})
		f.SideEffects = "connections that end without a word stay in the connection table as long"
		findings = append(findings, f)
	}
	return findings
}

func findReuseNever(s *Snapshot) []Finding {
	if s.Settings.Number(reuseMode) != 0 {
		return nil
	}
	f := Finding{
		Object:      reuseMode,
		Summary:     "a client that reuses a port stays with its server",
		Evidence:    s.Settings.Evidence(reuseMode),
		Consequence: "servers of weight 0 keep getting connections, and new servers get few",
		Advice:      setting(reuseMode, "1"),
		SideEffects: "before Linux 5.9, and with " + conntrack + "=1, such connections take a second longer",
	}
	for _, server := range s.servers() {
		if server.Weight == 0 {
			f.Severity = Warning
			f.Evidence += fmt.Sprintf("; the table lists %s with weight 0", server.Address)
			break
		}
	}
	return []Finding{f}
}
