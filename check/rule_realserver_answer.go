package check

import (
	"fmt"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
)

// realAnswerRules judge the program that answers, and the way of its answers.
var realAnswerRules = []Rule{{
	Name:     "not-listening",
	Severity: Error,
	Else:     Warning,
	Summary:  "no program of this machine takes the connections of the service",
	Symptom:  "Clients are refused when the director sends them to this server, and others are served.",
	Cause: `With direct routing and tunnels a connection arrives at the address and the port of the service. A program that listens only
on the server's own address does not get it. With masquerading it arrives at the server's own address, and at the port that the
director has for this server.`,
	Fix: `Start the program, or let it listen on all addresses. With masquerading the finding is a warning, because the director may
have another port for this server. The rule looks at TCP and UDP, and does not know firewalls: it is wrong if a firewall rule
sends the port to a container.`,
	Needs: []Fact{FactListeners, FactAddresses},
	Applies: func(s *Snapshot) string {
		switch id := s.RealServer.Service; {
		case id.Address.Port() == 0:
			return "the service has every port"
		case id.Protocol == ipvs.SCTP:
			return "the kernel does not list the sockets of SCTP"
		default:
			return ""
		}
	},
	Find: findNotListening,
}, {
	Name:     "answers-through-director",
	Severity: Warning,
	Summary:  "direct routing or tunnels, and answers to clients leave through the director",
	Symptom:  "Clients in other networks time out when the director sends them to this server. Clients in this network are served.",
	Cause: `The answer has the address of the service as its sender. The director has this address, too, and drops packets from outside
that claim to come from itself.`,
	Fix: `Give this machine another gateway than the director: the router of the network. If other traffic needs the director, send only
the answers elsewhere: ip rule add from ADDRESS lookup 100 && ip route add default via ROUTER table 100.`,
	Needs: []Fact{FactRoutes},
	Applies: func(s *Snapshot) string {
		if why := needsMethod(ipvs.DirectRouting, ipvs.Tunneling)(s); why != "" {
			return why
		}
		return needsDirector(s)
	},
	Find: findAnswersThroughDirector,
}, {
	Name:     "gateway-not-director",
	Severity: Error,
	Summary:  "masquerading, and answers to clients do not leave through the director",
	Symptom: `Clients time out. On the director the connections stay in the state SYN_RECV, and the server sees connections that never
become established.`,
	Cause: `The answer has this server's own address as its sender. Only the director can give it back the address of the service, and
only if it passes there. A client that gets it from elsewhere does not know it.`,
	Fix: `Make the director the default gateway: ip route replace default via DIRECTOR. If there are two directors, use an address that
moves between them.`,
	Needs: []Fact{FactRoutes},
	Applies: func(s *Snapshot) string {
		if why := needsMethod(ipvs.Masquerading)(s); why != "" {
			return why
		}
		return needsDirector(s)
	},
	Find: findGatewayNotDirector,
}, {
	Name:     "nat-accepts-redirects",
	Severity: Warning,
	Summary:  "masquerading in one network, and this machine obeys ICMP redirects",
	Symptom:  "A client is served once, and then times out for some minutes.",
	Cause: `The director forwards an answer by the device on which it came, and by default it tells the sender of a shorter way: straight
to the client or its router. If this machine obeys, its next answers do not pass the director, which must translate them.`,
	Fix: `Run sysctl -w net.ipv4.conf.all.accept_redirects=0, and the same for the device, and set them in a file under /etc/sysctl.d. On
the director set send_redirects=0. The rule applies if the service and this server are in one network.`,
	Needs:    []Fact{FactAddresses, FactLinks},
	Settings: []string{"net.ipv4.conf.all.accept_redirects"},
	Applies: func(s *Snapshot) string {
		if s.RealServer.Service.Family == ipvs.IPv6 {
			return "the rule judges IPv4"
		}
		return needsMethod(ipvs.Masquerading)(s)
	},
	Find: findAcceptsRedirects,
}, {
	Name:     "loop",
	Severity: Warning,
	Summary:  "this server balances the same service itself, so it may send packets back to the director",
	Symptom:  "Some clients time out. The same packets go back and forth between two machines.",
	Cause: `The table of this machine has the service. IPVS takes a packet that another director sent here as one of a new client and
sends it to a server, which may be that director. This happens when two directors are each other's servers.`,
	Fix: `Run sysctl -w net.ipv4.vs.backup_only=1: while a backup synchronization daemon runs here, IPVS then leaves the packets to the
programs of this machine. On a machine that is no director, delete the service.`,
	Needs:    []Fact{FactTable, FactAddresses},
	Settings: []string{backupOnly},
	Applies: func(s *Snapshot) string {
		if s.Has(s.RealServer.Director) {
			return "the director is this machine"
		}
		return needsMethod(ipvs.DirectRouting, ipvs.Tunneling)(s)
	},
	Find: findLoop,
}}

// needsDirector returns why a rule about the director's address does not apply.
func needsDirector(s *Snapshot) string {
	if !s.RealServer.Director.IsValid() {
		return "the address of the director is unknown: use --director"
	}
	return ""
}

