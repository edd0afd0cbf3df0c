package command

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
)

// anyName finds every host and port, and noName none.
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

// whyNot says what is wrong with a text that is no address, or no address and port. The original has one message for
// all that can be wrong.
func (l Lookup) whyNot(text string, protocol ipvs.Protocol) []string {
	if strings.HasPrefix(text, "$") {
		return []string{quoted(text) + " is a variable, which only a shell replaces by its value"}
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		return []string{fmt.Sprintf("an address is no URL: leave out %s and type %s", quoted(scheme+"://"), Printable(withPortOf(host, scheme)))}
	}
	if bracketed, ok := strings.CutPrefix(text, "["); ok {
		return l.whyNotBracketed(bracketed, protocol)
	}
	if host, zone, ok := strings.Cut(text, "%"); ok && strings.Contains(host, ":") {
		return []string{"IPVS knows no zone of an address: leave out %" + Printable(zone)}
	}
	if strings.Count(text, ":") > 1 {
		return whyNotIPv6(text)
	}
	host, port, hasPort := strings.Cut(text, ":")
	var why []string
	switch {
	case host == "":
		why = append(why, "the address before "+quoted(":"+port)+" is missing: is a variable unset?")
	case !hasPort && strings.Trim(host, "0123456789") == "":
		return []string{"a number alone is no address: type ADDRESS:" + host}
	default:
		why = l.whyNotHost(host)
	}
	if hasPort {
		why = append(why, l.whyNotPort(port, protocol)...)
	}
	return why
}

// withPortOf returns a host with the port of a URL's scheme, if it has none.
func withPortOf(host, scheme string) string {
	port := map[string]string{"http": "80", "https": "443"}[strings.ToLower(scheme)]
	if strings.Contains(host, ":") || port == "" {
		return host
	}
	return host + ":" + port
}

func (l Lookup) whyNotBracketed(text string, protocol ipvs.Protocol) []string {
	inside, port, ok := strings.Cut(text, "]:")
	if !ok {
		address, rest, closed := strings.Cut(text, "]")
		switch _, isAddress := parseIPv6(address); {
		case !closed:
			return []string{"the closing bracket is missing: type [ADDRESS]:PORT"}
		case isAddress && rest == "":
			return []string{fmt.Sprintf("an address in brackets has a port: type [%s]:PORT, or %s for none", address, address)}
		case isAddress && strings.Trim(rest, "0123456789") == "":
			return []string{fmt.Sprintf("a colon is missing: type [%s]:%s", address, rest)}
		default:
			return []string{"type [ADDRESS]:PORT"}
		}
	}
	var why []string
	if _, ok := parseIPv6(inside); !ok {
		if address, zone, ok := strings.Cut(inside, "%"); ok && strings.Contains(address, ":") {
			why = append(why, "IPVS knows no zone of an address: leave out %"+Printable(zone))
		} else if strings.Contains(inside, ":") {
			why = append(why, quoted(inside)+" is no IPv6 address")
		} else {
			why = l.whyNotHost(inside)
		}
	}
	return append(why, l.whyNotPort(port, protocol)...)
}

// whyNotIPv6 is about a text with several colons and no brackets.
func whyNotIPv6(text string) []string {
	if address, port, ok := unbracketed(text); ok && !strings.Contains(text, ":::") {
		return []string{fmt.Sprintf("an IPv6 address with a port has brackets: type [%s]:%s", address, port)}
	}
	host, ports, _ := strings.Cut(text, ":")
	if _, ok := parseIPv4(host); ok && strings.Contains(host, ".") {
		return []string{fmt.Sprintf("an address has one port, and %s has more", quoted(":"+ports))}
	}
	return []string{quoted(text) + " is no IPv6 address"}
}

// unbracketed splits an IPv6 address that a port may follow without brackets.
func unbracketed(text string) (address, port string, ok bool) {
	last := strings.LastIndexByte(text, ':')
	if last < 0 {
		return "", "", false
	}
	address, port = text[:last], text[last+1:]
	_, isAddress := parseIPv6(address)
	number, isPort := parseNumber(port, 1, 65535)
	return address, port, isAddress && isPort && number > 0
}

func (l Lookup) whyNotPort(port string, protocol ipvs.Protocol) []string {
	if _, ok := l.port(port, protocol); ok {
		return nil
	}
	number, isNumber := parseNumber(port, -1<<62, 1<<62)
	name, rest, isPath := strings.Cut(port, "/")
	switch {
	case port == "":
		return []string{"the port after the colon is missing: is a variable unset?"}
	case isNumber && number > 65535:
		return []string{port + " is above 65535, the highest port"}
	case isNumber:
		return []string{Printable(port) + " is below 0: a port is 0 to 65535"}
	case strings.Trim(port, "0123456789-,") == "":
		return []string{"a port is one number: a service of several ports is one of a firewall mark (-f MARK)"}
	case isPath && strings.Trim(name, "0123456789") == "":
		return []string{"leave out " + quoted("/"+rest) + " behind the port"}
	default:
		return []string{fmt.Sprintf("/etc/services has no port of %v that is called %s", protocol, quoted(port))}
	}
}

func (l Lookup) whyNotHost(host string) []string {
	if _, ok := parseIPv4(host); ok {
		return nil
	}
	if prefix, length, ok := strings.Cut(host, "/"); ok {
		if _, isAddress := parseIPv4(prefix); isAddress {
			return []string{fmt.Sprintf("an address has no prefix length: leave out %s", quoted("/"+length))}
		}
	}
	if strings.Trim(host, "0123456789.") == "" {
		return []string{whyNotIPv4(host)}
	}
	if _, err := l.Host(host); err != nil {
		return []string{"/etc/hosts and the DNS gave no IPv4 address for " + quoted(host)}
	}
	return nil
}

// whyNotIPv4 is about digits and dots.
func whyNotIPv4(host string) string {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return fmt.Sprintf("an IPv4 address has four numbers, and %s has %d: a port follows a colon", host, len(parts))
	}
	for _, part := range parts {
		number, ok := parseNumber(part, 0, 1<<62)
		switch {
		case part == "":
			return fmt.Sprintf("a number is missing in %s", host)
		case strings.HasPrefix(part, "0") && strings.ContainsAny(part, "89"):
			return fmt.Sprintf("%s begins with 0, which makes it octal, and has a digit above 7: type %s", part, strings.TrimLeft(part, "0"))
		case len(parts) == 4 && (!ok || number > 255):
			return fmt.Sprintf("%s in %s is above 255", part, host)
		}
	}
	return quoted(host) + " is no IPv4 address"
}
