package format

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

func TestWithUnit(t *testing.T) {
	for _, test := range []struct {
		n    uint64
		unit string
		want string
	}{
		{0, "B", "0 B"},
		{999, "B", "999 B"},
		{1000, "B", "1.0 kB"},
		{1049, "B", "1.0 kB"},
		{1050, "B", "1.1 kB"},
		{1999, "", "2.0 k"},
		{1234567, "", "1.2 M"},
		{999_949, "", "999.9 k"},
		{999_950, "", "1.0 M"},
		{3_400_000_000, "b/s", "3.4 Gb/s"},
		{1<<64 - 1, "B", "18.4 EB"},
	} {
		var g grid
		if g.withUnit(test.n, test.unit); string(g.text) != test.want {
			t.Errorf("%d: %q, not %q", test.n, g.text, test.want)
		}
	}
}

func TestAlignedTable(t *testing.T) {
	busy := destination("10.0.0.11:8080", ipvs.Masquerading, 3)
	busy.ActiveConnections, busy.InactiveConnections = 1234, 5
	drained := destination("10.0.0.12:8080", ipvs.Masquerading, 0)
	drained.ActiveConnections = 2
	entry := ipvs.Entry{ListedService: service(ipvs.TCP, "192.0.2.80:80", "wrr", 0), Destinations: []ipvs.ListedDestination{busy, drained}}

	compare(t, `IP Virtual Server version 1.2.1 (size=4096)
SERVICE            SCHEDULER  FORWARDING    WEIGHT  ACTIVE  INACTIVE
tcp 192.0.2.80:80  wrr
  10.0.0.11:8080              masquerading       3    1234         5
  10.0.0.12:8080              masquerading       0       2         0
  total                                          3    1236         5
`, written(t, aligned{Options{}}, []ipvs.Entry{entry}))

	entry.Rates = ipvs.Counters{Connections: 1, IncomingPackets: 1200, IncomingBytes: 425_000_000}
	entry.Totals = ipvs.Counters{Connections: 1_200_000, IncomingPackets: 7, IncomingBytes: 1500, OutgoingBytes: 1 << 40}
	entry.Destinations = nil
	compare(t, `IP Virtual Server version 1.2.1 (size=4096)
SERVICE            SCHEDULER  CONNS  PKTS IN  PKTS OUT  BYTES IN  BYTES OUT  CONNS/S  PKTS/S IN  PKTS/S OUT  BITS/S IN  BITS/S OUT
tcp 192.0.2.80:80  wrr        1.2 M        7         0    1.5 kB     1.1 TB        1      1.2 k           0   3.4 Gb/s       0 b/s
`, written(t, aligned{Options{Stats: true, Rate: true}}, []ipvs.Entry{entry}))
	compare(t, `IP Virtual Server version 1.2.1 (size=4096)
SERVICE            SCHEDULER    CONNS  PKTS IN  PKTS OUT  BYTES IN      BYTES OUT  CONNS/S  PKTS/S IN  PKTS/S OUT  BYTES/S IN  BYTES/S OUT
tcp 192.0.2.80:80  wrr        1200000        7         0      1500  1099511627776        1       1200           0   425000000            0
`, written(t, aligned{Options{Stats: true, Rate: true, Exact: true}}, []ipvs.Entry{entry}))
}

func TestColours(t *testing.T) {
	full := destination("10.0.0.11:80", ipvs.DirectRouting, 1)
	full.UpperThreshold, full.ActiveConnections, full.InactiveConnections = 10, 7, 3
	nearly := destination("10.0.0.12:80", ipvs.DirectRouting, 1)
	nearly.UpperThreshold, nearly.ActiveConnections, nearly.InactiveConnections = 10, 7, 2
	drained := destination("10.0.0.13:80", ipvs.DirectRouting, 0)
	entry := ipvs.Entry{ListedService: service(ipvs.TCP, "192.0.2.80:80", "rr", 0), Destinations: []ipvs.ListedDestination{full, nearly, drained}}
	text := written(t, aligned{Options{Colour: true}}, []ipvs.Entry{entry})
	for _, want := range []string{"  \x1b[31m10.0.0.11:80\x1b[0m", "\n  10.0.0.12:80", "  \x1b[35m10.0.0.13:80\x1b[0m", " \x1b[35m0\x1b[0m ", "\x1b[1mWEIGHT\x1b[0m"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%q", want, text)
		}
	}
	if text := written(t, aligned{Options{}}, []ipvs.Entry{entry}); strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
	entry.Destinations = entry.Destinations[2:]
	if text := written(t, aligned{Options{Colour: true}}, []ipvs.Entry{entry}); strings.Count(text, " \x1b[35m0\x1b[0m ") != 2 {
		t.Errorf("a total weight of 0 without colour: %q", text)
	}
	opening := someConnection()
	opening.State = "SYN_RECV"
	var b strings.Builder
	if err := (aligned{Options{Colour: true}}).Connections(t.Context(), &b, stream([]ipvs.Connection{someConnection(), opening}, nil)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  ESTABLISHED  ", "  \x1b[35mSYN_RECV\x1b[0m  "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%q", want, b.String())
		}
	}
}