func findNotListening(s *Snapshot) []Finding {
	service := s.RealServer.Service
	masqueraded := s.RealServer.Forwarding == ipvs.Masquerading
	for _, listener := range s.Listeners {
		if listener.Protocol != service.Protocol || listener.Address.Port() != service.Address.Port() {
			continue
		}
		address := listener.Address.Addr()
		everything := address.IsUnspecified() && (address.Is6() || service.Family == ipvs.IPv4)
		own := address == service.Address.Addr()
		if masqueraded {
			own = s.Has(address) && !address.IsLoopback()
		}
		if everything || own {
			return nil
		}
	}
	f := s.realFinding(ServiceName(service))
	f.Summary = fmt.Sprintf("no program listens on %s", ServiceName(service))
	f.Evidence = "no socket for it in " + socketFiles(service)
	f.Consequence = "the clients that get this server are refused"
	f.Advice = "start the program, or let it listen on all addresses"
	if masqueraded {
		f.Severity = Warning
		f.Summary = fmt.Sprintf("no program listens on port %d", service.Address.Port())
		f.Consequence += ", unless the director has another port for it"
	}
	return []Finding{f}
}

// socketFiles returns the files that list the sockets of a service.
func socketFiles(id ipvs.ServiceID) string {
	name := "/proc/net/" + strings.ToLower(id.Protocol.String())
	if id.Family == ipvs.IPv6 {
		return name + "6"
	}
	return name + " and " + name + "6"
}

// describeAnswers quotes the route of answers to clients elsewhere.
func (s *Snapshot) describeAnswers() string {
	from := ""
	if vip := s.RealServer.Service.Address.Addr(); s.RealServer.Forwarding != ipvs.Masquerading && s.Has(vip) {
		from = fmt.Sprintf(" from %s", vip)
	}
	return fmt.Sprintf("ip route get %s%s: %s", Elsewhere(s.RealServer.Service.Family), from, s.describe(s.RealServer.Answers))
}

func findAnswersThroughDirector(s *Snapshot) []Finding {
	if s.RealServer.Answers.Gateway != s.RealServer.Director {
		return nil
	}
	f := s.realFinding(s.RealServer.Director.String())
	f.Summary = "the director is the gateway of answers to clients"
	f.Evidence = s.describeAnswers()
	f.Consequence = "the director drops them, because their sender is its own address: clients in other networks time out"
	f.Advice = defaultRoute(netip.Addr{}, s.RealServer.Service.Family)
	f.SideEffects = "all traffic of this machine to other networks then passes the router"
	return []Finding{f}
}

// defaultRoute returns the command that sets the default route, to a router that the reader knows if it is invalid.
func defaultRoute(via netip.Addr, family ipvs.Family) string {
	gateway := "ROUTER"
	if via.IsValid() {
		gateway = via.String()
	}
	if family == ipvs.IPv6 {
		return "ip -6 route replace default via " + gateway
	}
	return "ip route replace default via " + gateway
}

func findGatewayNotDirector(s *Snapshot) []Finding {
	answers, director := s.RealServer.Answers, s.RealServer.Director
	if answers.Gateway == director {
		return nil
	}
	f := s.realFinding(director.String())
	f.Summary = "answers to clients do not leave through the director"
	f.Evidence = s.describeAnswers()
	f.Consequence = "nobody gives the answers the address of the service: clients time out"
	f.Advice = defaultRoute(director, s.RealServer.Service.Family)
	f.SideEffects = "all traffic of this machine to other networks then passes the director"
	return []Finding{f}
}

func findAcceptsRedirects(s *Snapshot) []Finding {
	link, inside := s.inNetwork(s.RealServer.Service.Address.Addr())
	if !inside {
		return nil
	}
	const all = "net.ipv4.conf.all.accept_redirects"
	one := settingOf(link, "accept_redirects")
	obeys := s.Settings.Number(all) != 0 || s.Settings.Number(one) != 0
	if s.Settings.Number("net.ipv4.ip_forward") != 0 { // a router obeys if both say so
		obeys = s.Settings.Number(all) != 0 && s.Settings.Number(one) != 0
	}
	if !obeys {
		return nil
	}
	f := s.realFinding(one)
	f.Summary = "this machine obeys ICMP redirects, and the service is in its network"
	f.Evidence = s.bothSettings("accept_redirects", link)
	f.Consequence = "after a redirect of the director, answers to that client do not pass it: the client times out"
	f.Advice = setting(all, "0") + " " + one + "=0"
	f.SideEffects = "this machine then learns no shorter ways from routers"
	return []Finding{f}
}

func findLoop(s *Snapshot) []Finding {
	if s.Settings[backupOnly] != "0" {
		return nil
	}
	for _, entry := range s.Table {
		if entry.ServiceID != s.RealServer.Service {
			continue
		}
		for _, server := range entry.Destinations {
			if server.Weight == 0 || s.Has(server.Address.Addr()) {
				continue
			}
			f := s.realFinding(ServiceName(entry.ServiceID))
			f.Summary = fmt.Sprintf("the table of this machine has the service, with the server %s", server.Address)
			f.Evidence = "/proc/net/ip_vs; " + s.Settings.Evidence(backupOnly)
			f.Consequence = "a packet from the director may go on to another server, or back to the director and in circles: some clients time out"
			f.Advice = setting(backupOnly, "1")
			f.SideEffects = "it works while a backup synchronization daemon runs here; on a machine that is no director delete the service"
			return []Finding{f}
		}
	}
	return nil
}
