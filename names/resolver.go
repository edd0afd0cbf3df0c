// Package names turns addresses and ports into names and back, with the hosts file, the DNS and the services file.
//
// A listing looks up all host names at once and then reads each from memory:
//
//	resolver := names.NewResolver()
//	resolver.ResolveAddresses(ctx, addresses)
//	name, ok := resolver.AddressName(address)
package names

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Resolver looks names up and remembers the results. Only one goroutine may use it at a time. Tests replace its fields
// before the first lookup.
type Resolver struct {
	HostsFile    string
	ServicesFile string

	// LookupIPv4 and LookupAddress ask the DNS.
	LookupIPv4    func(ctx context.Context, host string) ([]netip.Addr, error)
	LookupAddress func(ctx context.Context, address netip.Addr) (hosts []string, err error)

	reversible bool    // leave out what does not read back
	memory     *memory // shared with views
}

// memory holds what a resolver has learned.
type memory struct {
	hostsFile     *hostsFile            // nil before it is read
	servicesFile  *servicesFile         // nil before it is read
	hostNames     map[netip.Addr]string // empty for an address without a name
	hostAddresses map[string]hostAddress
	waited        time.Duration // for the DNS
}

// NewResolver returns a Resolver that uses this machine's files and DNS.
func NewResolver() *Resolver {
	return &Resolver{
		HostsFile:    "/etc/hosts",
		ServicesFile: "/etc/services",
		LookupIPv4: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		},
		LookupAddress: func(ctx context.Context, address netip.Addr) ([]string, error) {
			return net.DefaultResolver.LookupAddr(ctx, address.String())
		},
		memory: &memory{
			hostNames:     make(map[netip.Addr]string),
			hostAddresses: make(map[string]hostAddress),
		},
	}
}

// Reversible returns a view of the resolver that leaves out each name that does not read back as the same address or
// port. The view and the resolver share one memory. The resolver itself keeps all names.
func (r *Resolver) Reversible() *Resolver {
	view := *r
	view.reversible = true
	return &view
}
