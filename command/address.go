package command

import (
	"errors"
	"math"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
)

// anyName finds every host and port, noName none.
var (
	anyName = Lookup{
		Host: func(string) (netip.Addr, error) { return netip.AddrFrom4([4]byte{192, 0, 2, 1}), nil },
		Port: func(string, string) (uint16, bool) { return 1, true },
	}
	noName = Lookup{
		Host: func(string) (netip.Addr, error) { return netip.Addr{}, errors.New("not looked up") },
		Port: func(string, string) (uint16, bool) { return 0, false },
	}
)

// endpoint reads HOST, HOST:PORT, IPV6 or [IPV6]:PORT.
func (l Lookup) endpoint(text string, protocol ipvs.Protocol) (address netip.AddrPort, hasPort, ok bool) {
	if bracketed, found := strings.CutPrefix(text, "["); found {
		return l.bracketed(bracketed, protocol)
	}
	if address, ok := parseIPv6(text); ok {
		return netip.AddrPortFrom(address, 0), false, true
	}
	name, portText, hasPort := strings.Cut(text, ":")
	if !hasPort && allDigits(name) {
		return netip.AddrPort{}, false, false // a port without an address, not the address 0.0.0.80
	}
	host, ok := l.host(name)
	if !ok || !hasPort {
		return netip.AddrPortFrom(host, 0), false, ok
	}
	port, ok := l.port(portText, protocol)
	return netip.AddrPortFrom(host, port), true, ok
}

// bracketed reads the text behind an opening bracket. Like the original it drops the port unless the address is IPv6.
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

// host reads an IPv4 address or looks up the address of a host.
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

// parseIPv4 reads an IPv4 address as inet_aton does: one to four parts, decimal, octal or hexadecimal. The last fills all
// the octets that are left, and anything may follow white space.
func parseIPv4(text string) (netip.Addr, bool) {
	var address uint64
	for left := 4; ; left-- { // octets that are not filled yet
		part, length := parsePart(text)
		more := length < len(text) && text[length] == '.'
		fills := left
		if more {
			fills = 1
		}
		if length == 0 || part >= 1<<(8*fills) || more && left == 1 {
			return netip.Addr{}, false
		}
		address = address<<(8*fills) | part
		if !more {
			octets := [4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}
			return netip.AddrFrom4(octets), length == len(text) || isSpace(rune(text[length]))
		}
		text = text[length+len("."):]
	}
}

// parsePart reads the number at the beginning of a text. Without one of up to 32 bits its length is zero.
func parsePart(text string) (number uint64, length int) {
	base := uint64(10)
	switch {
	case strings.HasPrefix(text, "0x"), strings.HasPrefix(text, "0X"):
		base, length = 16, 2
	case strings.HasPrefix(text, "0"):
		base = 8
	}
	begin := length
	for ; length < len(text); length++ {
		digit := uint64(digitOf(text[length]))
		if digit >= base {
			break
		}
		if number = number*base + digit; number > math.MaxUint32 {
			return 0, 0
		}
	}
	if length == begin {
		return 0, 0
	}
	return number, length
}

// digitOf returns the value of a hexadecimal digit, or 16.
func digitOf(char byte) byte {
	switch {
	case '0' <= char && char <= '9':
		return char - '0'
	case 'a' <= char && char <= 'f':
		return char - 'a' + 10
	case 'A' <= char && char <= 'F':
		return char - 'A' + 10
	default:
		return 16
	}
}

func withPort(address netip.AddrPort, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr(), port)
}
