package names

import "net/netip"

// AppendEndpoint writes an address and port to b, each as its name if it has one, and an IPv6 address in brackets. The
// addresses' names are those that ResolveAddresses found. The protocol is the one that the port's name is looked up
// for, empty to write the number. A nil Resolver writes numbers alone.
func (r *Resolver) AppendEndpoint(b []byte, endpoint netip.AddrPort, protocol string) []byte {
	address := endpoint.Addr()
	addressName, portName := "", ""
	if r != nil {
		addressName, _ = r.AddressName(address)
		if protocol != "" {
			portName, _ = r.ServiceName(endpoint.Port(), protocol)
		}
	}
	switch {
	case address.Is6():
		b = append(b, '[')
		b = append(appendIPv6(b, address, addressName), ']')
	case addressName != "":
		b = append(b, addressName...)
	default:
		b = appendIPv4(b, address.As4())
	}
	b = append(b, ':')
	if portName != "" {
		return append(b, portName...)
	}
	return appendNumber(b, endpoint.Port())
}

func appendIPv6(b []byte, address netip.Addr, name string) []byte {
	if name != "" {
		return append(b, name...)
	}
	if embedded, ok := embeddedIPv4(address); ok {
		return appendIPv4(append(b, "::"...), embedded)
	}
	return address.AppendTo(b)
}

// appendIPv4 writes four octets. (netip does too, in half as long again.)
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
func embeddedIPv4(address netip.Addr) ([4]byte, bool) {
	octets := address.As16()
	for _, octet := range octets[:12] {
		if octet != 0 {
			return [4]byte{}, false
		}
	}
	return [4]byte(octets[12:]), octets[12] != 0 || octets[13] != 0
}
