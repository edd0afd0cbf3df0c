package names

import "net/netip"

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
	if address.Is4() {
		return appendIPv4(b, address.As4())
	}
	if embedded, ok := embeddedIPv4(address); ok {
		return embedded.AppendTo(append(b, "::"...))
	}
	return address.AppendTo(b)
}

func appendIPv4(b []byte, octets [4]byte) []byte {
	b = append(appendNumber(b, uint16(octets[0])), '.')
	b = append(appendNumber(b, uint16(octets[1])), '.')
	b = append(appendNumber(b, uint16(octets[2])), '.')
	return appendNumber(b, uint16(octets[3]))
}

// appendNumber writes an octet or a port, of which a line about a connection has fifteen. (To strconv and netip, whose
// numbers are any, these cost four times as much.)
func appendNumber(b []byte, n uint16) []byte {
	switch {
	case n < 10:
		return append(b, digit(n))
	case n < 100:
		return append(b, digit(n/10), digit(n))
	case n < 1000:
		return append(b, digit(n/100), digit(n/10), digit(n))
	case n < 10000:
		return append(b, digit(n/1000), digit(n/100), digit(n/10), digit(n))
	default:
		return append(b, digit(n/10000), digit(n/1000), digit(n/100), digit(n/10), digit(n))
	}
}

// digit returns the last digit of a number.
func digit(n uint16) byte { return '0' + byte(n%10) }

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
	return appendNumber(b, port)
}
