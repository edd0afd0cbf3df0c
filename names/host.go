package names

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
)

// LookupHost returns the IPv4 address of a host, the first in the hosts file or else the first in the DNS. As in the
// original a name never stands for an IPv6 address.
func (r *Resolver) LookupHost(ctx context.Context, name string) (netip.Addr, error) {
	r.ResolveHosts(ctx, []string{name})
	known := r.memory.hosts[name]
	return known.address, known.err
}

// ResolveHosts looks up the addresses of all the hosts, side by side and each once, for LookupHost to return.
func (r *Resolver) ResolveHosts(ctx context.Context, names []string) {
	memory := r.learned()
	if memory.hosts == nil {
		memory.hosts = make(map[string]host)
	}
	var unknown []string
	for _, name := range names {
		if _, ok := memory.hosts[name]; ok {
			continue
		}
		address, ok := r.readHosts().addresses[strings.ToLower(name)]
		if ok {
			memory.hosts[name] = host{address: address}
			continue
		}
		memory.hosts[name] = host{err: fmt.Errorf("host %s: the DNS did not answer in time", name)}
		unknown = append(unknown, name)
	}
	if len(unknown) == 0 {
		return
	}

	ctx, done := r.patience(ctx)
	defer done()
	for answer := range sideBySide(ctx, r.Parallel, unknown, r.LookupIPv4) {
		memory.hosts[answer.question] = firstIPv4(answer)
	}
}

func firstIPv4(answer answer[string, []netip.Addr]) host {
	if answer.err != nil {
		return host{err: fmt.Errorf("host %s: %w", answer.question, answer.err)}
	}
	for _, address := range answer.value {
		if address = address.Unmap(); address.Is4() {
			return host{address: address}
		}
	}
	return host{err: fmt.Errorf("host %s: no IPv4 address", answer.question)}
}
