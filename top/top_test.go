package top

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// table returns a service with a masqueraded server, one of weight 0 and one by direct routing, and a service without
// servers. The counters are n times what passes in a second.
func table(n uint64) []ipvs.Entry {
	server := func(address string, weight uint32, forwarding ipvs.Forwarding, rate uint64) ipvs.ListedDestination {
		return ipvs.ListedDestination{
			Destination:       ipvs.Destination{Address: netip.MustParseAddrPort(address), Weight: weight, Forwarding: forwarding, UpperThreshold: 5},
			ActiveConnections: uint32(rate), InactiveConnections: 1,
			Traffic: ipvs.Traffic{Totals: ipvs.Counters{
				Connections: n * rate, IncomingPackets: n * 10 * rate, OutgoingPackets: n * 20 * rate, IncomingBytes: n * 100 * rate, OutgoingBytes: n * 1000 * rate}},
		}
	}
	web := ipvs.Entry{Destinations: []ipvs.ListedDestination{
		server("10.0.0.1:80", 3, ipvs.Masquerading, 4), server("10.0.0.2:80", 0, ipvs.Masquerading, 0), server("10.0.0.3:80", 1, ipvs.DirectRouting, 1),
	}}
	web.ServiceID = ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
	web.Scheduler = "wrr"
	web.Totals = ipvs.Counters{Connections: n * 5, IncomingPackets: n * 50, OutgoingPackets: n * 80, IncomingBytes: n * 500, OutgoingBytes: n * 4000}
	mark := ipvs.Entry{}
	mark.ServiceID, mark.Scheduler = ipvs.MarkService(7, ipvs.IPv4), "rr"
	return []ipvs.Entry{web, mark}
}

func nobody(ipvs.ServiceID, netip.AddrPort) bool { return false }

// numbers returns the rates and shares of a line.
func numbers(l *Line) string {
	return fmt.Sprintln(l.Weight, l.WeightShare, l.TrafficShare, l.Active, l.Inactive, l.Connections, l.PacketsIn, l.PacketsOut, l.BitsIn, l.BitsOut, len(l.History))
}

func TestMonitor(t *testing.T) {
	m := NewMonitor(2 * time.Second)
	first := m.Add(begin, table(1), nobody)
	if got, want := numbers(&first[0].Servers[0]), "3 0.75 NaN 4 1 NaN NaN NaN NaN NaN 0\n"; got != want {
		t.Errorf("after one sample: %swant %s", got, want)
	}
	lines := m.Add(begin.Add(4*time.Second), table(5), func(_ ipvs.ServiceID, server netip.AddrPort) bool {
		return server.Port() == 80 && server.Addr().As4()[3] == 2
	})
	for i, want := range []string{
		"3 0.75 0.8 4 1 4 40 80 3200 32000 1\n",
		"0 0 0 0 1 0 0 0 0 0 1\n",
		"1 0.25 0.2 1 1 1 10 NaN 800 NaN 1\n", // replies of direct routing are unknown
	} {
		if got := numbers(&lines[0].Servers[i]); got != want {
			t.Errorf("server %d: %swant %s", i, got, want)
		}
	}
	if got, want := numbers(&lines[0]), "4 NaN NaN 5 3 5 50 80 4000 32000 1\n"; got != want {
		t.Errorf("the service: %swant %s", got, want)
	}
	if got, want := numbers(&lines[1]), "0 NaN NaN 0 0 0 0 NaN 0 NaN 1\n"; got != want {
		t.Errorf("the service without servers: %swant %s", got, want)
	}
	if s := lines[0].Servers; !s[0].OverThreshold || s[1].OverThreshold || s[2].OverThreshold || s[0].Drained || !s[1].Drained {
		t.Errorf("thresholds and drains: %+v", s)
	}
	zeroed := m.Add(begin.Add(6*time.Second), table(1), nobody)
	if got, want := numbers(&zeroed[0]), "4 NaN NaN 5 3 NaN NaN NaN NaN NaN 1\n"; got != want {
		t.Errorf("after counters were zeroed: %swant %s", got, want)
	}
	for i := range uint64(40) {
		lines = m.Add(begin.Add(time.Duration(8+2*i)*time.Second), table(i), nobody)
	}
	if got := len(lines[0].History); got != 30 {
		t.Errorf("a history of %d samples, want 30 in a minute", got)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 0.26: "0.3", 4: "4", 9.94: "9.9", 9.96: "10", 99_999: "99999", 99_999.6: "100K", 123_456: "123K", 999_499: "999K", 1_000_000: "1.0M",
		12_345_678: "12.3M", 123_456_789: "123M", 2.5e9: "2.5G", 1e12: "1.0T", 1e15: "1.0P", Unknown: "-",
	} {
		if got := count(n); got != want {
			t.Errorf("count(%v) is %s, want %s", n, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0", 0.333: "33", 1: "100", Unknown: "-"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%v) is %s, want %s", share, got, want)
		}
	}
	for n := 1.0; n < 1e17; n *= 1.07 {
		if got := count(n); len(got) > 5 {
			t.Errorf("count(%v) is %s", n, got)
		}
	}
}

