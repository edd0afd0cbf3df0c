package format

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"ipvsadm/ipvs"
)

func TestTable(t *testing.T) {
	for columns, name := range map[Columns]string{
		Summary:               "summary",
		Totals:                "stats",
		Rates:                 "rate",
		Thresholds:            "thresholds",
		PersistentConnections: "persistent-conn",
		TunnelInfo:            "tun-info",
	} {
		t.Run(name, func(t *testing.T) {
			table := Table{Columns: columns}
			compare(t, golden(t, name), listing(t, &table))

			table.Names = resolver()
			compare(t, golden(t, name+"-names"), listing(t, &table))
		})
	}
}

func listing(t *testing.T, table *Table) string {
	t.Helper()
	var b strings.Builder
	if err := Version(&b, ipvs.Info{Version: 0x010201, ConnectionTableSize: 4096}); err != nil {
		t.Fatal(err)
	}
	return b.String() + written(t, table, entries())
}

func written(t *testing.T, table *Table, entries []ipvs.Entry) string {
	t.Helper()
	ipvs.SortTable(entries)
	var b strings.Builder
	if err := table.Write(context.Background(), &b, ipvs.Each(entries...)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// No kernel gives these easily. The original's lines were obtained by rewriting the attributes of the kernel's
// messages before it saw them, but for the first column of the first line, where it prints a negative number.
func TestExtremeNumbers(t *testing.T) {
	server := destination("10.0.0.1:80", ipvs.Masquerading, math.MaxUint32)
	server.UpperThreshold, server.LowerThreshold = math.MaxUint32, math.MaxUint32
	server.ActiveConnections, server.InactiveConnections = math.MaxUint32, math.MaxUint32
	server.PersistentConnections = math.MaxUint32

	for columns, want := range map[Columns]string{
		Summary:               "  -> 10.0.0.1:80                  Masq    4294967295 4294967295 4294967295\n",
		Thresholds:            "  -> 10.0.0.1:80                  4294967295 4294967295 4294967295 4294967295\n",
		PersistentConnections: "  -> 10.0.0.1:80                  4294967295 4294967295  4294967295 4294967295\n",
		TunnelInfo:            "  -> 10.0.0.1:80                  Masq    n/a           4294967295 4294967295 4294967295\n",
	} {
		s := service(ipvs.TCP, "10.1.0.1:80", "abcdefghijklmnop", 0)
		got := written(t, &Table{Columns: columns}, []ipvs.Entry{{ListedService: s, Destinations: []ipvs.ListedDestination{server}}})
		compare(t, headings[columns]+"TCP  10.1.0.1:80 abcdefghijklmnop\n"+want, got)
	}
}

func TestForwardingWords(t *testing.T) {
	for forwarding, want := range map[ipvs.Forwarding]string{
		ipvs.LocalNode: "Local", ipvs.Bypass: "Bypass", 7: "7",
	} {
		if got := forwardingWord(forwarding); got != want {
			t.Errorf("%d: got %q, want %q", forwarding, got, want)
		}
	}
}

// What only a newer kernel could say.
func TestUnknownTunnel(t *testing.T) {
	for want, tunnel := range map[string]ipvs.Tunnel{
		"n/a":      {Type: 3},
		"gue:80:4": {Type: ipvs.GUE, Port: 80, Checksum: 4},
		"gre:3":    {Type: ipvs.GRE, Checksum: 3},
	} {
		d := tunnelled("10.0.0.1:80", tunnel)
		if got := string(appendTunnel(nil, &d)); got != want {
			t.Errorf("%+v: got %q, want %q", tunnel, got, want)
		}
	}
}

// Differences 1 and 2: addresses and marks are in numeric order, and a mark is never negative.
func TestOrder(t *testing.T) {
	s := service(ipvs.TCP, "192.168.0.1:80", "rr", 0)
	s.Protocol = 47
	got := written(t, &Table{}, []ipvs.Entry{
		{ListedService: markService(4000000000, ipvs.IPv6, "rr")},
		{ListedService: markService(4000000000, ipvs.IPv4, "rr")},
		{ListedService: markService(5, ipvs.IPv6, "rr")},
		{ListedService: service(ipvs.TCP, "200.0.0.1:80", "rr", 0), Destinations: []ipvs.ListedDestination{
			destination("200.0.0.1:80", ipvs.LocalNode, 1),
			destination("10.0.0.1:80", ipvs.Masquerading, 1),
		}},
		{ListedService: s},
		{ListedService: service(ipvs.TCP, "10.0.0.1:80", "rr", 0)},
		{ListedService: service(ipvs.TCP, "10.0.0.1:9", "rr", 0)},
	})
	compare(t, headings[Summary]+`TCP  10.0.0.1:9 rr
TCP  10.0.0.1:80 rr
TCP  200.0.0.1:80 rr
  -> 10.0.0.1:80                  Masq    1      0          0         
  -> 200.0.0.1:80                 Local   1      0          0         
?    192.168.0.1:80 rr
FWM  5 IPv6 rr
FWM  4000000000 rr
FWM  4000000000 IPv6 rr
`, got)
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(p []byte) (int, error) {
	d.room--
	if d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFailedWrite(t *testing.T) {
	for room := range 3 {
		err := (&Table{}).Write(context.Background(), &fullDisk{room}, ipvs.Each(entries()...))
		if !errors.Is(err, errFull) {
			t.Errorf("after %d writes: got error %v", room, err)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	entries := entries()
	for b.Loop() {
		if err := (&Table{}).Write(context.Background(), discard{}, ipvs.Each(entries...)); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
