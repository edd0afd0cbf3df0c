package drain

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func progress(t *testing.T, words string, active uint32, most int) Progress {
	s := chosen(t, tableOf(t, web), words)[0]
	r := Remaining{Active: active, Inactive: 3, Longest: 899 * time.Second}
	rate := 12.0
	return Progress{header: head("progress", time.Unix(0, 0)), subject: about(s.key()), counts: r.counts(), PerMinute: &rate,
		left: int(active), most: most}
}

// TestProgressLines writes what has changed, at most every ten seconds.
func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	p := NewPrinter(bufio.NewWriter(&out), Style{})
	now := time.Now()
	const one, two = "-r 10.0.0.1:80 -t 192.0.2.1:80", "-r 10.0.0.2 -f 7"
	for _, step := range []struct {
		seconds  int
		one, two uint32
		want     string
	}{
		{0, 5, 1, "TCP 192.0.2.1:80 -> 10.0.0.1:80: 5 active, 3 inactive; 12.0 fewer per minute; up to 14m59s if idle\n" +
			"FWM 7 -> 10.0.0.2:0: 1 active, 3 inactive; 12.0 fewer per minute; up to 14m59s if idle\n"},
		{1, 4, 1, ""},
		{9, 3, 1, ""},
		{10, 2, 1, "TCP 192.0.2.1:80 -> 10.0.0.1:80: 2 active, 3 inactive; 12.0 fewer per minute; up to 14m59s if idle\n"},
		{19, 2, 0, ""},
		{21, 2, 1, ""},
		{60, 2, 1, ""},
		{61, 2, 2, "FWM 7 -> 10.0.0.2:0: 2 active, 3 inactive; 12.0 fewer per minute; up to 14m59s if idle\n"},
	} {
		out.Reset()
		events := []Progress{progress(t, one, step.one, 5), progress(t, two, step.two, 5)}
		if err := p.Progress(now.Add(time.Duration(step.seconds)*time.Second), events); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, out.String()); diff != "" {
			t.Errorf("after %d s (-want +got):\n%s", step.seconds, diff)
		}
	}
}

// TestProgressScreen updates lines in place, and writes other events above them.
func TestProgressScreen(t *testing.T) {
	var out bytes.Buffer
	p := NewPrinter(bufio.NewWriter(&out), Style{Width: 70, Height: 24, Colour: true})
	draw := func(active uint32) {
		events := []Progress{progress(t, "-r 10.0.0.1:80", active, 4), progress(t, "-r 10.0.0.2 -f 7", 0, 4)}
		if err := p.Progress(time.Now(), events); err != nil {
			t.Fatal(err)
		}
	}
	draw(4)
	draw(1)
	if err := p.Print(Note{Message: "look"}); err != nil {
		t.Fatal(err)
	}
	draw(1)
	const (
		none    = "[----------] TCP 192.0.2.1:80: 4 active; -12.0/min; up to 14m59s; 3 i\x1b[K\n"
		most    = "[#######---] TCP 192.0.2.1:80: 1 active; -12.0/min; up to 14m59s; 3 i\x1b[K\n"
		drained = "\x1b[32m[##########] FWM 7: drained\x1b[0m\x1b[K\n"
	)
	want := none + drained + "\x1b[2A" + most + drained + "\x1b[2A\x1b[J" + "note: look\n" + most + drained
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	e := progress(t, "-r 10.0.0.1:81", 5, 5)
	e.UDP, e.Templates, e.LongestTemplate = 2, 1, 600
	if got := e.brief(); got != "TCP 192.0.2.1:80 -> :81: 5 active, 2 UDP, 1 template (10m); -12.0/min; up to 14m59s; 3 inactive" {
		t.Error(got)
	}

	// A terminal with fewer lines than servers gets no bars.
	out.Reset()
	p = NewPrinter(bufio.NewWriter(&out), Style{Width: 80, Height: 2})
	draw(4)
	if strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), "[") {
		t.Errorf("a small terminal: %q", out.String())
	}
	// Nor does one without a width.
	out.Reset()
	p = NewPrinter(bufio.NewWriter(&out), Style{Height: 24})
	draw(4)
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("no width: %q", out.String())
	}
}

