package names

import (
	"net/netip"
	"testing"
)

// TestNumbers compares every octet in every place, and every port, with netip's own text.
func TestNumbers(t *testing.T) {
	compare := func(endpoint netip.AddrPort) {
		t.Helper()
		var numbers *Resolver
		if got, want := string(numbers.AppendEndpoint(nil, endpoint, "tcp")), endpoint.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for place := range 4 {
		for octet := range 256 {
			octets := [4]byte{7, 45, 200, 0}
			octets[place] = byte(octet)
			compare(netip.AddrPortFrom(netip.AddrFrom4(octets), 80))
		}
	}
	for port := range 1 << 16 {
		compare(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)))
	}
	compare(netip.MustParseAddrPort("[2001:db8::1]:80"))
	compare(netip.MustParseAddrPort("[::1]:80"))
}

func TestNames(t *testing.T) {
	r := NewResolver()
	r.HostsFile = write(t, "10.0.0.1 four\n2001:db8::1 six\n")
	r.ServicesFile = write(t, "http 80/tcp\n")
	r.LookupAddress = fakeDNS{}.lookup
	for endpoint, want := range map[string]string{
		"10.0.0.1:80":        "four:http",
		"10.0.0.1:81":        "four:81",
		"10.0.0.2:80":        "10.0.0.2:http",
		"[2001:db8::1]:80":   "[six]:http",
		"[2001:db8::2]:81":   "[2001:db8::2]:81",
		"[::1.2.3.4]:80":     "[::1.2.3.4]:http", // as the C library writes it
		"[::0.2.3.4]:80":     "[::0.2.3.4]:http",
		"[::1.0.3.4]:80":     "[::1.0.3.4]:http",
		"[::3:4]:80":         "[::0.3.0.4]:http",
		"[::4]:80":           "[::4]:http",
		"[::ffff:1.2.3.4]:1": "[::ffff:1.2.3.4]:1",
	} {
		endpoint := netip.MustParseAddrPort(endpoint)
		r.ResolveAddresses(t.Context(), []netip.Addr{endpoint.Addr()})
		if got := string(r.AppendEndpoint(nil, endpoint, "tcp")); got != want {
			t.Errorf("%s: got %s, want %s", endpoint, got, want)
		}
	}
	if got := string(r.AppendEndpoint(nil, netip.MustParseAddrPort("10.0.0.1:80"), "")); got != "four:80" {
		t.Errorf("without a protocol: got %s", got)
	}
}

// BenchmarkAppendEndpoint writes the endpoints of connections as numbers.
func BenchmarkAppendEndpoint(b *testing.B) {
	var numbers *Resolver
	endpoints := make([]netip.AddrPort, 256)
	for i := range endpoints {
		octets := [4]byte{10, byte(i), byte(i * 7), byte(i * 31)}
		endpoints[i] = netip.AddrPortFrom(netip.AddrFrom4(octets), uint16(i*257))
	}
	text := make([]byte, 0, 64)
	for i := 0; b.Loop(); i++ {
		text = numbers.AppendEndpoint(text[:0], endpoints[i%len(endpoints)], "tcp")
	}
}
