package names

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// hostAddress is the IPv4 address of a host, or the reason why it has none.
type hostAddress struct {
	address netip.Addr
	err     error
}

// LookupHost returns the IPv4 address of a host: the first one in the hosts file, or else the first one in the DNS. As
// in the original, a name never stands for an IPv6 address.
func (r *Resolver) LookupHost(ctx context.Context, host string) (netip.Addr, error) {
	r.ResolveHosts(ctx, []string{host})
	found := r.memory.hostAddresses[host]
	return found.address, found.err
}

// ResolveHosts looks up the addresses of all hosts in parallel, each once, so that LookupHost can return them.
func (r *Resolver) ResolveHosts(ctx context.Context, hosts []string) {
	m := r.memory
	var unknown []string
	for _, host := range hosts {
		if _, ok := m.hostAddresses[host]; ok {
			continue
		}
		if address, ok := r.hosts().addressOf[strings.ToLower(host)]; ok {
			m.hostAddresses[host] = hostAddress{address: address}
			continue
		}
		m.hostAddresses[host] = hostAddress{err: fmt.Errorf("host %s: the DNS did not answer in time", host)}
		unknown = append(unknown, host)
	}
	askDNS(ctx, &m.waited, unknown, r.LookupIPv4, func(host string, addresses []netip.Addr, err error) {
		var found hostAddress
		if err == nil {
			found.address, err = firstIPv4(addresses)
		}
		if err != nil {
			found.err = fmt.Errorf("host %s: %w", host, err)
		}
		m.hostAddresses[host] = found
	})
}

func firstIPv4(addresses []netip.Addr) (netip.Addr, error) {
	for _, address := range addresses {
		if address = address.Unmap(); address.Is4() {
			return address, nil
		}
	}
	return netip.Addr{}, errors.New("no IPv4 address")
}
