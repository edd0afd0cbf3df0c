package drain

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
)

// TestCount counts the connections of some servers among others.
func TestCount(t *testing.T) {
	const connections = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C6336401 4E21 C0000201 0050 0A000001 0050 ESTABLISHED     899
TCP C6336401 4E22 C0000201 0050 0A000001 0050 SYN_RECV         59
TCP C6336402 4E23 C0000201 0050 0A000001 0050 TIME_WAIT       999
nonsense
TCP C6336402 4E24 C0000201 0050 0A000002 0050 ESTABLISHED     899
TCP C6336403 0000 C0000201 0050 0A000001 0050 NONE            600
UDP C6336404 4E24 C0000201 0035 0A000001 0035 UDP             299
UDP C6336405 4E24 C0000209 0035 0A000001 0035 UDP              99
IP  C6336406 0000 00000007 0000 0A000001 0000 NONE            300
`
	const udp, tcp, mark = "UDP 192.0.2.1:53 -> 10.0.0.1:53", "TCP 192.0.2.1:80 -> 10.0.0.1:80", "FWM 7 -> 10.0.0.1:0"
	client := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, n}) }
	table := tableOf(t, web)
	for _, test := range []struct {
		until    Until
		settings settings
		want     map[string]Remaining
	}{
		{UntilActive, settings{}, map[string]Remaining{
			tcp:  {Longest: 899 * time.Second, Templates: 1, LongestTemplate: 600 * time.Second, Clients: map[netip.Addr]int{client(1): 2, client(3): 1}},
			udp:  {UDP: 1, Longest: 299 * time.Second, Clients: map[netip.Addr]int{client(4): 1}},
			mark: {UDP: 1, Longest: 99 * time.Second, Templates: 1, LongestTemplate: 300 * time.Second, Clients: map[netip.Addr]int{client(5): 1, client(6): 1}},
		}},
		{UntilAll, settings{expireTemplates: true}, map[string]Remaining{
			tcp:  {Longest: 999 * time.Second, Clients: map[netip.Addr]int{client(1): 2, client(2): 1}},
			udp:  {UDP: 1, Longest: 299 * time.Second, Clients: map[netip.Addr]int{client(4): 1}},
			mark: {UDP: 1, Longest: 99 * time.Second, Clients: map[netip.Addr]int{client(5): 1}},
		}},
	} {
		counter := newCounter(table, chosen(t, table, "-r 10.0.0.1"), test.until, test.settings)
		counted, err := counter.count(t.Context(), ipvs.ReadConnections(strings.NewReader(connections)))
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]Remaining)
		for k, r := range counted {
			got[k.String()] = r
		}
		if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s, %+v (-want +got):\n%s", test.until, test.settings, diff)
		}
	}
	// The second of two marks with the same server gets what may be its own.
	table = tableOf(t, "-A -f 7 -s rr\n-a -f 7 -r 10.0.0.1\n-A -f 8 -s rr\n-a -f 8 -r 10.0.0.1\n")
	second := chosen(t, table, "-f 8 -r 10.0.0.1")
	counted, err := newCounter(table, second, UntilActive, settings{}).count(t.Context(), ipvs.ReadConnections(strings.NewReader(connections)))
	if got := counted[second[0].key()].UDP; err != nil || got != 2 {
		t.Errorf("of the second mark, %d UDP connections count, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	many := strings.Repeat("TCP C6336401 4E21 C0000201 0050 0A000001 0050 ESTABLISHED     899\n", 1000)
	counter := newCounter(table, nil, UntilActive, settings{})
	if _, err := counter.count(ended, ipvs.ReadConnections(strings.NewReader(many))); err != context.Canceled {
		t.Errorf("a cancelled count: %v", err)
	}
}

func TestRemainingCount(t *testing.T) {
	r := Remaining{Active: 1, Inactive: 20, UDP: 5, Templates: 100}
	if active, all := r.Count(UntilActive), r.Count(UntilAll); active != 106 || all != 121 {
		t.Errorf("active: %d, all: %d", active, all)
	}
	if n := (Remaining{UDP: 5}).Count(UntilAll); n != 5 { // the two were counted at different times
		t.Errorf("UDP without inactive ones: %d", n)
	}
}

func TestRate(t *testing.T) {
	var h history
	began := time.Now()
	for second := range 200 {
		h = h.add(began.Add(time.Duration(second)*time.Second), 1000-second)
		rate, known := h.rate()
		if known != (second >= 5) || known && (rate < 59.9 || rate > 60.1) {
			t.Fatalf("after %d s: %v, %v", second, rate, known)
		}
		if len(h) > 62 {
			t.Fatalf("%d samples", len(h))
		}
	}
	for second := 200; second < 260; second++ {
		h = h.add(began.Add(time.Duration(second)*time.Second), 801)
	}
	if rate, _ := h.rate(); rate > 1.1 {
		t.Errorf("a minute without change: %v", rate)
	}
}
