package system

import (
	"net"
	"net/netip"

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
			NoARP:     m.Flags&unix.IFF_NOARP != 0,
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
