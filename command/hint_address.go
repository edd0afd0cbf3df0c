package command

import (
	"strings"

	"ipvsadm/ipvs"
)

// explainEndpoint says what is wrong with the address and port of a service or server. The original has one message for all mistakes.
func (r *reading) explainEndpoint(text string, protocol ipvs.Protocol) {
	scheme, rest, isURL := strings.Cut(text, "://")
	bracketed, isBracketed := strings.CutPrefix(text, "[")
	switch {
	case strings.HasPrefix(text, "$"):
		r.hint("%s is a variable, which only a shell replaces by its value", quoted(text))
	case isURL:
		host, _, _ := strings.Cut(rest, "/")
		r.hint("an address is no URL: leave out %s and type %s", quoted(scheme+"://"), withPortOf(host, scheme))
	case isBracketed:
		r.explainBracketed(bracketed, protocol)
	case r.explainZone(text):
	case strings.Count(text, ":") > 1:
		r.explainColons(text)
	default:
		r.explainHostPort(text, protocol)
	}
}

// explainService returns the explanation of the address of a service.
func explainService(protocol ipvs.Protocol) func(*reading, *option, string) {
	return func(r *reading, _ *option, value string) { r.explainEndpoint(value, protocol) }
}

func (r *reading) explainServer(_ *option, value string) {
	r.explainEndpoint(value, serverProtocol(r.command.Service.ServiceID))
}

// withPortOf returns a host with the port of a URL's scheme, if it has none.
func withPortOf(host, scheme string) string {
	port := map[string]string{"http": "80", "https": "443"}[strings.ToLower(scheme)]
	if strings.Contains(host, ":") || port == "" {
		return host
	}
	return host + ":" + port
}

// explainZone reports whether an IPv6 address has a zone, and adds the hint.
func (r *reading) explainZone(text string) bool {
	address, zone, ok := strings.Cut(text, "%")
	if !ok || !strings.Contains(address, ":") {
		return false
	}
	r.hint("IPVS knows no zone of an address: leave out %s", "%"+zone)
	return true
}

// explainBracketed adds hints about the text behind an opening bracket.
func (r *reading) explainBracketed(text string, protocol ipvs.Protocol) {
	address, rest, isClosed := strings.Cut(text, "]")
	port, hasPort := strings.CutPrefix(rest, ":")
	_, isAddress := parseIPv6(address)
	switch {
	case !isClosed:
		r.hint("the closing bracket is missing: type [ADDRESS]:PORT")
	case hasPort:
		switch {
		case isAddress, r.explainZone(address):
		case strings.Contains(address, ":"):
			r.hint("%s is no IPv6 address", quoted(address))
		default:
			r.explainHost(address)
		}
		r.explainPortText(port, protocol)
	case isAddress && rest == "":
		r.hint("an address in brackets has a port: type [%s]:PORT, or %s for none", address, address)
	case isAddress && allDigits(rest):
		r.hint("a colon is missing: type [%s]:%s", address, rest)
	default:
		r.hint("type [ADDRESS]:PORT")
	}
}

// explainColons adds hints about a text with several colons and no brackets.
func (r *reading) explainColons(text string) {
	address, port, isUnbracketed := unbracketed(text)
	host, ports, _ := strings.Cut(text, ":")
	_, isIPv4 := parseIPv4(host)
	switch {
	case isUnbracketed && !strings.Contains(text, ":::"):
		r.hint("an IPv6 address with a port has brackets: type [%s]:%s", address, port)
	case isIPv4 && strings.Contains(host, "."):
		r.hint("an address has one port, and %s has more", quoted(":"+ports))
	default:
		r.hint("%s is no IPv6 address", quoted(text))
	}
}

// unbracketed splits an IPv6 address from a port that follows it without brackets.
func unbracketed(text string) (address, port string, ok bool) {
	last := strings.LastIndexByte(text, ':')
	if last < 0 {
		return "", "", false
	}
	address, port = text[:last], text[last+1:]
	_, isAddress := parseIPv6(address)
	_, isPort := parseNumber(port, 1, 65535)
	return address, port, isAddress && isPort
}

func (r *reading) explainHostPort(text string, protocol ipvs.Protocol) {
	host, port, hasPort := strings.Cut(text, ":")
	switch {
	case host == "":
		r.hint("the address before %s is missing: is a variable unset?", quoted(":"+port))
	case !hasPort && allDigits(host):
		r.hint("a number alone is no address: type ADDRESS:%s", host)
	default:
		r.explainHost(host)
	}
	if hasPort {
		r.explainPortText(port, protocol)
	}
}

func (r *reading) explainPortText(port string, protocol ipvs.Protocol) {
	if _, ok := r.lookup.port(port, protocol); ok {
		return
	}
	number, isNumber := parseNumber(port, -1<<62, 1<<62)
	name, rest, isPath := strings.Cut(port, "/")
	switch {
	case port == "":
		r.hint("the port after the colon is missing: is a variable unset?")
	case isNumber && number > 65535:
		r.hint("%s is above 65535, the highest port", port)
	case isNumber:
		r.hint("%s is below 0: a port is 0 to 65535", port)
	case strings.Trim(port, "0123456789-,") == "":
		r.hint("a port is one number: a service of several ports is one of a firewall mark (-f MARK)")
	case isPath && allDigits(name):
		r.hint("leave out %s behind the port", quoted("/"+rest))
	default:
		r.hint("/etc/services has no port of %v that is called %s", protocol, quoted(port))
	}
}

func (r *reading) explainHost(host string) {
	if _, ok := parseIPv4(host); ok {
		return
	}
	prefix, length, hasLength := strings.Cut(host, "/")
	_, isPrefix := parseIPv4(prefix)
	switch {
	case hasLength && isPrefix:
		r.hint("an address has no prefix length: leave out %s", quoted("/"+length))
	case strings.Trim(host, "0123456789.") == "":
		r.explainIPv4(host)
	default:
		if _, err := r.lookup.Host(host); err != nil {
			r.hint("/etc/hosts and the DNS gave no IPv4 address for %s", quoted(host))
		}
	}
}

// explainIPv4 adds hints about a text of digits and dots.
func (r *reading) explainIPv4(host string) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		r.hint("an IPv4 address has four numbers, and %s has %d: a port follows a colon", host, len(parts))
		return
	}
	for _, part := range parts {
		_, isOctet := parseNumber(part, 0, 255)
		switch {
		case part == "":
			r.hint("a number is missing in %s", host)
			return
		case part[0] == '0' && strings.ContainsAny(part, "89"):
			r.hint("%s begins with 0, which makes it octal, and has a digit above 7: type %s", part, strings.TrimLeft(part, "0"))
			return
		case len(parts) == 4 && !isOctet:
			r.hint("%s in %s is above 255", part, host)
			return
		}
	}
	r.hint("%s is no IPv4 address", quoted(host))
}

func allDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }
