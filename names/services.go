package names

import (
	"os"
	"strconv"
	"strings"
)

// services is what a services file says. Of several lines for one name or port of a protocol the first counts.
type services struct {
	names map[portKey]string
	ports map[serviceKey]uint16 // of names and aliases
}

type portKey struct {
	port     uint16
	protocol string
}

type serviceKey struct {
	name, protocol string
}

// ServiceName returns the name of a port of a protocol, which is "tcp", "udp" or "sctp".
func (r *Resolver) ServiceName(port uint16, protocol string) (string, bool) {
	name, ok := r.readServices().names[portKey{port, protocol}]
	if ok && r.reversibleOnly {
		back, found := r.ServicePort(name, protocol)
		ok = found && back == port
	}
	return name, ok
}

// ServicePort returns the port of a service, by its name or an alias of it, and its protocol, which is "tcp", "udp" or
// "sctp".
func (r *Resolver) ServicePort(name, protocol string) (uint16, bool) {
	port, ok := r.readServices().ports[serviceKey{name, protocol}]
	return port, ok
}

func (r *Resolver) readServices() *services {
	memory := r.learned()
	if memory.servicesFile == nil {
		text, _ := os.ReadFile(r.ServicesFile) // a missing file is an empty one
		memory.servicesFile = parseServices(string(text))
	}
	return memory.servicesFile
}

// parseServices reads a services file and passes over what is not a line of one: a name, port/protocol and aliases.
func parseServices(text string) *services {
	s := &services{make(map[portKey]string), make(map[serviceKey]uint16)}
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
		if _, ok := s.names[portKey{port, protocol}]; !ok && ValidService(name) {
			s.names[portKey{port, protocol}] = name
		}
		s.add(name, protocol, port)
		for _, alias := range aliases {
			s.add(alias, protocol, port)
		}
	}
	return s
}

func (s *services) add(name, protocol string, port uint16) {
	if _, ok := s.ports[serviceKey{name, protocol}]; !ok {
		s.ports[serviceKey{name, protocol}] = port
	}
}

// parsePort reads a port as the C library does: decimal, octal or hexadecimal, and its low 16 bits.
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

// ValidService reports whether a name is a valid service name: printable characters, no dash at its beginning, and a letter,
// without which it might be read as a number.
func ValidService(name string) bool {
	if strings.HasPrefix(name, "-") {
		return false
	}
	letter := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
	return strings.IndexFunc(name, letter) >= 0 && strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
