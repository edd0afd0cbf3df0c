package names

import (
	"os"
	"strconv"
	"strings"
)

// servicesFile holds the contents of a services file. If a name or a port of a protocol has several lines, the first
// line counts.
type servicesFile struct {
	nameOf map[portAndProtocol]string
	portOf map[nameAndProtocol]uint16 // of names and aliases
}

type portAndProtocol struct {
	port     uint16
	protocol string
}

type nameAndProtocol struct {
	name, protocol string
}

// services returns the services file. It reads the file once, when it is first needed.
func (r *Resolver) services() *servicesFile {
	if r.memory.servicesFile == nil {
		text, _ := os.ReadFile(r.ServicesFile) // a missing file counts as empty
		r.memory.servicesFile = parseServices(string(text))
	}
	return r.memory.servicesFile
}

// parseServices reads lines of a name, port/protocol and aliases. It skips every other line.
func parseServices(text string) *servicesFile {
	s := &servicesFile{make(map[portAndProtocol]string), make(map[nameAndProtocol]uint16)}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, protocol, _ := strings.Cut(fields[1], "/")
		port, ok := parsePort(number)
		if !ok || protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
			continue
		}
		name, aliases := fields[0], fields[2:]
		if _, ok := s.nameOf[portAndProtocol{port, protocol}]; !ok && validService(name) {
			s.nameOf[portAndProtocol{port, protocol}] = name
		}
		s.addPort(name, protocol, port)
		for _, alias := range aliases {
			s.addPort(alias, protocol, port)
		}
	}
	return s
}

// addPort adds the port of a name, unless an earlier line has the same name.
func (s *servicesFile) addPort(name, protocol string, port uint16) {
	if _, ok := s.portOf[nameAndProtocol{name, protocol}]; !ok {
		s.portOf[nameAndProtocol{name, protocol}] = port
	}
}

// parsePort reads a port as the C library does: decimal, octal or hexadecimal. Only its low 16 bits count.
func parsePort(text string) (uint16, bool) {
	base := 10
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		text, base = rest, 16
	} else if strings.HasPrefix(text, "0") {
		base = 8
	}
	port, err := strconv.ParseUint(text, base, 32)
	return uint16(port), err == nil
}
