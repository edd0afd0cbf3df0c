package ipvs

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Family is the address family of a service or server: AF_INET or AF_INET6 (linux/socket.h).
type Family uint16

// The families that IPVS knows.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// FamilyOf returns the family of an address. An IPv4 address that is mapped into IPv6 is IPv6, as for the kernel.
func FamilyOf(address netip.Addr) Family {
	if address.Is4() {
		return IPv4
	}
	return IPv6
}

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	if f == IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

// Protocol is the transport protocol of a service, by its IANA number (linux/in.h).
type Protocol uint16

// The protocols that IPVS balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// String returns the protocol's name as the listings print it, such as "TCP".
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case SCTP:
		return "SCTP"
	default:
		return fmt.Sprintf("%d", uint16(p))
	}
}

// ServiceID names a virtual service: protocol, address and port, or a firewall mark and a family. AddressService and
// MarkService make one. ServiceIDs are comparable.
type ServiceID struct {
	Family   Family
	Protocol Protocol       // zero for a firewall mark
	Address  netip.AddrPort // the zero value for a firewall mark
	Mark     uint32         // zero for an address
}

// AddressService names the service of a protocol at an address and port.
func AddressService(protocol Protocol, address netip.AddrPort) ServiceID {
	return ServiceID{Family: FamilyOf(address.Addr()), Protocol: protocol, Address: address}
}

// MarkService names the service of the packets to which the firewall gave a mark. Each family has its own.
func MarkService(mark uint32, family Family) ServiceID {
	return ServiceID{Family: family, Mark: mark}
}

// String returns the service as an error message names it, such as "TCP 192.0.2.1:80" or "FWM 1 IPv6".
func (id ServiceID) String() string {
	switch {
	case id.Mark == 0:
		return fmt.Sprintf("%s %s", id.Protocol, id.Address)
	case id.Family == IPv6:
		return fmt.Sprintf("FWM %d IPv6", id.Mark)
	default:
		return fmt.Sprintf("FWM %d", id.Mark)
	}
}

// Compare orders services as ipvsadm lists them: addresses before firewall marks; addresses by family, protocol, address
// and port; marks by number and family. IPv4 precedes IPv6. Addresses compare as numbers; the original compares only the
// first four octets.
func (id ServiceID) Compare(other ServiceID) int {
	switch {
	case id.Mark != other.Mark:
		return cmp.Compare(id.Mark, other.Mark)
	case id.Family != other.Family:
		return cmp.Compare(id.Family, other.Family)
	case id.Protocol != other.Protocol:
		return cmp.Compare(id.Protocol, other.Protocol)
	default:
		return compareAddresses(id.Address, other.Address)
	}
}

// compareAddresses orders by the first four octets, then IPv4 before IPv6, then by the rest of the address and the port.
// Within a family that is the order of the numbers.
func compareAddresses(a, b netip.AddrPort) int {
	if a.Addr().Is4() != b.Addr().Is4() {
		if order := cmp.Compare(firstOctets(a.Addr()), firstOctets(b.Addr())); order != 0 {
			return order
		}
	}
	return a.Compare(b)
}

func firstOctets(address netip.Addr) uint32 {
	if address.Is4() {
		octets := address.As4()
		return binary.BigEndian.Uint32(octets[:])
	}
	octets := address.As16()
	return binary.BigEndian.Uint32(octets[:])
}
