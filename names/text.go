package names

import (
	"net/netip"
	"strconv"
)

// AppendEndpoint writes an address and port to b, each as its name if it has one, and an IPv6 address in brackets. The
// addresses' names are those that ResolveAddresses found. The protocol is the one that the port's name is looked up
// for, empty to write the number. A nil Resolver writes numbers alone.
func (r *Resolver) AppendEndpoint(b []byte, endpoint netip.AddrPort, protocol string) []byte {
	address := endpoint.Addr()
	if address.Is6() {
		b = append(b, '[')
		b = append(r.appendAddress(b, address), ']')
	} else {
		b = r.appendAddress(b, address)
	}
	return r.appendPort(append(b, ':'), endpoint.Port(), protocol)
}

func (r *Resolver) appendAddress(b []byte, address netip.Addr) []byte {
	if r != nil {
		if name, ok := r.AddressName(address); ok {
			return append(b, name...)
		}
	}
	if embedded, ok := embeddedIPv4(address); ok {
		return embedded.AppendTo(append(b, "::"...))
	}
	return address.AppendTo(b)
}

// embeddedIPv4 returns the last four octets of an IPv6 address whose other twelve are zero and whose next two are not:
// the C library writes such an address as ::192.0.2.1, netip does not.
func embeddedIPv4(address netip.Addr) (netip.Addr, bool) {
	if !address.Is6() {
		return netip.Addr{}, false
	}
	octets := address.As16()
	for _, octet := range octets[:12] {
		if octet != 0 {
			return netip.Addr{}, false
		}
	}
	return netip.AddrFrom4([4]byte(octets[12:])), octets[12] != 0 || octets[13] != 0
}

func (r *Resolver) appendPort(b []byte, port uint16, protocol string) []byte {
	if r != nil && protocol != "" {
		if name, ok := r.ServiceName(port, protocol); ok {
			return append(b, name...)
		}
	}
	return strconv.AppendUint(b, uint64(port), 10)
}
