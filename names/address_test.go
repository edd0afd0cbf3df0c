package names

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// fakeDNS holds the host names of some addresses.
type fakeDNS map[string][]string

func (d fakeDNS) lookup(_ context.Context, address netip.Addr) ([]string, error) {
	if hosts, ok := d[address.String()]; ok {
		return hosts, nil
	}
	return nil, errors.New("no such host")
}

func TestAddressName(t *testing.T) {
	r := NewResolver()
	r.HostsFile = write(t, "10.0.0.1 local\n10.0.0.2 -dash\n10.0.0.2 fine\n10.0.0.7 dotted.\n10.0.0.8 twice..\n10.0.0.9 .\n")
	r.LookupAddress = fakeDNS{
		"10.0.0.1":    {"wrong."},
		"10.0.0.2":    {"wrong."},
		"10.0.0.3":    {"dotted.example.com.", "second."}, // every name in the DNS ends with a dot
		"10.0.0.4":    {"\x1b[31mred."},
		"10.0.0.5":    {},
		"2001:db8::1": {"six"},
	}.lookup

	var addresses []netip.Addr
	want := map[string]string{
		"10.0.0.1":    "local",
		"10.0.0.2":    "", // the first line counts, and its name is invalid
		"10.0.0.3":    "dotted.example.com",
		"10.0.0.4":    "",
		"10.0.0.5":    "",
		"10.0.0.6":    "",
		"10.0.0.7":    "dotted.", // as in the file
		"10.0.0.8":    "",
		"10.0.0.9":    "",
		"2001:db8::1": "six",
	}
	for address := range want {
		addresses = append(addresses, netip.MustParseAddr(address))
	}
	r.ResolveAddresses(t.Context(), addresses)
	for address, want := range want {
		if got, ok := r.AddressName(netip.MustParseAddr(address)); got != want || ok != (want != "") {
			t.Errorf("%s: got %q %v, want %q", address, got, ok, want)
		}
	}
}

// TestReversible uses a view and its resolver in turn. The view must not change the names that the resolver returns.
func TestReversible(t *testing.T) {
	r := NewResolver()
	r.HostsFile = write(t, "10.0.0.1 pair\n10.0.0.2 pair\n10.0.0.3 dotted.\n2001:db8::1 six\n")
	r.ServicesFile = write(t, "http 80/tcp\nhttp 8080/tcp\n")
	r.LookupAddress = fakeDNS{"10.0.0.4": {"elsewhere."}, "10.0.0.5": {"there."}}.lookup
	r.LookupIPv4 = func(_ context.Context, name string) ([]netip.Addr, error) {
		if name == "there" {
			return []netip.Addr{netip.MustParseAddr("10.0.0.5")}, nil
		}
		return nil, errors.New("no such host")
	}
	view := r.Reversible()
	for range 2 {
		for endpoint, want := range map[string][2]string{
			"10.0.0.1:80":      {"pair:http", "pair:http"},
			"10.0.0.2:8080":    {"pair:http", "10.0.0.2:8080"},
			"10.0.0.3:80":      {"dotted.:http", "dotted.:http"},
			"10.0.0.4:80":      {"elsewhere:http", "10.0.0.4:http"},
			"10.0.0.5:80":      {"there:http", "there:http"},
			"[2001:db8::1]:80": {"[six]:http", "[2001:db8::1]:http"}, // a name never stands for an IPv6 address
		} {
			endpoint := netip.MustParseAddrPort(endpoint)
			for i, resolver := range []*Resolver{r, view} {
				resolver.ResolveAddresses(t.Context(), []netip.Addr{endpoint.Addr()})
				if got := string(resolver.AppendEndpoint(nil, endpoint, "tcp")); got != want[i] {
					t.Errorf("%s: got %s, want %s", endpoint, got, want[i])
				}
			}
		}
	}
}

// TestReversibleAsksBack wants a view to look up the address of each name, and a plain resolver not to spend time on that.
func TestReversibleAsksBack(t *testing.T) {
	address := netip.MustParseAddr("10.0.0.5")
	asked := make(chan string, 10)
	r := NewResolver()
	r.HostsFile = ""
	r.LookupAddress = fakeDNS{"10.0.0.5": {"there."}}.lookup
	r.LookupIPv4 = func(_ context.Context, host string) ([]netip.Addr, error) {
		asked <- host
		return []netip.Addr{address}, nil
	}
	r.ResolveAddresses(t.Context(), []netip.Addr{address})
	if len(asked) != 0 {
		t.Errorf("the resolver asked for %s", <-asked)
	}
	view := r.Reversible()
	view.ResolveAddresses(t.Context(), []netip.Addr{address})
	if name, _ := view.AddressName(address); len(asked) != 1 || name != "there" {
		t.Errorf("the view asked %d times and has the name %q", len(asked), name)
	}
}

