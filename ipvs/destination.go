package ipvs

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Forwarding is the way packets reach a real server: the IP_VS_CONN_F_FWD_MASK bits (linux/ip_vs.h).
type Forwarding uint32

// The forwarding methods. Users choose Masquerading, Tunneling or DirectRouting; the kernel sets the others itself.
const (
	Masquerading  Forwarding = 0 // network address translation
	LocalNode     Forwarding = 1 // the server is this machine
	Tunneling     Forwarding = 2
	DirectRouting Forwarding = 3 // called gatewaying too
	Bypass        Forwarding = 4 // past the balancer, to the original destination
)

// String returns the method as its long option: "masquerading", "ipip" or "gatewaying"; "local" and "bypass" for the
// methods that the kernel sets itself.
func (f Forwarding) String() string {
	switch f {
	case Masquerading:
		return "masquerading"
	case LocalNode:
		return "local"
	case Tunneling:
		return "ipip"
	case DirectRouting:
		return "gatewaying"
	case Bypass:
		return "bypass"
	default:
		return fmt.Sprintf("%d", uint32(f))
	}
}

// TunnelType is the encapsulation of a tunnelled server: IP_VS_CONN_F_TUNNEL_TYPE_* (linux/ip_vs.h).
type TunnelType uint8

// The tunnel types. A kernel before 5.3 knows IPIP alone.
const (
	IPIP TunnelType = 0
	GUE  TunnelType = 1 // generic UDP encapsulation, kernel 5.3
	GRE  TunnelType = 2 // kernel 5.3
)

// String returns the type as --tun-type takes it.
func (t TunnelType) String() string {
	switch t {
	case IPIP:
		return "ipip"
	case GUE:
		return "gue"
	case GRE:
		return "gre"
	default:
		return fmt.Sprintf("%d", uint8(t))
	}
}

// TunnelChecksum says how the checksum of the encapsulation is done: IP_VS_TUNNEL_ENCAP_FLAG_* (linux/ip_vs.h).
type TunnelChecksum uint16

// The checksum methods of GUE and, but for the last, of GRE.
const (
	NoChecksum     TunnelChecksum = 0
	Checksum       TunnelChecksum = 1
	RemoteChecksum TunnelChecksum = 2 // remote checksum offload
)

// String returns the method as it ends its option: "nocsum", "csum" or "remcsum".
func (c TunnelChecksum) String() string {
	switch c {
	case NoChecksum:
		return "nocsum"
	case Checksum:
		return "csum"
	case RemoteChecksum:
		return "remcsum"
	default:
		return fmt.Sprintf("%d", uint16(c))
	}
}

// Tunnel says how a tunnelled server's packets are wrapped. The zero value is plain IP in IP.
type Tunnel struct {
	Type     TunnelType
	Port     uint16 // UDP port of GUE
	Checksum TunnelChecksum
}

// Destination is a real server of a virtual service (struct ip_vs_dest_user and IPVS_DEST_ATTR_*, linux/ip_vs.h).
// Within its service it is named by Address, whose family need not be the service's when it is tunnelled.
type Destination struct {
	Address        netip.AddrPort
	Forwarding     Forwarding
	Weight         uint32 // capacity beside the other servers, up to 2^31-1; zero takes no new connections
	UpperThreshold uint32 // connections above which it takes no new ones; zero for no bound
	LowerThreshold uint32 // connections below which it takes new ones again; zero for three quarters of the upper
	Tunnel         Tunnel
}

// ListedDestination is a real server and what the kernel tells of it.
type ListedDestination struct {
	Destination
	ActiveConnections     uint32
	InactiveConnections   uint32
	PersistentConnections uint32
	Traffic
}

// Compare orders the servers of a service as ipvsadm lists them: by address and then by port. Tunnelled servers may mix
// both families. Then the four octets of an IPv4 address are compared with the first four of an IPv6 address, as in the
// original: 10.0.0.1, 2001:db8::1, 198.51.100.7.
func (d Destination) Compare(other Destination) int {
	return compareAddresses(d.Address, other.Address)
}

// compareAddresses orders by the first four octets, then IPv4 before IPv6, then by the rest of the address and the port.
func compareAddresses(a, b netip.AddrPort) int {
	if order := cmp.Compare(firstOctets(a.Addr()), firstOctets(b.Addr())); order != 0 {
		return order
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

// destinationID puts the name of a real server within its service.
func (e *encoder) destinationID(address netip.AddrPort) {
	start := e.open(attrDest)
	e.endpoint(address)
	e.close(start)
}

// endpoint puts the attributes that name a real server.
func (e *encoder) endpoint(address netip.AddrPort) {
	if !address.IsValid() {
		e.fail(errors.New("a destination needs an address"))
		return
	}
	e.address(destAddress, address.Addr())
	e.port(destPort, address.Port())
	e.uint16(destFamily, uint16(FamilyOf(address.Addr())))
}

// destination puts a real server. A kernel that knows no tunnel types ignores them.
func (e *encoder) destination(d Destination) {
	start := e.open(attrDest)
	e.endpoint(d.Address)
	e.uint32(destForwarding, uint32(d.Forwarding))
	e.uint32(destWeight, d.Weight)
	e.uint32(destUpper, d.UpperThreshold)
	e.uint32(destLower, d.LowerThreshold)
	e.uint8(destTunnelType, uint8(d.Tunnel.Type))
	e.port(destTunnelPort, d.Tunnel.Port)
	e.uint16(destTunnelFlags, uint16(d.Tunnel.Checksum))
	e.close(start)
}

// decodeDestination reads a message that holds a real server of a service of the given family, and returns the attributes
// that are its counters.
func decodeDestination(message []byte, service Family, d *ListedDestination) (stats []byte, err error) {
	var a attributes
	a.nested(message, attrDest)
	family := service // before 3.18 there was no other
	if a.has(destFamily) {
		family = Family(a.number(destFamily))
	}
	d.Address = netip.AddrPortFrom(a.address(destAddress, family), a.port(destPort))
	// The kernel tells all flags of a server's connections; the method is the low three.
	d.Forwarding = Forwarding(a.number(destForwarding) & forwardingMask)
	d.Weight = uint32(a.number(destWeight))
	d.UpperThreshold = uint32(a.number(destUpper))
	d.LowerThreshold = uint32(a.number(destLower))
	d.ActiveConnections = uint32(a.number(destActive))
	d.InactiveConnections = uint32(a.number(destInactive))
	d.PersistentConnections = uint32(a.number(destPersistent))
	d.Tunnel = Tunnel{
		Type:     TunnelType(a.number(destTunnelType)),
		Port:     a.port(destTunnelPort),
		Checksum: TunnelChecksum(a.number(destTunnelFlags)),
	}
	return a.stats(destStats, destStats64), a.err
}
