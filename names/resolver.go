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

	// Parallel is how many questions may wait for an answer at once.
	Parallel int

	reversibleOnly bool
	memory         *memory // of a resolver and its views; nil before the first look-up
}

// memory is what a resolver has learned so far.
type memory struct {
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

// Reversible returns a view of the resolver that has only those names that read back as the same address or port. It
// shares what the resolver has learned and the patience that is left; the resolver itself keeps all names.
func (r *Resolver) Reversible() *Resolver {
	r.learned()
	view := *r
	view.reversibleOnly = true
	return &view
}

func (r *Resolver) learned() *memory {
	if r.memory == nil {
		r.memory = new(memory)
	}
	return r.memory
}

// patience returns a context that ends with what is left of Patience, and a function that accounts for the time since.
func (r *Resolver) patience(ctx context.Context) (context.Context, func()) {
	start, memory := time.Now(), r.learned()
	ctx, cancel := context.WithTimeout(ctx, r.Patience-memory.waited)
	return ctx, func() {
		cancel()
		memory.waited += time.Since(start)
	}
}