func TestBar(t *testing.T) {
	for want, test := range map[string][2]int{
		"[##########]": {0, 0}, "[----------]": {7, 7}, "[#####-----]": {5, 10}, "[#########-]": {1, 1000},
	} {
		if got := bar(test[0], test[1]); got != want {
			t.Errorf("%v: %s, want %s", test, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	weight := uint32(5)
	servers := chosen(t, tableOf(t, web), "-r 10.0.0.1")
	tcp, udp := about(servers[0].key()), about(servers[2].key())
	clients := Remaining{Active: 30, UDP: 2, Inactive: 3, Templates: 1, LongestTemplate: time.Hour}
	timeout := TimedOut{subject: udp, counts: clients.counts()}
	for n := byte(1); n <= 12; n++ {
		timeout.Clients = append(timeout.Clients, Client{servers[0].Address.Addr(), int(n)})
	}
	for want, e := range map[string]Event{
		"draining 10.0.0.1 in 2 services, for up to 15m": Started{server: "10.0.0.1", services: 2, Timeout: 900},
		"draining 10.0.0.1 in 1 service":                 Started{server: "10.0.0.1", services: 1},

		"TCP 192.0.2.1:80 -> 10.0.0.1:80: weight 3 -> 0":               Began{subject: tcp, Before: 3},
		"TCP 192.0.2.1:80 -> 10.0.0.1:80: the weight was 0 already":    Began{subject: tcp},
		"TCP 192.0.2.1:80 -> 10.0.0.1:80: drained after 1h":            Ended{header{Event: "drained"}, tcp, 3600},
		"TCP 192.0.2.1:80 -> 10.0.0.1:80: deleted":                     Ended{header{Event: "deleted"}, tcp, 3600},
		"TCP 192.0.2.1:80 -> 10.0.0.1:80: someone set the weight to 5": SetBack{subject: tcp, Weight: &weight},
		"TCP 192.0.2.1:80 -> 10.0.0.1:80: someone deleted the server":  SetBack{subject: tcp},

		"UDP 192.0.2.1:53 -> 10.0.0.1:53: 30 active, 3 inactive (2 UDP), 1 template for up to 1h":                                                                     Progress{subject: udp, counts: clients.counts(), left: 33},
		"ipvsadm -e\n# wait up to 1m30s for the end of all active connections and templates; now: 30 active, 3 inactive (2 UDP), 1 template for up to 1h\nipvsadm -d": Planned{subject: tcp, counts: clients.counts(), Commands: []string{"ipvsadm -e", "ipvsadm -d"}, Timeout: 90, until: UntilActive},
		"ipvsadm -e\n# wait for nothing; now: 0 active, 0 inactive":                                                                                                   Planned{subject: tcp, Commands: []string{"ipvsadm -e"}, until: UntilAll},
	} {
		if got := e.Text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	const want = "UDP 192.0.2.1:53 -> 10.0.0.1:53: 30 active, 3 inactive (2 UDP), 1 template for up to 1h: " +
		"1 of 10.0.0.1, 2 of 10.0.0.1, 3 of 10.0.0.1, 4 of 10.0.0.1, 5 of 10.0.0.1, 6 of 10.0.0.1, 7 of 10.0.0.1, " +
		"8 of 10.0.0.1, 9 of 10.0.0.1, 10 of 10.0.0.1, 23 of 2 other clients"
	if got := timeout.line(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for want, d := range map[string]time.Duration{"0s": 0, "15m": 15 * time.Minute, "2h": 2 * time.Hour, "14m59s": 899 * time.Second,
		"1h30m": 90 * time.Minute, "10s": 10 * time.Second, "1h0m20s": time.Hour + 20*time.Second} {
		if got := short(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestNotes(t *testing.T) {
	remaining := map[key]Remaining{{}: {Templates: 2, LongestTemplate: 10 * time.Minute, UDP: 1, Longest: 5 * time.Minute}}
	force := Request{Delete: true, Force: true}
	for _, test := range []struct {
		request  Request
		settings settings
		left     map[key]Remaining
		want     []string
	}{
		{Request{Delete: true}, settings{reusePorts: 1}, nil, nil},
		{force, settings{reusePorts: 1, expireConnections: true}, remaining, []string{
			"2 templates of persistent clients lead them to this server for up to 10m, and each new connection renews one; to send these clients elsewhere, type: sysctl -w net.ipv4.vs.expire_quiescent_template=1",
			"1 UDP connection: a UDP client stays on this server as long as it sends, and no setting changes that",
			"at the deadline the server is deleted; then remaining TCP clients get a reset, and UDP clients go to other servers (net.ipv4.vs.expire_nodest_conn is 1)",
		}},
		{force, settings{}, remaining, []string{
			"2 templates of persistent clients lead them to this server for up to 10m, and each new connection renews one; to send these clients elsewhere, type: sysctl -w net.ipv4.vs.expire_quiescent_template=1",
			"1 UDP connection: a UDP client stays on this server as long as it sends, and no setting changes that",
			"a client that uses a port again returns to this server; to send it elsewhere, type: sysctl -w net.ipv4.vs.conn_reuse_mode=1",
			"at the deadline the server is deleted; then the kernel silently drops the packets of remaining clients for up to 5m; for a reset instead, type: sysctl -w net.ipv4.vs.expire_nodest_conn=1",
		}},
	} {
		if diff := cmp.Diff(test.want, notes(test.request, test.settings, test.left)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test, diff)
		}
	}
}
