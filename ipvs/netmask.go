package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"strconv"
)

// Netmask groups clients for persistence: clients whose masked addresses are equal share a server. The zero value is
// the mask of all bits, by which each client is its own group. Netmasks are comparable. IPVS_SVC_ATTR_NETMASK.
type Netmask struct {
	mask netip.Addr // the zero Addr for all bits
}

// IPv4Netmask returns a mask for an IPv4 service, such as 255.255.255.0. Its bits need not be contiguous.
func IPv4Netmask(mask [4]byte) Netmask {
	if mask == [4]byte{255, 255, 255, 255} {
		return Netmask{}
	}
	return Netmask{netip.AddrFrom4(mask)}
}

// IPv6Netmask returns the mask of a prefix length for an IPv6 service. The kernel takes lengths from 1 to 128. A longer
// one is the mask of all bits.
func IPv6Netmask(length uint8) Netmask {
	if length >= 128 {
		return Netmask{}
	}
	var mask [16]byte
	high, low := uint(min(length, 64)), uint(max(length, 64)-64)
	binary.BigEndian.PutUint64(mask[:8], ^(math.MaxUint64 >> high))
	binary.BigEndian.PutUint64(mask[8:], ^(math.MaxUint64 >> low))
	return Netmask{netip.AddrFrom16(mask)}
}

// Address returns the mask of an IPv4 service, such as 255.255.255.0.
func (m Netmask) Address() netip.Addr {
	if !m.mask.Is4() {
		return netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	return m.mask
}

// PrefixLength returns the prefix length of an IPv6 service's mask.
func (m Netmask) PrefixLength() uint8 {
	if !m.mask.Is6() {
		return 128
	}
	mask := m.mask.As16()
	high, low := binary.BigEndian.Uint64(mask[:8]), binary.BigEndian.Uint64(mask[8:])
	return uint8(bits.OnesCount64(high) + bits.OnesCount64(low))
}

// String returns the mask as -M takes it, such as 255.255.255.0 or 64. It is empty for the mask of all bits.
func (m Netmask) String() string {
	switch {
	case m.mask.Is4():
		return m.mask.String()
	case m.mask.Is6():
		return strconv.Itoa(int(m.PrefixLength()))
	default:
		return ""
	}
}

// netmask appends the mask of a service of a family: four octets, or a prefix length in the machine's order.
func (e *encoder) netmask(kind uint16, m Netmask, family Family) {
	switch {
	case m.mask.IsValid() && FamilyOf(m.mask) != family:
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
