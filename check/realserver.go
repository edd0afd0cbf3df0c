package check

import (
	"net/netip"

	"ipvsadm/ipvs"
)

// RealServer is what the rules for a real server judge besides the machine. The user says which service it is a server of.
type RealServer struct {
	Service    ipvs.ServiceID // of an address
	Forwarding ipvs.Forwarding
	Director   netip.Addr // invalid if the user did not say
	Answers    Route      // of answers to clients elsewhere
}

// Elsewhere returns an address that stands for clients in other networks. Nobody has it since RFC 7526 or RFC 9637, so no
// route leads there but that to the rest of the world.
func Elsewhere(family ipvs.Family) netip.Addr {
	if family == ipvs.IPv6 {
		return netip.MustParseAddr("3fff::1")
	}
	return netip.MustParseAddr("192.88.99.1")
}

// ForwardingOf returns the forwarding method by which packets to an address of this machine come: tunnelling if a tunnel
// device has the address. It reports false if no device has it: direct routing and masquerading then look the same.
func (s *Snapshot) ForwardingOf(vip netip.Addr) (ipvs.Forwarding, bool) {
	if !s.Has(vip) {
		return 0, false
	}
	for _, own := range s.Addresses {
		if own.Prefix.Addr() == vip && s.Links[own.Link].unpacks(ipvs.FamilyOf(vip)) {
			return ipvs.Tunneling, true
		}
	}
	return ipvs.DirectRouting, true
}

// unpacks reports whether a device unpacks packets of a family that arrive in a tunnel.
func (l Link) unpacks(family ipvs.Family) bool {
	switch l.Kind {
	case "gre", "ip6gre", "ip6tnl":
		return true
	case "ipip":
		return family == ipvs.IPv4
	case "sit":
		return family == ipvs.IPv6
	default:
		return false
	}
}

// tunnels returns the devices that unpack packets of the service's family, first those that are up.
func (s *Snapshot) tunnels() (up, down []Link) {
	for _, link := range s.sortedLinks() {
		switch {
		case !link.unpacks(s.RealServer.Service.Family):
		case link.Up:
			up = append(up, link)
		default:
			down = append(down, link)
		}
	}
	return up, down
}

// facing returns the device on which packets from the director arrive: the one that leads to the director or, if it is
// unknown, the one in whose network the service is, or the one that leads to the rest of the world.
func (s *Snapshot) facing() (Link, bool) {
	for _, address := range []netip.Addr{s.RealServer.Director, s.RealServer.Service.Address.Addr()} {
		if link, ok := s.inNetwork(address); ok {
			return link, true
		}
		if route := s.Routes[address]; route.Kind == RouteUnicast {
			return s.Links[route.Link], true
		}
	}
	if s.RealServer.Answers.Kind == RouteUnicast {
		return s.Links[s.RealServer.Answers.Link], true
	}
	return Link{}, false
}

// inNetwork returns the device whose network has an address, beside the service's own.
func (s *Snapshot) inNetwork(address netip.Addr) (found Link, ok bool) {
	bits := -1
	for _, own := range s.Addresses {
		link := s.Links[own.Link]
		if own.Prefix.Addr() != s.RealServer.Service.Address.Addr() && own.Prefix.Contains(address) && !own.Prefix.IsSingleIP() &&
			!link.Loopback && own.Prefix.Bits() > bits {
			found, ok, bits = link, true, own.Prefix.Bits()
		}
	}
	return found, ok
}

// holds returns the addresses of this machine that are the service's.
func (s *Snapshot) holds() []Address {
	var all []Address
	for _, own := range s.Addresses {
		if own.Prefix.Addr() == s.RealServer.Service.Address.Addr() {
			all = append(all, own)
		}
	}
	return all
}

// needsMethod returns why a rule about some forwarding methods does not apply.
func needsMethod(methods ...ipvs.Forwarding) func(*Snapshot) string {
	return func(s *Snapshot) string {
		for _, method := range methods {
			if s.RealServer.Forwarding == method {
				return ""
			}
		}
		return "the forwarding method is " + s.RealServer.Forwarding.String()
	}
}

// needsARP returns why a rule about ARP does not apply.
func needsARP(s *Snapshot) string {
	if s.RealServer.Service.Family == ipvs.IPv6 {
		return "IPv6 has no ARP: the kernel answers neighbour discovery only for addresses of the device that was asked"
	}
	return needsMethod(ipvs.DirectRouting, ipvs.Tunneling)(s)
}
