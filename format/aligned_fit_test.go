package format

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// everyKind returns services and servers of all kinds, with traffic.
func everyKind() []ipvs.Entry {
	all := slices.Concat(entries(), everything())
	ipvs.Sort(all)
	for i := range all {
		for j := range all[i].Destinations {
			d := &all[i].Destinations[j]
			d.ActiveConnections, d.InactiveConnections = uint32(100*i*j), uint32(3*j)
			d.Totals = ipvs.Counters{Connections: uint64(1000 * i * j), IncomingPackets: uint64(80_000 * j), IncomingBytes: uint64(1_500_000 * i)}
		}
	}
	return all
}

// TestFitted compares tables on terminals with golden ones, which were read on such terminals. A table that fits is as in
// a pipe.
func TestFitted(t *testing.T) {
	for name, options := range map[string]Options{
		"aligned-80":        {Width: 80},
		"aligned-120":       {Width: 120},
		"aligned-80-stats":  {Width: 80, Stats: true},
		"aligned-120-stats": {Width: 120, Stats: true, Rate: true},
	} {
		t.Run(name, func(t *testing.T) { compare(t, golden(t, name), written(t, aligned{options}, everyKind())) })
	}
	compare(t, written(t, aligned{}, everyKind()), written(t, aligned{Options{Width: 200}}, everyKind()))
}

// TestLongServer has a server whose address leaves no room: its values stand on the next line, and the other servers keep
// their columns.
func TestLongServer(t *testing.T) {
	entry := ipvs.Entry{ListedService: persistent(service(ipvs.TCP, "192.0.2.80:80", "wlc", 0), 300*time.Second, ipvs.Netmask{}),
		Destinations: []ipvs.ListedDestination{
			destination("10.0.0.11:8080", ipvs.Masquerading, 1),
			tunnelled("[2001:db8:1111:2222:3333:4444:5555:6666]:8080", ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Checksum: ipvs.RemoteChecksum}),
		}}
	compare(t, `IP Virtual Server version 1.2.1 (size=4096)
SERVICE  SCHEDULER  PERSISTENCE
  SERVER                  FWD              WEIGHT ACT INACT PERS
tcp 192.0.2.80:80  wlc  persistent 300 s
  10.0.0.11:8080          masq                  1   0     0    0
  [2001:db8:1111:2222:3333:4444:5555:6666]:8080
                          gue 6080 remcsum      1   0     0    0
  total                                         2   0     0    0
Fitted to 64 columns. To see everything in full, add: | less -S
`, written(t, aligned{Options{Width: 64}}, []ipvs.Entry{entry}))
}

// TestFittedConnections has connections that do not fit beside each other.
func TestFittedConnections(t *testing.T) {
	all := connections()
	var b strings.Builder
	format := aligned{Options{Width: 70}}
	if err := format.Connections(t.Context(), &b, stream([]ipvs.Connection{all[0], all[7]}, nil)); err != nil {
		t.Fatal(err)
	}
	list, _, _ := strings.Cut(b.String(), "\n\n")
	compare(t, `PROTO STATE       EXPIRES CLIENT              SERVICE
    SERVER
tcp   ESTABLISHED   14:59 10.0.0.1:32769      10.1.0.1:80
    10.0.0.3:80
tcp   ESTABLISHED   14:59 [2001:db8::1]:32769 [2001:db8::2]:80
    [2001:db8::3]:80
Fitted to 70 columns. To see everything in full, add: | less -S`, list)
}

// FuzzFitted lists random tables, connections and daemons on terminals of any width: no line is wider, and every server
// is there.
func FuzzFitted(f *testing.F) {
	for width := uint8(1); width < 250; width += 7 {
		f.Add(width, uint64(width))
	}
	f.Fuzz(func(t *testing.T, width uint8, seed uint64) {
		if width == 0 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 0))
		yes := func() bool { return r.IntN(2) == 0 }
		options := Options{Width: int(width), Stats: yes(), Rate: yes(), Exact: yes(), PersistentConnections: yes(), Colour: yes()}
		if yes() {
			options.Resolver = resolver()
			options.Resolver.LookupAddress = func(_ context.Context, address netip.Addr) ([]string, error) {
				if address.As16()[15]%2 == 0 {
					return nil, errors.New("no name")
				}
				return []string{strings.Repeat("a-very-long-label.", 1+int(address.As16()[14]%5)) + "example."}, nil
			}
		}
		format, err := New("table", options)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		table := randomEntries(r)
		for _, err := range []error{
			format.Table(t.Context(), &b, someInfo, ipvs.Each(table...)),
			format.Connections(t.Context(), &b, stream(randomConnections(r), nil)),
			format.Timeouts(&b, ipvs.Timeouts{TCP: time.Duration(r.Uint32()) * time.Second}),
			format.Daemons(&b, []ipvs.Daemon{{State: ipvs.Master, Interface: "eth0", Group: randomAddress(r), Port: 8848}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		text := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(b.String(), "")
		for line := range strings.Lines(text) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > max(int(width), narrowest) {
				t.Errorf("%+v: this line has %d columns: %q", options, len(line), line)
			}
		}
		if width < 60 || options.Resolver != nil { // narrower terminals break addresses
			return
		}
		for _, entry := range table {
			for _, d := range entry.Destinations {
				if !strings.Contains(text, "  "+string(options.Resolver.AppendEndpoint(nil, d.Address, ""))) {
					t.Errorf("%+v: no server %s in\n%s", options, d.Address, text)
				}
			}
		}
	})
}

func randomAddress(r *rand.Rand) netip.Addr {
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:8], r.Uint64())
	binary.BigEndian.PutUint64(octets[8:], r.Uint64()>>(r.IntN(64)))
	return netip.AddrFrom16(octets)
}

func randomEndpoint(r *rand.Rand) netip.AddrPort {
	return netip.AddrPortFrom(randomAddress(r), uint16(r.Uint32()))
}

func randomEntries(r *rand.Rand) []ipvs.Entry {
	kinds := everyKind()
	var all []ipvs.Entry
	for range r.IntN(5) {
		entry := kinds[r.IntN(len(kinds))]
		entry.Destinations = nil
		for range r.IntN(5) {
			d := destination(randomEndpoint(r).String(), ipvs.Forwarding(r.IntN(5)), r.Uint32()>>r.IntN(32))
			d.UpperThreshold, d.ActiveConnections = r.Uint32()>>r.IntN(64), r.Uint32()>>r.IntN(32)
			d.Tunnel = ipvs.Tunnel{Type: ipvs.TunnelType(r.IntN(4)), Port: uint16(r.Uint32()), Checksum: ipvs.TunnelChecksum(r.IntN(4))}
			d.Totals.IncomingBytes, d.Rates.IncomingBytes = r.Uint64()>>r.IntN(64), r.Uint64()>>r.IntN(64)
			entry.Destinations = append(entry.Destinations, d)
		}
		all = append(all, entry)
	}
	return all
}

func randomConnections(r *rand.Rand) []ipvs.Connection {
	var all []ipvs.Connection
	for range r.IntN(5) {
		all = append(all, ipvs.Connection{
			Protocol: "TCP", State: "ESTABLISHED", Expires: time.Duration(r.Uint32()) * time.Second,
			Client: randomEndpoint(r), Virtual: randomEndpoint(r), Destination: randomEndpoint(r),
			Engine: "sip", EngineData: fmt.Sprintf("%0*d", 1+r.IntN(200), 0),
		})
	}
	return all
}
