package check

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ipvsadm/ipvs"
)

// names lists findings, such as "error no-server tcp 192.0.2.1:80".
func names(findings []Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, fmt.Sprintf("%s %s %s", f.Severity, f.Name, f.Object))
	}
	return strings.Join(all, "; ")
}

// run applies the rule of a name.
func run(t *testing.T, name string, s *Snapshot) string {
	t.Helper()
	rule, err := RuleNamed(name, Director())
	if err != nil {
		t.Fatal(err)
	}
	return names(Run(s, []Rule{rule}, nil).Findings)
}

func TestReuseDelay(t *testing.T) {
	for _, test := range []struct{ release, conntrack, mode, want string }{
		{"5.8.18-generic", "1", "1", "warning reuse-delay net.ipv4.vs.conn_reuse_mode"},
		{"4.19.0", "1", "1", "warning reuse-delay net.ipv4.vs.conn_reuse_mode"},
		{"4.19.0", "0", "1", ""},
		{"4.19.0", "1", "0", ""},
		{"5.9.0", "1", "1", ""},
		{"5.10.0-8", "1", "1", ""},
		{"6.1.0", "1", "1", ""},
	} {
		s := &Snapshot{Settings: Settings{osRelease: test.release, conntrack: test.conntrack, reuseMode: test.mode}}
		if got := run(t, "reuse-delay", s); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestTableSmall(t *testing.T) {
	for connections, want := range map[int]string{8 * 4096: "", 8*4096 + 1: "warning table-small ip_vs"} {
		s := &Snapshot{Info: ipvs.Info{ConnectionTableSize: 4096}, Connections: Connections{Total: connections}}
		if got := run(t, "table-small", s); got != want {
			t.Errorf("%d connections: %q", connections, got)
		}
	}
}

// TestConntrackFull checks the warning. The error is tested in a live network.
func TestConntrackFull(t *testing.T) {
	for count, want := range map[string]string{"89": "", "90": "warning conntrack-full net.netfilter.nf_conntrack_max"} {
		s := &Snapshot{Settings: Settings{conntrackCount: count, conntrackMax: "100"}}
		if got := run(t, "conntrack-full", s); got != want {
			t.Errorf("%s of 100: %q", count, got)
		}
	}
}

func TestVIPNotLocal(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.1")
	table := []ipvs.Entry{{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: web(1)}}}}
	const name = " vip-not-local tcp 192.0.2.1:80"
	for what, test := range map[string]struct {
		snapshot Snapshot
		want     string
	}{
		"elsewhere":   {Snapshot{Routes: map[netip.Addr]Route{vip: {Kind: RouteUnicast}}}, "error" + name},
		"no route":    {Snapshot{Routes: map[netip.Addr]Route{vip: {Kind: RouteNone}}}, "error" + name},
		"local route": {Snapshot{Routes: map[netip.Addr]Route{vip: {Kind: RouteLocal}}}, ""},
		"stands by": {Snapshot{Routes: map[netip.Addr]Route{vip: {Kind: RouteUnicast}},
			Programs: []Program{{Name: "keepalived"}}}, ""},
		"backup": {Snapshot{Routes: map[netip.Addr]Route{vip: {Kind: RouteUnicast}},
			Daemons: []ipvs.Daemon{{State: ipvs.Backup}}}, "warning" + name},
		"address": {Snapshot{Addresses: []Address{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}}}, ""},
	} {
		test.snapshot.Table = table
		if got := run(t, "vip-not-local", &test.snapshot); got != test.want {
			t.Errorf("%s: %q", what, got)
		}
	}
}

func TestTopClients(t *testing.T) {
	var top TopClients
	client := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }
	for n := range 1000 { // every second connection comes from one of two clients
		top.Add(client(n + 10))
		top.Add(client(n % 2))
	}
	clients, connections := top.Heaviest(2)
	slices.SortFunc(clients, netip.Addr.Compare)
	if got := fmt.Sprint(clients); got != "[10.0.0.0 10.0.0.1]" || connections < 900 || connections > 1000 {
		t.Errorf("the heaviest are %s with %d connections", got, connections)
	}
	if len(top.clients) > keptClients {
		t.Errorf("%d clients are kept", len(top.clients))
	}
}

func TestIgnore(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "error worst 10.0.0.1:80; warning second tcp 192.0.2.1:80; information machine net.x",
		"worst":                        "warning second tcp 192.0.2.1:80; information machine net.x",
		"worst=10.0.0.1:80":            "warning second tcp 192.0.2.1:80; information machine net.x",
		"worst=tcp 192.0.2.2:80":       "warning second tcp 192.0.2.1:80; information machine net.x",
		"worst=10.0.0.2:80":            "error worst 10.0.0.1:80; warning second tcp 192.0.2.1:80; information machine net.x",
		"worst, second, machine=net.x": "",
	} {
		var ignored []Ignored
		for word := range strings.SplitSeq(text, ", ") {
			if i, err := ParseIgnored(word, someRules()); err == nil {
				ignored = append(ignored, i)
			}
		}
		snapshot := &Snapshot{Unread: map[Fact]error{FactRoutes: errors.New("no permission")}}
		if got := names(Run(snapshot, someRules(), ignored).Findings); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
	for _, bad := range []string{"", "wors", "worst2", "=x"} {
		if _, err := ParseIgnored(bad, someRules()); err == nil {
			t.Errorf("%q names a rule", bad)
		}
	}
}

// TestQuick applies rules to a table alone.
func TestQuick(t *testing.T) {
	table := []ipvs.Entry{{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: web(1), Scheduler: "rr"}}}}
	settings := Settings{runEstimation: "0"}
	if got, want := names(Quick(table, nil, settings)), "error no-server tcp 192.0.2.1:80; warning estimation-off "+runEstimation; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
