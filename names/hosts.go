package names

import (
	"net/netip"
	"os"
	"strings"
)

// hosts is what a hosts file says. Of several lines for one name or address the first counts.
type hosts struct {
	addresses map[string]netip.Addr // of lower-case names and aliases; IPv4 alone
	names     map[netip.Addr]string
}

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func (r *Resolver) readHosts() *hosts {
	memory := r.learned()
	if memory.hostsFile == nil {
		text, _ := os.ReadFile(r.HostsFile) // a missing file is an empty one
		memory.hostsFile = parseHosts(string(text))
	}
	return memory.hostsFile
}

// parseHosts reads a hosts file and passes over what is not a line of one: an address, a name and its aliases.
func parseHosts(text string) *hosts {
	h := &hosts{make(map[string]netip.Addr), make(map[netip.Addr]string)}
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
		// The C library takes a line of IPv6 for one of IPv4 too where the address has a counterpart.
		if address.Is4In6() {
			h.add(address.Unmap(), fields[1:])
		} else if address == netip.IPv6Loopback() {
			h.add(localhost, fields[1:])
		}
	}
	return h
}

func (h *hosts) add(address netip.Addr, names []string) {
	if _, ok := h.names[address]; !ok {
		h.names[address] = names[0]
	}
	if !address.Is4() {
		return
	}
	for _, name := range names {
		name = strings.ToLower(name)
		if _, ok := h.addresses[name]; !ok {
			h.addresses[name] = address
		}
	}
}