// TestSharedPatience lets a view wait for the DNS until patience ends. Then the resolver does not wait again.
func TestSharedPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver()
		r.HostsFile = ""
		r.LookupAddress = func(ctx context.Context, _ netip.Addr) ([]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		r.Reversible().ResolveAddresses(t.Context(), manyAddresses(1))
		r.ResolveAddresses(t.Context(), manyAddresses(2))
		if took := time.Since(start); took != patience {
			t.Errorf("took %v, want %v", took, patience)
		}
	})
}

func manyAddresses(count int) []netip.Addr {
	addresses := make([]netip.Addr, count)
	address := netip.MustParseAddr("10.0.0.0")
	for i := range addresses {
		addresses[i] = address
		address = address.Next()
	}
	return addresses
}

func TestEachAddressIsAskedOnce(t *testing.T) {
	asked := make(chan netip.Addr, 1000)
	r := NewResolver()
	r.HostsFile = ""
	r.LookupAddress = func(_ context.Context, address netip.Addr) ([]string, error) {
		asked <- address
		return nil, errors.New("no such host")
	}
	addresses := manyAddresses(200)
	r.ResolveAddresses(t.Context(), append(addresses, addresses...))
	r.ResolveAddresses(t.Context(), addresses)
	if len(asked) != 200 {
		t.Errorf("%d questions", len(asked))
	}
}

func TestSlowResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver()
		r.HostsFile = ""
		r.LookupAddress = func(context.Context, netip.Addr) ([]string, error) {
			time.Sleep(100 * time.Millisecond)
			return []string{"name."}, nil
		}
		start := time.Now()
		addresses := manyAddresses(300)
		r.ResolveAddresses(t.Context(), addresses)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		for _, address := range addresses {
			if name, _ := r.AddressName(address); name != "name" {
				t.Errorf("%s: got %q", address, name)
			}
		}
	})
}

// TestSilentResolver looks names up twice in a DNS that never answers. Only the first time waits.
func TestSilentResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver()
		r.HostsFile = ""
		r.LookupAddress = func(context.Context, netip.Addr) ([]string, error) {
			time.Sleep(time.Hour) // ignores the context
			return []string{"late"}, nil
		}
		start := time.Now()
		addresses := manyAddresses(300)
		r.ResolveAddresses(t.Context(), addresses[:150])
		r.ResolveAddresses(t.Context(), addresses[150:])
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if name, ok := r.AddressName(addresses[0]); ok {
			t.Errorf("got %q", name)
		}
		time.Sleep(2 * time.Hour) // until the late answers have come
	})
}

func TestBoundedQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const questions = 3 * maxLookups
		asked := make(chan netip.Addr, questions)
		r := NewResolver()
		r.HostsFile = ""
		r.LookupAddress = func(_ context.Context, address netip.Addr) ([]string, error) {
			asked <- address
			time.Sleep(time.Millisecond)
			return nil, nil
		}
		go r.ResolveAddresses(t.Context(), manyAddresses(questions))
		synctest.Wait()
		if len(asked) != maxLookups {
			t.Errorf("%d questions at once", len(asked))
		}
		time.Sleep(time.Second)
		if len(asked) != questions {
			t.Errorf("%d questions", len(asked))
		}
	})
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := NewResolver()
	r.HostsFile = ""
	r.LookupAddress = func(ctx context.Context, _ netip.Addr) ([]string, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r.ResolveAddresses(ctx, manyAddresses(3))
}

func TestMemoryIsBounded(t *testing.T) {
	r := NewResolver()
	r.HostsFile = ""
	r.LookupAddress = func(context.Context, netip.Addr) ([]string, error) { return nil, nil }
	addresses := manyAddresses(3 * maxRemembered)
	for i := 0; i < len(addresses); i += 1024 {
		r.ResolveAddresses(t.Context(), addresses[i:i+1024])
		if len(r.memory.hostNames) > maxRemembered+1024 {
			t.Fatalf("%d addresses remembered", len(r.memory.hostNames))
		}
	}
}
