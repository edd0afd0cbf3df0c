package check

import (
	"fmt"
	"slices"

	"ipvsadm/ipvs"
)

// realTunnelRules judge the end of the director's tunnel.
var realTunnelRules = []Rule{{
	Name:     "tunnel-missing",
	Severity: Error,
	Summary:  "tunnels, and no device of this machine unpacks their packets",
	Symptom: `Clients time out when the director sends them to this server. Packets of protocol 4 (IPIP), 41 (IPv6), 47 (GRE) or of
UDP arrive here and are dropped.`,
	Cause: `The director packs a packet into another one for this machine. A device of the kind ipip, gre, sit or ip6tnl unpacks it. None
is there, or all are down.`,
	Fix: `Load the module and set its device up: modprobe ipip && ip link set tunl0 up. For GRE the module is ip_gre and the
device gre0. FOU and GUE need ip fou add, too. A firewall should let packets in only from the director: the device unpacks those
of everybody.`,
	Needs:   []Fact{FactLinks},
	Applies: needsMethod(ipvs.Tunneling),
	Find:    findTunnelMissing,
}, {
	Name:     "tunnel-reverse-path",
	Severity: Error,
	Summary:  "the kernel drops packets that come out of the tunnel, because answers leave by another device",
	Symptom: `Clients time out when the director sends them to this server. tcpdump on the tunnel device sees their packets, and
the program sees none. TcpExtIPReversePathFilter in nstat rises.`,
	Cause: `The client's packet comes out of the tunnel device, and the route back to the client leads elsewhere. With rp_filter=1
the kernel drops such packets. The larger of rp_filter of all and of the tunnel device counts, so a 0 for the device alone has
no effect. With rp_filter=2 the kernel takes them, but only on a device that has an IPv4 address.`,
	Fix: `Give the tunnel device the address of the service, and run sysctl -w net.ipv4.conf.DEVICE.rp_filter=2 for it. Set the same
in a file under /etc/sysctl.d. As the larger counts, 2 wins over the 1 of all. Or set both to 0.`,
	Needs:    []Fact{FactAddresses, FactLinks},
	Settings: []string{"net.ipv4.conf.all.rp_filter"},
	Applies: func(s *Snapshot) string {
		if s.RealServer.Service.Family == ipvs.IPv6 {
			return "IPv6 has no rp_filter"
		}
		return needsMethod(ipvs.Tunneling)(s)
	},
	Find: findTunnelReversePath,
}}

func findTunnelMissing(s *Snapshot) []Finding {
	up, down := s.tunnels()
	if len(up) > 0 {
		return nil
	}
	f := s.realFinding(ServiceName(s.RealServer.Service))
	f.Consequence = "the kernel drops the packets from the director: the clients that get this server time out"
	f.SideEffects = "the device unpacks packets of everybody: a firewall should let them in only from the director"
	if len(down) > 0 {
		f.Object = down[0].Name
		f.Summary = fmt.Sprintf("the device %s, which unpacks tunnelled packets, is down", down[0].Name)
		f.Evidence = fmt.Sprintf("ip link show dev %s: down", down[0].Name)
		f.Advice = "ip link set dev " + down[0].Name + " up"
		return []Finding{f}
	}
	f.Summary = "no device unpacks tunnelled packets"
	f.Evidence = "ip -d link: no device of the kind ipip, gre or ip6tnl"
	f.Advice = "modprobe ipip && ip link set dev tunl0 up"
	if s.RealServer.Service.Family == ipvs.IPv6 {
		f.Evidence = "ip -d link: no device of the kind sit, ip6gre or ip6tnl"
		f.Advice = "modprobe ip6_tunnel && ip link set dev ip6tnl0 up"
	}
	return []Finding{f}
}

func findTunnelReversePath(s *Snapshot) []Finding {
	var findings []Finding
	for _, link := range s.tunnelEnds() {
		const none, strict = 0, 1
		filter, addressed := s.Settings.Larger("rp_filter", link.Name), s.hasIPv4(link)
		if filter == none || filter != strict && addressed {
			return nil // packets may come out of this one
		}
		f := s.realFinding(link.Name)
		f.Summary = fmt.Sprintf("the kernel drops packets of clients that come out of %s", link.Name)
		f.Evidence = s.bothSettings("rp_filter", link)
		f.Consequence = "the clients that get this server time out"
		f.Advice = setting(settingOf(link, "rp_filter"), "2")
		f.SideEffects = "the kernel then takes packets of any sender to which it has some route"
		if !addressed {
			f.Evidence += fmt.Sprintf("; ip address show dev %s: no IPv4 address", link.Name)
			f.Advice = fmt.Sprintf("ip address add %s dev %s && %s", single(s.RealServer.Service.Address.Addr()), link.Name, f.Advice)
		}
		findings = append(findings, f)
	}
	return findings
}

// tunnelEnds returns the device that has the address of the service, or else all devices that unpack packets.
func (s *Snapshot) tunnelEnds() []Link {
	up, _ := s.tunnels()
	for _, link := range up {
		if slices.ContainsFunc(s.holds(), func(own Address) bool { return own.Link == link.Index }) {
			return []Link{link}
		}
	}
	return up
}

// hasIPv4 reports whether a device has an IPv4 address.
func (s *Snapshot) hasIPv4(link Link) bool {
	return slices.ContainsFunc(s.Addresses, func(own Address) bool { return own.Link == link.Index && own.Prefix.Addr().Is4() })
}