func TestBar(t *testing.T) {
	for _, test := range []struct {
		history []float64
		want    string
	}{
		{nil, "     "},
		{[]float64{0, 0}, "     "},
		{[]float64{1, 2, 4, 8}, " ▁▂▄█"},
		{[]float64{9, 9, 8, 0, 0, 0, 8}, "█   █"},
	} {
		if got := bar(test.history, 5, []rune(Blocks)); got != test.want {
			t.Errorf("%v: %q, want %q", test.history, got, test.want)
		}
	}
	if got := bar([]float64{1, 8}, 3, []rune(Plain)); got != " .@" {
		t.Errorf("without UTF-8: %q", got)
	}
}

// newScreen returns a screen after two samples.
func newScreen() *Screen {
	m := NewMonitor(2 * time.Second)
	m.Add(begin, table(1), nobody)
	s := &Screen{Interval: 2 * time.Second, Sort: "name", UTF8: true, Status: "no findings", Name: func(l *Line) string {
		if l.IsService() {
			return l.Service.String()
		}
		return l.Server.String()
	}}
	s.Update(begin.Add(2*time.Second), m.Add(begin.Add(2*time.Second), table(3), nobody))
	return s
}

// names returns the first words of the lines below the headings.
func names(s *Screen) string {
	var all []string
	for _, line := range s.table(100, 20, false)[1:] {
		all = append(all, strings.TrimSpace(line[:20]))
	}
	return strings.Join(all, ", ")
}

