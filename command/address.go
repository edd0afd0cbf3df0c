package command

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"ipvsadm/ipvs"
)

// endpoint reads HOST, HOST:PORT, IPV6 or [IPV6]:PORT, and tells whether there was a port.
func (l Lookup) endpoint(text string, protocol ipvs.Protocol) (address netip.AddrPort, hasPort, ok bool) {
	if bracketed, found := strings.CutPrefix(text, "["); found {
		return l.bracketed(bracketed, protocol)
	}
	if address, ok := parseIPv6(text); ok {
		return netip.AddrPortFrom(address, 0), false, true
	}
	name, portText, hasPort := strings.Cut(text, ":")
	if !hasPort && strings.Trim(name, "0123456789") == "" {
		return netip.AddrPort{}, false, false // rather a port whose address is missing than the address 0.0.0.80
	}
	host, ok := l.host(name)
	if !ok || !hasPort {
		return netip.AddrPortFrom(host, 0), false, ok
	}
	port, ok := l.port(portText, protocol)
	return netip.AddrPortFrom(host, port), true, ok
}

// bracketed reads what follows an opening bracket. The original forgets the port of anything but an IPv6 address.
func (l Lookup) bracketed(text string, protocol ipvs.Protocol) (address netip.AddrPort, hasPort, ok bool) {
	inside, portText, found := strings.Cut(text, "]:")
	if !found {
		return netip.AddrPort{}, false, false
	}
	if address, ok := parseIPv6(inside); ok {
		port, ok := l.port(portText, protocol)
		return netip.AddrPortFrom(address, port), true, ok
	}
	host, ok := l.host(inside)
	return netip.AddrPortFrom(host, 0), false, ok
}

func parseIPv6(text string) (netip.Addr, bool) {
	if strings.Count(text, ":") < 2 {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(text)
	return address, err == nil && address.Is6() && address.Zone() == ""
}

// host reads an IPv4 address or looks up a host's.
func (l Lookup) host(text string) (netip.Addr, bool) {
	if address, ok := parseIPv4(text); ok {
		return address, true
	}
	address, err := l.Host(text)
	return address, err == nil
}

func (l Lookup) port(text string, protocol ipvs.Protocol) (uint16, bool) {
	if port, ok := parseNumber(text, 0, 65535); ok {
		return uint16(port), true
	}
	return l.Port(text, strings.ToLower(protocol.String()))
}

// parseIPv4 reads an IPv4 address as inet_aton does: one to four parts, decimal, octal or hexadecimal, of which the
// last fills all the octets that are left, and anything after white space.
func parseIPv4(text string) (netip.Addr, bool) {
	if end := strings.IndexFunc(text, isSpace); end >= 0 {
		text = text[:end]
	}
	var address uint64
	for left := 4; ; left-- { // octets that are not filled yet
		part, rest, more := strings.Cut(text, ".")
		fills := left
		if more {
			fills = 1
		}
		number, ok := parsePart(part)
		if !ok || number >= 1<<(8*fills) || more && left == 1 {
			return netip.Addr{}, false
		}
		address = address<<(8*fills) | number
		if !more {
			return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}), true
		}
		text = rest
	}
}

func parsePart(part string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(part, "0x"), strings.HasPrefix(part, "0X"):
		base, part = 16, part[2:]
	case len(part) > 1 && part[0] == '0':
		base = 8
	}
	number, err := strconv.ParseUint(part, base, 32)
	return number, err == nil && part[0] != '+'
}

// maskOf returns the mask whose octets are the address's.
func maskOf(address netip.Addr) ipvs.Netmask {
	octets := address.As4()
	return ipvs.Netmask(binary.BigEndian.Uint32(octets[:]))
}

func withPort(address netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr(), port)
}
