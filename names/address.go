package names

import (
	"context"
	"net/netip"
	"strings"
)

// maxRemembered limits the memory that a listing of connections takes: it may have any number of clients.
const maxRemembered = 1 << 16

// ResolveAddresses looks up the names of all addresses in parallel, each once, so that AddressName can return them. It
// never fails: an address without a valid name has no name.
func (r *Resolver) ResolveAddresses(ctx context.Context, addresses []netip.Addr) {
	r.resolveNames(ctx, addresses)
	if !r.reversible {
		return
	}
	var hosts []string
	for _, address := range addresses {
		if host := r.memory.hostNames[address]; host != "" {
			hosts = append(hosts, host)
		}
	}
	r.ResolveHosts(ctx, hosts)
}

func (r *Resolver) resolveNames(ctx context.Context, addresses []netip.Addr) {
	m := r.memory
	if len(m.hostNames) > maxRemembered {
		clear(m.hostNames)
	}
	var unknown []netip.Addr
	for _, address := range addresses {
		if _, ok := m.hostNames[address]; ok {
			continue
		}
		name, ok := r.hosts().nameOf[address]
		if !ok {
			unknown = append(unknown, address)
		}
		m.hostNames[address] = validOrEmpty(name)
	}
	askDNS(ctx, &m.waited, unknown, r.LookupAddress, func(address netip.Addr, names []string, _ error) {
		if len(names) > 0 {
			// Every name in the DNS ends with a dot, which nobody writes.
			m.hostNames[address] = validOrEmpty(strings.TrimSuffix(names[0], "."))
		}
	})
}

// AddressName returns the name of an address that was given to ResolveAddresses. It reports false if the address has no
// valid name.
func (r *Resolver) AddressName(address netip.Addr) (string, bool) {
	name := r.memory.hostNames[address]
	if name == "" || r.reversible && r.memory.hostAddresses[name].address != address {
		return "", false
	}
	return name, true
}

// validOrEmpty returns a host name, or nothing for one that must not be printed or saved: whoever owns an address chooses
// its name in the DNS, and may choose control characters. In the hosts file a name may end with a dot.
func validOrEmpty(name string) string {
	if !ValidHost(strings.TrimSuffix(name, ".")) {
		return ""
	}
	return name
}
