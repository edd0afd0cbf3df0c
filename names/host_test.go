package names

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestLookupHost(t *testing.T) {
	failure := errors.New("no such host")
	r := NewResolver()
	r.HostsFile = write(t, "2001:db8::1 six both\n10.0.0.1 both Case\n")
	r.LookupIPv4 = func(_ context.Context, name string) ([]netip.Addr, error) {
		switch name {
		case "dns":
			return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.2"), netip.MustParseAddr("10.0.0.3")}, nil
		case "empty":
			return nil, nil
		default:
			return nil, failure
		}
	}
	r.ResolveHosts(t.Context(), []string{"both", "dns", "nowhere", "dns"})

	for name, want := range map[string]string{"both": "10.0.0.1", "CASE": "10.0.0.1", "dns": "10.0.0.2"} {
		if got, err := r.LookupHost(t.Context(), name); err != nil || got != netip.MustParseAddr(want) {
			t.Errorf("%s: got %v, error %v, want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"six", "nowhere"} {
		if got, err := r.LookupHost(t.Context(), name); !errors.Is(err, failure) {
			t.Errorf("%s: got %v, error %v", name, got, err)
		}
	}
	if got, err := r.LookupHost(t.Context(), "empty"); err == nil {
		t.Errorf("empty: got %v", got)
	}
}

func TestSilentHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewResolver()
		r.HostsFile = ""
		r.LookupIPv4 = func(context.Context, string) ([]netip.Addr, error) {
			time.Sleep(time.Hour)
			return nil, nil
		}
		start := time.Now()
		if address, err := r.LookupHost(t.Context(), "host"); err == nil {
			t.Errorf("got %v", address)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		time.Sleep(2 * time.Hour) // until the late answer has come
	})
}
