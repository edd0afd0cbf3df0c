// Package names turns addresses and ports into names and back, by the hosts file, the DNS and the services file.
//
// A listing asks for every name it needs at once and then looks each up in memory:
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

// Resolver looks names up and remembers what it was told. Its fields may be changed before the first look-up. It is
// for one goroutine; the look-ups that it makes side by side are its own affair.
type Resolver struct {
	HostsFile    string // read once, when first needed
	ServicesFile string // read once, when first needed

	// LookupIPv4 and LookupAddress ask the DNS. The context bounds them, and what they return later is not used.
	LookupIPv4    func(ctx context.Context, name string) ([]netip.Addr, error)
	LookupAddress func(ctx context.Context, address netip.Addr) ([]string, error)

	// Patience is how long all look-ups together may wait for the DNS. What is not known by then has no name, so
	// that a resolver which never answers costs a listing this long and no more.
	Patience time.Duration

	// ReversibleOnly keeps to names that read back as the address or port they were given for.
	ReversibleOnly bool

	// Parallel is how many questions may wait for an answer at once.
	Parallel int

	waited       time.Duration // of Patience
	hostsFile    *hosts
	servicesFile *services
	addressNames map[netip.Addr]string // empty for an address without a name
	hosts        map[string]host
}

type host struct {
	address netip.Addr
	err     error
}

// NewResolver returns a Resolver of this machine's files and DNS.
func NewResolver() *Resolver {
	return &Resolver{
		HostsFile:    "/etc/hosts",
		ServicesFile: "/etc/services",
		LookupIPv4: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
		},
		LookupAddress: func(ctx context.Context, address netip.Addr) ([]string, error) {
			return net.DefaultResolver.LookupAddr(ctx, address.String())
		},
		Patience: 4500 * time.Millisecond,
		Parallel: 64,
	}
}

// patience returns a context that ends with what is left of Patience, and a function that accounts for the time since.
func (r *Resolver) patience(ctx context.Context) (context.Context, func()) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, r.Patience-r.waited)
	return ctx, func() {
		cancel()
		r.waited += time.Since(start)
	}
}
