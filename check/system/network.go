package system

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/jsimonetti/rtnetlink/v2"
	"golang.org/x/sys/unix"

	"ipvsadm/check"
)

// readNetwork reads devices, addresses and neighbours.
func readNetwork(s *check.Snapshot) {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		for _, fact := range []check.Fact{check.FactLinks, check.FactAddresses, check.FactNeighbours} {
			note(s, fact, err)
		}
		return
	}
	defer conn.Close()
	s.Links, err = links(conn)
	note(s, check.FactLinks, err)
	s.Addresses, err = addresses(conn)
	note(s, check.FactAddresses, err)
	s.Neighbours, err = neighbours(conn)
	note(s, check.FactNeighbours, err)
}

func links(conn *rtnetlink.Conn) (map[int]check.Link, error) {
	messages, err := conn.Link.List()
	if err != nil {
		return nil, err
	}
	all := make(map[int]check.Link)
	for _, m := range messages {
		link := check.Link{
			Index:     int(m.Index),
			Up:        m.Flags&unix.IFF_UP != 0,
			Carrier:   m.Flags&unix.IFF_LOWER_UP != 0,
			Multicast: m.Flags&unix.IFF_MULTICAST != 0,
			Loopback:  m.Flags&unix.IFF_LOOPBACK != 0,
		}
		if a := m.Attributes; a != nil {
			link.Name, link.MTU, link.Hardware = a.Name, int(a.MTU), a.Address.String()
			if a.Info != nil {
				link.Kind = a.Info.Kind
			}
		}
		all[link.Index] = link
	}
	return all, nil
}

func addresses(conn *rtnetlink.Conn) ([]check.Address, error) {
	messages, err := conn.Address.List()
	if err != nil {
		return nil, err
	}
	var all []check.Address
	for _, m := range messages {
		if m.Attributes == nil {
			continue
		}
		ip, ok := addr(m.Attributes.Local) // the other end of a point-to-point device is in Address
		if !ok {
			if ip, ok = addr(m.Attributes.Address); !ok {
				continue
			}
		}
		flags := m.Attributes.Flags | uint32(m.Flags)
		all = append(all, check.Address{
			Prefix:    netip.PrefixFrom(ip, int(m.PrefixLength)),
			Link:      int(m.Index),
			Tentative: flags&unix.IFA_F_TENTATIVE != 0,
			Duplicate: flags&unix.IFA_F_DADFAILED != 0,
		})
	}
	return all, nil
}

func neighbours(conn *rtnetlink.Conn) ([]check.Neighbour, error) {
	messages, err := conn.Neigh.List()
	if err != nil {
		return nil, err
	}
	var all []check.Neighbour
	for _, m := range messages {
		if m.Attributes == nil {
			continue
		}
		if ip, ok := addr(m.Attributes.Address); ok {
			all = append(all, check.Neighbour{
				Address:  ip,
				Link:     int(m.Index),
				State:    check.NeighbourState(m.State),
				Hardware: m.Attributes.LLAddress.String(),
			})
		}
	}
	return all, nil
}

// addr returns an address of 4 or 16 bytes. The kernel and IPVS do not map IPv4 into IPv6.
func addr(ip net.IP) (netip.Addr, bool) {
	if four := ip.To4(); four != nil {
		ip = four
	}
	return netip.AddrFromSlice(ip)
}

// readRoutes looks up the routes to addresses.
func readRoutes(s *check.Snapshot, destinations []netip.Addr) {
	s.Routes = make(map[netip.Addr]check.Route, len(destinations))
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		note(s, check.FactRoutes, err)
		return
	}
	defer conn.Close()
	for _, destination := range destinations {
		if _, known := s.Routes[destination]; known {
			continue
		}
		route, err := lookup(conn, destination)
		if err != nil {
			note(s, check.FactRoutes, fmt.Errorf("to %s: %w", destination, err))
			return
		}
		s.Routes[destination] = route
	}
}

// lookup asks the kernel which way a packet of this machine to an address takes.
func lookup(conn *rtnetlink.Conn, destination netip.Addr) (check.Route, error) {
	request := rtnetlink.RouteMessage{
		Family:     unix.AF_INET,
		DstLength:  uint8(destination.BitLen()),
		Attributes: rtnetlink.RouteAttributes{Dst: destination.AsSlice()},
	}
	if destination.Is6() {
		request.Family = unix.AF_INET6
	}
	routes, err := conn.Route.Get(&request)
	if kind, refused := refusals(err); refused {
		return check.Route{Kind: kind}, nil
	}
	if err != nil {
		return check.Route{}, err
	}
	if len(routes) != 1 {
		return check.Route{}, fmt.Errorf("the kernel sent %d routes", len(routes))
	}
	found := routes[0]
	route := check.Route{Kind: routeKinds(found.Type), Link: int(found.Attributes.OutIface)}
	route.Gateway, _ = addr(found.Attributes.Gateway)
	if found.Attributes.Metrics != nil {
		route.MTU = int(found.Attributes.Metrics.MTU)
	}
	return route, nil
}

// refusals returns what the error of a lookup means.
func refusals(err error) (check.RouteKind, bool) {
	switch {
	case errors.Is(err, syscall.ENETUNREACH):
		return check.RouteNone, true
	case errors.Is(err, syscall.EHOSTUNREACH):
		return check.RouteUnreachable, true
	case errors.Is(err, syscall.EACCES):
		return check.RouteProhibit, true
	case errors.Is(err, syscall.EINVAL):
		return check.RouteBlackhole, true
	default:
		return "", false
	}
}

func routeKinds(number uint8) check.RouteKind {
	switch number {
	case unix.RTN_UNICAST:
		return check.RouteUnicast
	case unix.RTN_LOCAL:
		return check.RouteLocal
	case unix.RTN_BROADCAST:
		return check.RouteBroadcast
	case unix.RTN_MULTICAST:
		return check.RouteMulticast
	case unix.RTN_BLACKHOLE:
		return check.RouteBlackhole
	case unix.RTN_UNREACHABLE:
		return check.RouteUnreachable
	case unix.RTN_PROHIBIT:
		return check.RouteProhibit
	default:
		return check.RouteNone
	}
}

// ruledMarks returns the firewall marks for which there are routing rules.
func ruledMarks() (map[uint32]bool, error) {
	conn, err := rtnetlink.Dial(nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	rules, err := conn.Rule.List()
	if err != nil {
		return nil, err
	}
	marks := make(map[uint32]bool)
	for _, rule := range rules {
		if rule.Attributes != nil && rule.Attributes.FwMark != nil {
			marks[*rule.Attributes.FwMark] = true
		}
	}
	return marks, nil
}