// TestGrowingColumns has a connection in the second chunk that is wider than all in the first chunk.
func TestGrowingColumns(t *testing.T) {
	connections := func(yield func(ipvs.Connection, error) bool) {
		c := ipvs.Connection{
			Protocol:    "TCP",
			State:       "ESTABLISHED",
			Expires:     90 * time.Second,
			Client:      netip.MustParseAddrPort("10.0.0.1:1"),
			Virtual:     netip.MustParseAddrPort("192.0.2.80:80"),
			Destination: netip.MustParseAddrPort("10.0.0.11:80"),
		}
		for range connectionChunk {
			if !yield(c, nil) {
				return
			}
		}
		c.Client = netip.MustParseAddrPort("[2001:db8::1]:1")
		for range 2 {
			if !yield(c, nil) {
				return
			}
		}
	}
	var b bytes.Buffer
	var a aligned
	if err := a.Connections(context.Background(), &b, connections); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(b.String(), "\n")
	for i, want := range map[int]string{
		0:                   "PROTOCOL  STATE        EXPIRES  CLIENT      SERVICE        SERVER",
		1:                   "tcp       ESTABLISHED    01:30  10.0.0.1:1  192.0.2.80:80  10.0.0.11:80",
		connectionChunk:     "tcp       ESTABLISHED    01:30  10.0.0.1:1  192.0.2.80:80  10.0.0.11:80",
		connectionChunk + 1: "tcp       ESTABLISHED    01:30  [2001:db8::1]:1  192.0.2.80:80  10.0.0.11:80",
		connectionChunk + 5: "ESTABLISHED          514",
	} {
		if rows[i] != want {
			t.Errorf("row %d: %q, not %q", i, rows[i], want)
		}
	}
}

// TestSummary wants the end of the list alone. The classic format has the same.
func TestSummary(t *testing.T) {
	for _, name := range []string{"table", "classic", ""} {
		var list, summary strings.Builder
		if err := (aligned{}).Connections(t.Context(), &list, stream(connections(), nil)); err != nil {
			t.Fatal(err)
		}
		format, err := New(name, Options{Summary: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := format.Connections(t.Context(), &summary, stream(connections(), nil)); err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(list.String(), "\n\n")
		if !strings.HasPrefix(want, "STATE ") {
			t.Fatalf("no summary in\n%s", list.String())
		}
		compare(t, want, summary.String())
	}
	broken := errors.New("broken")
	for _, format := range []Format{aligned{Options{Summary: true}}, jsonFormat{Options{Summary: true}}} {
		var b strings.Builder
		if err := format.Connections(t.Context(), &b, stream(connections(), broken)); !errors.Is(err, broken) || b.Len() > 0 {
			t.Errorf("%T: %v, %q", format, err, b.String())
		}
	}
}

// TestTallyOfNames has two servers with one name.
func TestTallyOfNames(t *testing.T) {
	names := resolver()
	names.LookupAddress = func(context.Context, netip.Addr) ([]string, error) { return []string{"pool.example."}, nil }
	var all []ipvs.Connection
	for _, server := range []string{"10.9.0.1:80", "10.9.0.2:80", "10.9.0.2:80"} {
		c := someConnection()
		c.Destination = netip.MustParseAddrPort(server)
		all = append(all, c)
	}
	var b strings.Builder
	if err := (aligned{Options{Resolver: names, Summary: true}}).Connections(t.Context(), &b, stream(all, nil)); err != nil {
		t.Fatal(err)
	}
	if want := "\ntcp pool.example:http            3\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

func minutes(d time.Duration) string {
	var r row
	r.minutes(d)
	return string(r.text)
}
