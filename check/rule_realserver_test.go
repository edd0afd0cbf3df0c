package check

import (
	"net/netip"
	"slices"
	"testing"

	"ipvsadm/ipvs"
)

const realSettings = "net.ipv4.conf."

// healthyRealServer returns a healthy real server of 192.0.2.100:80, which is in the network of its device eth0.
func healthyRealServer(method ipvs.Forwarding) *Snapshot {
	director, router := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.254")
	s := &Snapshot{
		RealServer: RealServer{
			Service:    ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.100:80")),
			Forwarding: method,
			Director:   director,
			Answers:    Route{Kind: RouteUnicast, Link: 2, Gateway: router},
		},
		Links: map[int]Link{
			1: {Index: 1, Name: "lo", Up: true, Loopback: true},
			2: {Index: 2, Name: "eth0", Up: true, Carrier: true},
			3: {Index: 3, Name: "tunl0", Kind: "ipip", NoARP: true, Up: true},
			4: {Index: 4, Name: "eth1", Up: true, Carrier: true},
		},
		Addresses: []Address{
			{Prefix: netip.MustParsePrefix("127.0.0.1/8"), Link: 1},
			{Prefix: netip.MustParsePrefix("192.0.2.11/24"), Link: 2},
			{Prefix: netip.MustParsePrefix("10.0.0.11/24"), Link: 4},
		},
		Routes:    map[netip.Addr]Route{director: {Kind: RouteUnicast, Link: 2}},
		Listeners: []Listener{{Protocol: ipvs.TCP, Address: netip.MustParseAddrPort("0.0.0.0:80")}},
		Settings: Settings{
			realSettings + "all.arp_ignore": "1", realSettings + "eth0.arp_ignore": "0",
			realSettings + "all.arp_announce": "0", realSettings + "eth0.arp_announce": "2",
			realSettings + "all.rp_filter": "0", realSettings + "tunl0.rp_filter": "2",
			realSettings + "all.accept_redirects": "0", realSettings + "eth0.accept_redirects": "0",
			"net.ipv4.ip_forward": "0", backupOnly: "0",
		},
	}
	switch method {
	case ipvs.Masquerading:
		s.RealServer.Answers.Gateway = director
	case ipvs.Tunneling:
		s.holdVIP("192.0.2.100/32", 3)
	default:
		s.holdVIP("192.0.2.100/32", 1)
	}
	return s
}

// holdVIP gives the machine the address of the service on one device only.
func (s *Snapshot) holdVIP(prefix string, link int) {
	s.index = nil
	vip := netip.MustParsePrefix(prefix)
	s.Addresses = slices.DeleteFunc(s.Addresses, func(own Address) bool { return own.Prefix.Addr() == vip.Addr() })
	if link > 0 {
		s.Addresses = append(s.Addresses, Address{Prefix: vip, Link: link})
	}
}

// set changes settings of IPv4 devices: a device's setting and its value.
func (s *Snapshot) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		s.Settings[realSettings+pairs[i]] = pairs[i+1]
	}
}

func (s *Snapshot) listen(addresses ...string) {
	s.Listeners = nil
	for _, address := range addresses {
		s.Listeners = append(s.Listeners, Listener{Protocol: ipvs.TCP, Address: netip.MustParseAddrPort(address)})
	}
}

// move puts the service at an address that is in no network of the machine.
func (s *Snapshot) move(link int) {
	s.holdVIP("192.0.2.100/32", 0)
	s.RealServer.Service = ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("203.0.113.80:80"))
	s.holdVIP("203.0.113.80/32", link)
}

// balance gives the machine a table with the service and a server of some weight.
func (s *Snapshot) balance(server string, weight uint32) {
	entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: s.RealServer.Service, Scheduler: "rr"}}}
	entry.Destinations = []ipvs.ListedDestination{{Destination: ipvs.Destination{Address: netip.MustParseAddrPort(server), Weight: weight}}}
	s.Table = []ipvs.Entry{entry}
}

func (s *Snapshot) changeLink(index int, change func(*Link)) {
	link := s.Links[index]
	change(&link)
	s.Links[index] = link
}

