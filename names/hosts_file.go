package names

import (
	"net/netip"
	"os"
	"strings"
)

// hostsFile holds the contents of a hosts file. If a name or an address has several lines, the first line counts.
type hostsFile struct {
	addressOf map[string]netip.Addr // IPv4 only; of names and aliases in lower case
	nameOf    map[netip.Addr]string
}

// hosts returns the hosts file. It reads the file once, when it is first needed.
func (r *Resolver) hosts() *hostsFile {
	if r.memory.hostsFile == nil {
		text, _ := os.ReadFile(r.HostsFile) // a missing file counts as empty
		r.memory.hostsFile = parseHosts(string(text))
	}
	return r.memory.hostsFile
}

// parseHosts reads lines of an address, a name and its aliases. It skips every other line.
func parseHosts(text string) *hostsFile {
	h := &hostsFile{make(map[string]netip.Addr), make(map[netip.Addr]string)}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		h.add(address, fields[1:])
		// The C library also uses these IPv6 lines for IPv4.
		if address.Is4In6() {
			h.add(address.Unmap(), fields[1:])
		} else if address == netip.IPv6Loopback() {
			h.add(netip.AddrFrom4([4]byte{127, 0, 0, 1}), fields[1:])
		}
	}
	return h
}

// add adds a line, unless an earlier line has the same address or name.
func (h *hostsFile) add(address netip.Addr, nameAndAliases []string) {
	if _, ok := h.nameOf[address]; !ok {
		h.nameOf[address] = nameAndAliases[0]
	}
	if !address.Is4() {
		return
	}
	for _, name := range nameAndAliases {
		name = strings.ToLower(name)
		if _, ok := h.addressOf[name]; !ok {
			h.addressOf[name] = address
		}
	}
}
