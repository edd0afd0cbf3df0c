package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// Netmask groups clients for persistence: clients whose masked addresses are equal share a server. The zero value is
// the mask of all bits, by which each client is its own group. Netmasks are comparable. IPVS_SVC_ATTR_NETMASK.
type Netmask struct {
	cleared uint32 // the bits that the mask of an IPv4 service clears
	shorter uint8  // by how many bits the prefix of an IPv6 service is shorter than an address
}

// IPv4Netmask returns a mask for an IPv4 service, such as 255.255.255.0. Its bits need not be contiguous.
func IPv4Netmask(mask [4]byte) Netmask {
	return Netmask{cleared: ^binary.BigEndian.Uint32(mask[:])}
}

// IPv6Netmask returns the mask of a prefix length for an IPv6 service. The kernel takes lengths from 1 to 128. A longer
// one is the mask of all bits.
func IPv6Netmask(length uint8) Netmask {
	return Netmask{shorter: 128 - min(length, 128)}
}

// Address returns the mask of an IPv4 service, such as 255.255.255.0.
func (m Netmask) Address() netip.Addr {
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], ^m.cleared)
	return netip.AddrFrom4(mask)
}

// PrefixLength returns the prefix length of an IPv6 service's mask.
func (m Netmask) PrefixLength() uint8 { return 128 - m.shorter }

// String returns the mask as -M takes it, such as 255.255.255.0 or 64. It is empty for the mask of all bits.
func (m Netmask) String() string {
	switch {
	case m.cleared != 0:
		return m.Address().String()
	case m.shorter != 0:
		return strconv.Itoa(int(m.PrefixLength()))
	default:
		return ""
	}
}

// netmask appends the mask of a service of a family: four octets, or a prefix length in the machine's order.
func (e *encoder) netmask(kind uint16, m Netmask, family Family) {
	switch {
	case family == IPv4 && m.shorter != 0, family == IPv6 && m.cleared != 0:
		e.fail(fmt.Errorf("netmask %s is not of family %s", m, family))
	case family == IPv4:
		mask := m.Address().As4()
		e.bytes(kind, mask[:])
	default:
		e.uint32(kind, uint32(m.PrefixLength()))
	}
}

// netmask returns the mask of a service of a family.
func (a *attributes) netmask(kind uint16, family Family) Netmask {
	value := a.value(kind)
	switch {
	case !a.has(kind):
		return Netmask{}
	case len(value) < 4:
		a.err = errTruncated
	case family == IPv4:
		return IPv4Netmask([4]byte(value))
	default:
		length := binary.NativeEndian.Uint32(value)
		if length <= 128 {
			return IPv6Netmask(uint8(length))
		}
		a.err = errors.New("a prefix length above 128 in the kernel's reply")
	}
	return Netmask{}
}
