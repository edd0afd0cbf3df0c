package ipvs

import (
	"math"
	"net/netip"
	"strings"
	"time"
)

// asOriginal returns the connection that the original prints for a malformed line. It reads the line as C's sscanf does.
// From the first missing field on, each field keeps its value from the line before, but the ports of client and service
// are zero. For an empty line the original prints nothing.
func asOriginal(line string, before Connection) Connection {
	c := before
	c.Client, c.Virtual = netip.AddrPortFrom(c.Client.Addr(), 0), netip.AddrPortFrom(c.Virtual.Addr(), 0)
	c.Engine, c.EngineData = "", ""
	s := scan{rest: line}
	s.word(&c.Protocol)
	if s.ended {
		return Connection{}
	}
	s.endpoint(&c.Client)
	s.endpoint(&c.Virtual)
	s.endpoint(&c.Destination)
	s.word(&c.State)
	if seconds, ok := s.number(10); ok {
		c.Expires = time.Duration(uint32(seconds)) * time.Second
	}
	s.word(&c.Engine)
	s.word(&c.EngineData)
	return c
}

// scan reads fields as sscanf does, until one is missing.
type scan struct {
	rest  string
	ended bool
}

// word reads the next word, with a question mark for each unprintable byte.
func (s *scan) word(word *string) {
	if s.skipSpaces(); s.ended {
		return
	}
	end := strings.IndexAny(s.rest, cSpaces)
	if end < 0 {
		end = len(s.rest)
	}
	text := []byte(s.rest[:end])
	for i, char := range text {
		if unprintable(char) {
			text[i] = '?'
		}
	}
	*word, s.rest = string(text), s.rest[end:]
}

// cSpaces are the characters that C's isspace accepts.
const cSpaces = " \t\n\v\f\r"

func (s *scan) skipSpaces() {
	if s.rest = strings.TrimLeft(s.rest, cSpaces); s.rest == "" {
		s.ended = true
	}
}

// endpoint reads an address and a port.
func (s *scan) endpoint(endpoint *netip.AddrPort) {
	var text string
	if s.word(&text); s.ended {
		return
	}
	port := uint64(endpoint.Port())
	if number, ok := s.number(16); ok {
		port = number
	}
	*endpoint = netip.AddrPortFrom(looseAddress(text), uint16(port))
}

// looseAddress reads an IPv6 address, or the hexadecimal digits at the beginning of an IPv4 address.
func looseAddress(text string) netip.Addr {
	if strings.Contains(text, ":") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.IPv6Unspecified()
		}
		return address.WithZone("")
	}
	s := scan{rest: text}
	number, _ := s.number(16)
	return netip.AddrFrom4([4]byte{byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)})
}

// number reads the longest number at the beginning of the next word. It may have a sign and, if hexadecimal, 0x.
func (s *scan) number(base uint64) (number uint64, ok bool) {
	if s.skipSpaces(); s.ended {
		return 0, false
	}
	digits := s.rest
	negative := digits[0] == '-'
	if negative || digits[0] == '+' {
		digits = digits[1:]
	}
	if base == 16 && len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' && digitValue(digits[2]) < base {
		digits = digits[2:]
	}
	for len(digits) > 0 && digitValue(digits[0]) < base {
		number = number*base + digitValue(digits[0])
		digits, ok = digits[1:], true
	}
	s.rest, s.ended = digits, !ok
	if negative {
		number = -number
	}
	return number, ok
}

// digitValue returns the value of a digit, and a value above any base for another character.
func digitValue(char byte) uint64 {
	switch {
	case '0' <= char && char <= '9':
		return uint64(char - '0')
	case 'a' <= char|0x20 && char|0x20 <= 'f':
		return uint64(char|0x20-'a') + 10
	default:
		return math.MaxUint8
	}
}