// TestRealServer breaks a healthy real server in each way. No other rule may find anything.
func TestRealServer(t *testing.T) {
	const (
		g       = ipvs.DirectRouting
		i       = ipvs.Tunneling
		m       = ipvs.Masquerading
		service = "tcp 192.0.2.100:80"
	)
	for _, test := range []struct {
		what   string
		method ipvs.Forwarding
		breaks func(*Snapshot)
		want   string
	}{
		{"healthy", g, func(*Snapshot) {}, ""},
		{"healthy", i, func(*Snapshot) {}, ""},
		{"healthy", m, func(*Snapshot) {}, ""},
		{"no VIP", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 0) }, "error vip-missing " + service},
		{"no VIP", i, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 0); s.set("tunl0.rp_filter", "0") }, "error vip-missing " + service},

		{"VIP on the device of the director", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 2) }, "error vip-answers-arp eth0"},
		{"the same with its netmask", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/24", 2) }, "error vip-answers-arp eth0"},
		{"VIP on another device", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 4) }, "warning vip-answers-arp eth1"},
		{"VIP on a device that never answers", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 2); s.set("eth0.arp_ignore", "8") }, ""},
		{"VIP without a network, arp_ignore 2", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 2); s.set("eth0.arp_ignore", "2") }, ""},
		{"VIP with a network, arp_ignore 2", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/24", 2); s.set("eth0.arp_ignore", "2") },
			"error vip-answers-arp eth0"},
		{"VIP on a device without ARP", g, func(s *Snapshot) {
			s.holdVIP("192.0.2.100/32", 2)
			s.changeLink(2, func(l *Link) { l.NoARP = true })
		}, ""},
		{"VIP on a device that is down", g, func(s *Snapshot) {
			s.holdVIP("192.0.2.100/32", 4)
			s.changeLink(4, func(l *Link) { l.Up = false })
		}, ""},

		{"arp_ignore", g, func(s *Snapshot) { s.set("all.arp_ignore", "0") }, "error arp-ignore net.ipv4.conf.eth0.arp_ignore"},
		{"arp_ignore of lo alone", i, func(s *Snapshot) { s.set("all.arp_ignore", "0", "lo.arp_ignore", "1") },
			"error arp-ignore net.ipv4.conf.eth0.arp_ignore"},
		{"arp_ignore of the device", g, func(s *Snapshot) { s.set("all.arp_ignore", "0", "eth0.arp_ignore", "1") }, ""},
		{"arp_ignore of another device", g, func(s *Snapshot) { s.set("all.arp_ignore", "0", "eth1.arp_ignore", "1") },
			"error arp-ignore net.ipv4.conf.eth0.arp_ignore"},
		{"arp_ignore, VIP of another network", g, func(s *Snapshot) { s.move(1); s.set("all.arp_ignore", "0") },
			"warning arp-ignore net.ipv4.conf.eth0.arp_ignore"},
		{"arp_ignore, VIP of another network", i, func(s *Snapshot) { s.move(3); s.set("all.arp_ignore", "0") }, ""},
		{"arp_ignore without a director", g, func(s *Snapshot) { s.RealServer.Director = netip.Addr{}; s.set("all.arp_ignore", "0") },
			"error arp-ignore net.ipv4.conf.eth0.arp_ignore"},
		{"arp_ignore, VIP of another network, without a director", g, func(s *Snapshot) {
			s.move(1)
			s.RealServer.Director = netip.Addr{}
			s.set("all.arp_ignore", "0")
		}, "warning arp-ignore net.ipv4.conf.eth0.arp_ignore"},
		{"arp_ignore with masquerading", m, func(s *Snapshot) { s.set("all.arp_ignore", "0") }, ""},

		{"arp_announce", g, func(s *Snapshot) { s.set("eth0.arp_announce", "1") }, "warning arp-announce net.ipv4.conf.eth0.arp_announce"},
		{"arp_announce of all", g, func(s *Snapshot) { s.set("eth0.arp_announce", "0", "all.arp_announce", "2") }, ""},

		{"mask", g, func(s *Snapshot) { s.holdVIP("192.0.2.100/24", 1) }, "error vip-wrong-mask lo"},
		{"mask", i, func(s *Snapshot) { s.holdVIP("192.0.2.100/24", 3) }, "error vip-wrong-mask tunl0"},

		{"no tunnel", i, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 1); delete(s.Links, 3) }, "error tunnel-missing " + service},
		{"tunnel down", i, func(s *Snapshot) { s.changeLink(3, func(l *Link) { l.Up = false }) }, "error tunnel-missing tunl0"},
		{"tunnel of the other family", i, func(s *Snapshot) {
			s.holdVIP("192.0.2.100/32", 1)
			s.changeLink(3, func(l *Link) { l.Kind = "sit" })
		}, "error tunnel-missing " + service},
		{"GRE", i, func(s *Snapshot) { s.changeLink(3, func(l *Link) { l.Kind = "gre" }) }, ""},

		{"rp_filter", i, func(s *Snapshot) { s.set("tunl0.rp_filter", "1") }, "error tunnel-reverse-path tunl0"},
		{"rp_filter of all", i, func(s *Snapshot) { s.set("tunl0.rp_filter", "0", "all.rp_filter", "1") }, "error tunnel-reverse-path tunl0"},
		{"rp_filter of all, loose for the device", i, func(s *Snapshot) { s.set("all.rp_filter", "1") }, ""},
		{"rp_filter of another tunnel", i, func(s *Snapshot) {
			s.Links[5] = Link{Index: 5, Name: "gre1", Kind: "gre", NoARP: true, Up: true}
			s.set("gre1.rp_filter", "1")
		}, ""},
		{"rp_filter of one of two tunnels, VIP elsewhere", i, func(s *Snapshot) {
			s.holdVIP("192.0.2.100/32", 1)
			s.Links[5] = Link{Index: 5, Name: "gre1", Kind: "gre", NoARP: true, Up: true}
			s.set("gre1.rp_filter", "1", "tunl0.rp_filter", "0")
		}, ""},
		{"rp_filter, VIP elsewhere", i, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 1); s.set("tunl0.rp_filter", "1") },
			"error tunnel-reverse-path tunl0"},
		{"loose rp_filter of a device without an address", i, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 1) }, "error tunnel-reverse-path tunl0"},
		{"no rp_filter, and no address", i, func(s *Snapshot) { s.holdVIP("192.0.2.100/32", 1); s.set("tunl0.rp_filter", "0") }, ""},

		{"nobody listens", g, func(s *Snapshot) { s.listen() }, "error not-listening " + service},
		{"listens on its own address", g, func(s *Snapshot) { s.listen("192.0.2.11:80") }, "error not-listening " + service},
		{"listens on another port", i, func(s *Snapshot) { s.listen("0.0.0.0:8080") }, "error not-listening " + service},
		{"listens on VIP", g, func(s *Snapshot) { s.listen("192.0.2.100:80") }, ""},
		{"listens on every IPv6 address", g, func(s *Snapshot) { s.listen("[::]:80") }, ""},
		{"another protocol", g, func(s *Snapshot) { s.Listeners[0].Protocol = ipvs.UDP }, "error not-listening " + service},
		{"every port", g, func(s *Snapshot) { s.RealServer.Service.Address = netip.MustParseAddrPort("192.0.2.100:0"); s.listen() }, ""},
		{"SCTP", g, func(s *Snapshot) { s.RealServer.Service.Protocol = ipvs.SCTP; s.listen() }, ""},
		{"listens on the loopback address", m, func(s *Snapshot) { s.listen("127.0.0.1:80") }, "warning not-listening " + service},
		{"listens on its own address", m, func(s *Snapshot) { s.listen("192.0.2.11:80") }, ""},

		{"answers through the director", g, func(s *Snapshot) { s.RealServer.Answers.Gateway = s.RealServer.Director },
			"warning answers-through-director 192.0.2.1"},
		{"answers through the director", i, func(s *Snapshot) { s.RealServer.Answers.Gateway = s.RealServer.Director },
			"warning answers-through-director 192.0.2.1"},
		{"no default route", g, func(s *Snapshot) { s.RealServer.Answers = Route{Kind: RouteNone} }, ""},
		{"answers past the director", m, func(s *Snapshot) { s.RealServer.Answers.Gateway = netip.MustParseAddr("192.0.2.254") },
			"error gateway-not-director 192.0.2.1"},
		{"no default route", m, func(s *Snapshot) { s.RealServer.Answers = Route{Kind: RouteNone} }, "error gateway-not-director 192.0.2.1"},
		{"the director is unknown", m, func(s *Snapshot) { s.RealServer.Director = netip.Addr{}; s.RealServer.Answers = Route{Kind: RouteNone} }, ""},

		{"redirects", m, func(s *Snapshot) { s.set("eth0.accept_redirects", "1") }, "warning nat-accepts-redirects net.ipv4.conf.eth0.accept_redirects"},
		{"redirects of all", m, func(s *Snapshot) { s.set("all.accept_redirects", "1") }, "warning nat-accepts-redirects net.ipv4.conf.eth0.accept_redirects"},
		{"redirects of all, and a router", m, func(s *Snapshot) { s.set("all.accept_redirects", "1"); s.Settings["net.ipv4.ip_forward"] = "1" }, ""},
		{"redirects in two networks", m, func(s *Snapshot) { s.move(0); s.set("all.accept_redirects", "1") }, ""},

		{"a loop", g, func(s *Snapshot) { s.balance("192.0.2.1:80", 1) }, "warning loop " + service},
		{"a server of weight 0", g, func(s *Snapshot) { s.balance("192.0.2.1:80", 0) }, ""},
		{"itself", g, func(s *Snapshot) { s.balance("192.0.2.11:80", 1) }, ""},
		{"another service", g, func(s *Snapshot) {
			s.balance("192.0.2.1:80", 1)
			s.Table[0].Address = netip.MustParseAddrPort("192.0.2.9:80")
		}, ""},
		{"backup_only", g, func(s *Snapshot) { s.balance("192.0.2.1:80", 1); s.Settings[backupOnly] = "1" }, ""},
		{"the director", g, func(s *Snapshot) {
			s.balance("192.0.2.12:80", 1)
			s.RealServer.Director = netip.MustParseAddr("192.0.2.11")
		}, ""},
	} {
		s := healthyRealServer(test.method)
		test.breaks(s)
		got := ""
		for _, f := range Run(s, RealServerRules(), nil).Findings {
			if got != "" {
				got += "; "
			}
			got += string(f.Severity) + " " + f.Name + " " + f.Object
			if f.Summary == "" || f.Evidence == "" || f.Consequence == "" || f.Advice == "" {
				t.Errorf("%s with %s: incomplete: %+v", test.what, test.method, f)
			}
		}
		if got != test.want {
			t.Errorf("%s with %s: %q, want %q", test.what, test.method, got, test.want)
		}
	}
}

// TestForwardingOf finds the forwarding method by the device that has the address of a service.
func TestForwardingOf(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.100")
	s := healthyRealServer(ipvs.DirectRouting)
	for _, test := range []struct {
		link  int
		want  ipvs.Forwarding
		known bool
	}{{1, ipvs.DirectRouting, true}, {2, ipvs.DirectRouting, true}, {3, ipvs.Tunneling, true}, {0, 0, false}} {
		s.holdVIP("192.0.2.100/32", test.link)
		if got, known := s.ForwardingOf(vip); got != test.want || known != test.known {
			t.Errorf("on device %d: %s, %v", test.link, got, known)
		}
	}
}

// TestRealServerIPv6 has no findings about ARP, and finds an IPv6 address on a device that answers.
func TestRealServerIPv6(t *testing.T) {
	s := healthyRealServer(ipvs.DirectRouting)
	s.holdVIP("192.0.2.100/32", 0)
	s.RealServer.Service = ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("[2001:db8::100]:80"))
	s.RealServer.Director = netip.MustParseAddr("2001:db8::1")
	s.Addresses = append(s.Addresses, Address{Prefix: netip.MustParsePrefix("2001:db8::11/64"), Link: 2})
	s.listen("[::]:80")
	s.set("all.arp_ignore", "0", "all.arp_announce", "0", "eth0.arp_announce", "0")
	for link, want := range map[int]string{1: "", 2: "vip-answers-arp"} {
		s.holdVIP("2001:db8::100/128", link)
		got := ""
		for _, f := range Run(s, RealServerRules(), nil).Findings {
			got += f.Name
		}
		if got != want {
			t.Errorf("on device %d: %q, want %q", link, got, want)
		}
	}
}
