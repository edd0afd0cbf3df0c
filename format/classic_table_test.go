package format

import (
	"errors"
	"math"
	"strings"
	"testing"

	"ipvsadm/ipvs"
)

// inColumns holds the options that choose each set of columns.
var inColumns = map[columns]Options{
	summaryColumns:    {},
	statsColumns:      {Stats: true},
	rateColumns:       {Rate: true},
	thresholdColumns:  {Thresholds: true},
	persistentColumns: {PersistentConnections: true},
	tunnelColumns:     {TunnelInfo: true},
}

func TestClassicTable(t *testing.T) {
	for name, columns := range map[string]columns{
		"summary":         summaryColumns,
		"stats":           statsColumns,
		"rate":            rateColumns,
		"thresholds":      thresholdColumns,
		"persistent-conn": persistentColumns,
		"tun-info":        tunnelColumns,
	} {
		t.Run(name, func(t *testing.T) {
			options := inColumns[columns]
			compare(t, golden(t, name), written(t, classic{options}, entries()))

			options.Resolver = resolver()
			compare(t, golden(t, name+"-names"), written(t, classic{options}, entries()))
		})
	}
}

// TestFirstColumnsWin wants the original's order of precedence among options that choose columns.
func TestFirstColumnsWin(t *testing.T) {
	options := Options{Stats: true, Rate: true, Thresholds: true, PersistentConnections: true, TunnelInfo: true}
	for _, step := range []struct {
		want columns
		drop *bool
	}{
		{statsColumns, &options.Stats},
		{rateColumns, &options.Rate},
		{thresholdColumns, &options.Thresholds},
		{persistentColumns, &options.PersistentConnections},
		{tunnelColumns, &options.TunnelInfo},
		{summaryColumns, new(bool)},
	} {
		if got := (classic{options}).chosenColumns(); got != step.want {
			t.Errorf("%+v: columns %d, want %d", options, got, step.want)
		}
		*step.drop = false
	}
}

var someInfo = ipvs.Info{Version: 0x010201, ConnectionTableSize: 4096}

// written returns what a format writes for a sorted table.
func written(t *testing.T, format Format, entries []ipvs.Entry) string {
	t.Helper()
	ipvs.Sort(entries)
	var b strings.Builder
	if err := format.Table(t.Context(), &b, someInfo, ipvs.Each(entries...)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ofOneService returns what the classic format writes for one service, without a line for the version.
func ofOneService(t *testing.T, options Options, entries ...ipvs.Entry) string {
	t.Helper()
	options.OneService = true
	return written(t, classic{options}, entries)
}

// TestExtremeNumbers has numbers that kernels seldom send. The lines are the original's, made as in TestCounter, except for
// the weight in the first line, which the original prints as a negative number.
func TestExtremeNumbers(t *testing.T) {
	server := destination("10.0.0.1:80", ipvs.Masquerading, math.MaxUint32)
	server.UpperThreshold, server.LowerThreshold = math.MaxUint32, math.MaxUint32
	server.ActiveConnections, server.InactiveConnections = math.MaxUint32, math.MaxUint32
	server.PersistentConnections = math.MaxUint32

	for columns, want := range map[columns]string{
		summaryColumns:    "  -> 10.0.0.1:80                  Masq    4294967295 4294967295 4294967295\n",
		thresholdColumns:  "  -> 10.0.0.1:80                  4294967295 4294967295 4294967295 4294967295\n",
		persistentColumns: "  -> 10.0.0.1:80                  4294967295 4294967295  4294967295 4294967295\n",
		tunnelColumns:     "  -> 10.0.0.1:80                  Masq    n/a           4294967295 4294967295 4294967295\n",
	} {
		s := service(ipvs.TCP, "10.1.0.1:80", "abcdefghijklmnop", 0)
		got := ofOneService(t, inColumns[columns], ipvs.Entry{ListedService: s, Destinations: []ipvs.ListedDestination{server}})
		compare(t, headings[columns]+"TCP  10.1.0.1:80 abcdefghijklmnop\n"+want, got)
	}
}

func TestForwardingWords(t *testing.T) {
	for forwarding, want := range map[ipvs.Forwarding]string{
		ipvs.Masquerading: " Masq   ", ipvs.LocalNode: " Local  ", ipvs.Tunneling: " Tunnel ",
		ipvs.DirectRouting: " Route  ", ipvs.Bypass: " Bypass ", 7: " 7      ",
	} {
		var r row
		if addForwarding(&r, forwarding); string(r.text) != want {
			t.Errorf("%d: got %q, want %q", forwarding, r.text, want)
		}
	}
}

// TestUnknownTunnel has tunnels that only a newer kernel could send.
func TestUnknownTunnel(t *testing.T) {
	for want, tunnel := range map[string]ipvs.Tunnel{
		"n/a":      {Type: 3},
		"gue:80:4": {Type: ipvs.GUE, Port: 80, Checksum: 4},
		"gre:3":    {Type: ipvs.GRE, Checksum: 3},
	} {
		d := tunnelled("10.0.0.1:80", tunnel)
		var r row
		if addTunnel(&r, &d); string(r.text) != want {
			t.Errorf("%+v: got %q, want %q", tunnel, r.text, want)
		}
	}
}

// TestOrder wants addresses and marks in numeric order, and no negative mark (differences 1 and 2).
func TestOrder(t *testing.T) {
	s := service(ipvs.TCP, "192.168.0.1:80", "rr", 0)
	s.Protocol = 47
	got := ofOneService(t, Options{}, []ipvs.Entry{
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
	}...)
	compare(t, headings[summaryColumns]+`TCP  10.0.0.1:9 rr
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
	for room := range 4 {
		err := classic{}.Table(t.Context(), &fullDisk{room}, someInfo, ipvs.Each(entries()...))
		if !errors.Is(err, errFull) {
			t.Errorf("after %d writes: got error %v", room, err)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	entries := entries()
	for b.Loop() {
		if err := (classic{}).Table(b.Context(), discard{}, someInfo, ipvs.Each(entries...)); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
