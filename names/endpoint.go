package names

import (
	"net/netip"
	"strconv"
)

// AppendEndpoint appends an address and a port to b, each as its name if it has one. An IPv6 address gets brackets. The
// names of addresses are those that ResolveAddresses found. The protocol selects the name of the port; if it is empty,
// the port is a number. A nil Resolver appends only numbers.
func (r *Resolver) AppendEndpoint(b []byte, endpoint netip.AddrPort, protocol string) []byte {
	if r == nil {
		return appendPort(append(appendAddress(b, endpoint.Addr()), ':'), endpoint.Port())
	}
	name, ok := r.AddressName(endpoint.Addr())
	switch {
	case ok && endpoint.Addr().Is6():
		b = append(append(append(b, '['), name...), ']')
	case ok:
		b = append(b, name...)
	default:
		b = appendAddress(b, endpoint.Addr())
	}
	b = append(b, ':')
	if protocol != "" {
		if name, ok := r.ServiceName(endpoint.Port(), protocol); ok {
			return append(b, name...)
		}
	}
	return appendPort(b, endpoint.Port())
}

func appendPort(b []byte, port uint16) []byte { return strconv.AppendUint(b, uint64(port), 10) }

func appendAddress(b []byte, address netip.Addr) []byte {
	if address.Is4() {
		return appendIPv4(b, address)
	}
	b = append(b, '[')
	if embedded, ok := embeddedIPv4(address); ok {
		b = embedded.AppendTo(append(b, "::"...))
	} else {
		b = address.AppendTo(b)
	}
	return append(b, ']')
}

// embeddedIPv4 returns the last four octets of an IPv6 address such as ::192.0.2.1: the other twelve octets are zero, and
// the next two are not. The C library writes these four octets as an IPv4 address, netip does not.
func embeddedIPv4(address netip.Addr) (netip.Addr, bool) {
	octets := address.As16()
	first, last := [12]byte(octets[:12]), [4]byte(octets[12:])
	return netip.AddrFrom4(last), first == [12]byte{} && (last[0] != 0 || last[1] != 0)
}
