package names

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestValidHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Repeat(label+".", 3) + strings.Repeat("a", 61)
	for _, name := range []string{"a", "web-1.example.com", "under_score", "_dmarc.example.com", "1and1.com", "xn--bcher-kva", label, longest} {
		if !ValidHost(name) {
			t.Errorf("%q is valid", name)
		}
	}
	for _, name := range []string{
		"", ".", "a..b", ".a", "-w", "--weight", "a b", "a\x1b[2J", "b\u00fccher", "a/b", "a:80", "[a]", "a\n", "a$b", "\xff",
		label + "a", longest + "a", "10.0.0.1", "12345", "1.2.0x7f", "example.0x",
	} {
		if ValidHost(name) {
			t.Errorf("%q is not valid", name)
		}
	}
}

// answers is a DNS that knows some addresses.
type answers map[string][]string

func (a answers) lookup(_ context.Context, address netip.Addr) ([]string, error) {
	if names, ok := a[address.String()]; ok {
		return names, nil
	}
	return nil, errors.New("no such host")
}

func TestAddressName(t *testing.T) {
	r := NewResolver()
	r.HostsFile = write(t, "10.0.0.1 local\n10.0.0.2 -dash\n10.0.0.2 fine\n")
	r.LookupAddress = answers{
		"10.0.0.1":    {"wrong."},
		"10.0.0.2":    {"wrong."},
		"10.0.0.3":    {"dotted.example.com.", "second."},
		"10.0.0.4":    {"\x1b[31mred."},
		"10.0.0.5":    {},
		"2001:db8::1": {"six"},
	}.lookup

	var addresses []netip.Addr
	want := map[string]string{
		"10.0.0.1":    "local",
		"10.0.0.2":    "", // the first line counts, and is no valid name
		"10.0.0.3":    "dotted.example.com",
		"10.0.0.4":    "",
		"10.0.0.5":    "",
		"10.0.0.6":    "",
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

// The second time it is not waited for again.
func TestSilentResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver()
		r.HostsFile = ""
		r.LookupAddress = func(context.Context, netip.Addr) ([]string, error) {
			time.Sleep(time.Hour) // a context is not minded
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
		asked := make(chan netip.Addr, 100)
		r := NewResolver()
		r.HostsFile = ""
		r.Parallel = 7
		r.LookupAddress = func(_ context.Context, address netip.Addr) ([]string, error) {
			asked <- address
			time.Sleep(time.Millisecond)
			return nil, nil
		}
		go r.ResolveAddresses(t.Context(), manyAddresses(100))
		synctest.Wait()
		if len(asked) != 7 {
			t.Errorf("%d questions at once", len(asked))
		}
		time.Sleep(time.Second)
		if len(asked) != 100 {
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
		if len(r.addressNames) > maxRemembered+1024 {
			t.Fatalf("%d addresses remembered", len(r.addressNames))
		}
	}
}
