package ipvs

import "fmt"

// Forwarding is how packets reach a server: the IP_VS_CONN_F_FWD_MASK bits (linux/ip_vs.h).
type Forwarding uint32

// The forwarding methods. Users choose Masquerading, Tunneling or DirectRouting; the kernel sets the others itself.
const (
	Masquerading  Forwarding = 0 // network address translation
	LocalNode     Forwarding = 1 // the server is this machine
	Tunneling     Forwarding = 2
	DirectRouting Forwarding = 3 // also called gatewaying
	Bypass        Forwarding = 4 // past the balancer, to the original destination
)

// String returns the method's long option: "masquerading", "ipip" or "gatewaying". The methods that the kernel sets itself
// are "local" and "bypass".
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

// The tunnel types. A kernel before 5.3 knows only IPIP.
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

// TunnelChecksum is the checksum method of the encapsulation: IP_VS_TUNNEL_ENCAP_FLAG_* (linux/ip_vs.h).
type TunnelChecksum uint16

// The checksum methods of GUE. GRE has the first two.
const (
	NoChecksum     TunnelChecksum = 0
	Checksum       TunnelChecksum = 1
	RemoteChecksum TunnelChecksum = 2 // remote checksum offload
)

// String returns the method as its option ends: "nocsum", "csum" or "remcsum".
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

// Tunnel is how packets to a tunnelled server are wrapped. The zero value is plain IP in IP.
type Tunnel struct {
	Type     TunnelType
	Port     uint16 // UDP port of GUE
	Checksum TunnelChecksum
}