func TestDraw(t *testing.T) {
	s := newScreen()
	want := []string{
		"ipvsadm top  03:04:07  every 2s  services: 2  servers: 3  sort: name",
		"SERVICE                      WEIGHT   W%   T% ACTIVE  INACT CONN/S LAST MINUTE",
		"TCP 192.0.2.1:80                  4    -    -      5      3      5               █",
		"  10.0.0.1:80                     3   75   80      4      1      4               █",
		"  10.0.0.2:80                     0    0    0      0      1      0",
		"  10.0.0.3:80                     1   25   20      1      1      1               █",
		"FWM 7                             0    -    -      0      0      0",
		"", "no findings",
	}
	got := s.Draw(82, 9)
	for i := range got {
		got[i] = strings.TrimRight(regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(got[i], ""), " ")
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("drawn:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDrawFits wants every screen to have its height, and no line wider than it.
func TestDrawFits(t *testing.T) {
	for _, change := range []func(*Screen){
		func(*Screen) {},
		func(s *Screen) { s.Help = true },
		func(s *Screen) { s.ShowDetails(strings.Split(strings.Repeat("details ", 30)+"\n", "\n")) },
		func(s *Screen) { s.Name = func(*Line) string { return strings.Repeat("ä-long-name.", 20) } },
		func(s *Screen) { s.Filter = "nothing" },
		func(s *Screen) { s.Colour, s.UTF8 = true, false },
	} {
		for _, width := range []int{20, 40, 80, 90, 120, 132, 200} {
			for _, height := range []int{4, 5, 24, 60} {
				s := newScreen()
				change(s)
				drawn := s.Draw(width, height)
				if len(drawn) != height {
					t.Errorf("%dx%d: %d lines", width, height, len(drawn))
				}
				for _, line := range drawn {
					if text := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(line, ""); len([]rune(text)) > width && width >= 80 {
						t.Errorf("%dx%d: %d columns: %q", width, height, len([]rune(text)), text)
					}
				}
			}
		}
	}
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		keys   string // with spaces between them
		action Action
		names  string
	}{
		{"", Nothing, "TCP 192.0.2.1:80, 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, FWM 7"},
		{"q", Quit, ""},
		{"\x03", Quit, ""},
		{"\x1a", Suspend, ""},
		{"c", ListConnections, ""},
		{"+", NewInterval, ""},
		{"\r", Nothing, "TCP 192.0.2.1:80 ..., FWM 7"},
		{"\r \r", Nothing, "TCP 192.0.2.1:80, 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, FWM 7"},
		{"j j \r", Nothing, "TCP 192.0.2.1:80 ..., FWM 7"},
		{"\x1b[B \x1b[A k \r", Nothing, "TCP 192.0.2.1:80 ..., FWM 7"},
		{"s", Nothing, "TCP 192.0.2.1:80, 10.0.0.1:80, 10.0.0.3:80, 10.0.0.2:80, FWM 7"},
		{"s S", Nothing, "TCP 192.0.2.1:80, 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, FWM 7"},
		{"/ f w m \r", Nothing, "FWM 7"},
		{"/ 0 . 3 \x7f 2 \r", Nothing, "TCP 192.0.2.1:80, 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80"},
		{"/ . 0 . 3 \r", Nothing, "TCP 192.0.2.1:80, 10.0.0.3:80"},
		{"/ x \x1b", Nothing, "TCP 192.0.2.1:80, 10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80, FWM 7"},
		{"/ q \r q", Quit, ""},
		{"? q", Nothing, ""}, // a key leaves the help
	} {
		s := newScreen()
		action := Nothing
		for key := range strings.SplitSeq(test.keys, " ") {
			action = s.Press([]byte(key), 24)
		}
		if action != test.action {
			t.Errorf("%q: action %d, want %d", test.keys, action, test.action)
		}
		if test.names == "" {
			continue
		}
		s.selected = key{}
		got := strings.ReplaceAll(regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(names(s), ""), "  ", "")
		if got != test.names {
			t.Errorf("%q: %s, want %s", test.keys, got, test.names)
		}
	}
}

func TestFreeze(t *testing.T) {
	s := newScreen()
	s.Press([]byte("f"), 24)
	s.Update(begin.Add(time.Hour), nil)
	if got := s.Draw(80, 24)[0]; !strings.Contains(got, "03:04:07") || !strings.HasSuffix(got, "FROZEN") || len(s.lines) != 2 {
		t.Errorf("frozen: %s", got)
	}
}

func TestWrite(t *testing.T) {
	s := newScreen()
	var text bytes.Buffer
	if err := s.WriteTable(&text, 0); err != nil || strings.Count(text.String(), "\n") != 9 || strings.Contains(text.String(), "\x1b") {
		t.Errorf("%v:\n%s", err, text.String())
	}
	text.Reset()
	if err := s.WriteJSON(&text); err != nil || strings.Count(text.String(), "\n") != 1 {
		t.Fatalf("%v: %s", err, text.String())
	}
	var document struct {
		Interval float64 `json:"interval_seconds"`
		Services []struct {
			Service string
			Servers []struct {
				Server      string
				Connections *float64 `json:"connections_per_second"`
				Outgoing    *float64 `json:"outgoing_bits_per_second"`
			}
		}
	}
	if err := json.Unmarshal(text.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	server := document.Services[0].Servers[2]
	if document.Interval != 2 || document.Services[1].Service != "fwm 7" || *server.Connections != 1 || server.Outgoing != nil {
		t.Errorf("%s", text.String())
	}
}

func TestCompare(t *testing.T) {
	if compare(1, 2) >= 0 || compare(Unknown, 0) >= 0 || compare(0, Unknown) <= 0 || compare(math.NaN(), Unknown) != 0 {
		t.Error("what is unknown must come before every number")
	}
}
