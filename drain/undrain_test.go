package drain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recordsOf returns the records of the servers of a table.
func recordsOf(t *testing.T, rules string) []Record {
	t.Helper()
	var servers []Server
	for _, entry := range tableOf(t, rules) {
		for _, d := range entry.Destinations {
			servers = append(servers, Server{entry.Service, d.Destination})
		}
	}
	return recorded(nil, servers, time.Unix(1700000000, 0))
}

func TestPlan(t *testing.T) {
	records := recordsOf(t, `-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3 -x 5
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 3 --tun-type gue --tun-port 5
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.5:80 -m -w 0
-A -f 7 -s rr
-a -f 7 -r 10.0.0.1 -g -w 9
`)
	table := tableOf(t, `-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0 -x 8
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 1
`)
	for words, want := range map[string][]string{
		"": {
			"TCP 192.0.2.1:80 -> 10.0.0.1:80: weight 0 -> 3 [edit destination 10.0.0.1:80 of TCP 192.0.2.1:80]",
			"TCP 192.0.2.1:80 -> 10.0.0.2:80: the weight is 3 already",
			"TCP 192.0.2.1:80 -> 10.0.0.3:80: added again with weight 3 [add destination 10.0.0.3:80 of TCP 192.0.2.1:80]",
			"TCP 192.0.2.1:80 -> 10.0.0.4:80: someone set the weight to 1, and it stays so; it was 3 before the drain (changed)",
			"FWM 7 -> 10.0.0.1:0: the service was deleted; once it is there again, type: ipvsadm -a -f 7 -r 10.0.0.1:0 -g -w 9 (failed)",
		},
		"-r 10.0.0.1 -t 192.0.2.1:80": {"TCP 192.0.2.1:80 -> 10.0.0.1:80: weight 0 -> 3 [edit destination 10.0.0.1:80 of TCP 192.0.2.1:80]"},
		"-r 10.0.0.9":                 nil,
	} {
		chosen, others := plan(records, table, selection(t, words))
		var got []string
		for _, r := range chosen {
			line := r.String()
			if change, ok := r.change(); ok {
				line += " [" + change.String() + "]"
			}
			if r.Changed() {
				line += " (changed)"
			}
			if r.Failed() {
				line += " (failed)"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", words, diff)
		}
		if len(chosen)+len(others) != len(records) {
			t.Errorf("%q: %d chosen, %d others", words, len(chosen), len(others))
		}
	}
}

// TestInForce ends the drain of a server that someone gave a weight, and of no other.
func TestInForce(t *testing.T) {
	records := recordsOf(t, web)
	table := tableOf(t, strings.NewReplacer(
		"-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3\n", "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0\n",
		"-a -u 192.0.2.1:53 -r 10.0.0.1:53 -m\n", "",
	).Replace(web))
	var got []string
	for _, d := range InForce(records, table) {
		text := d.String()
		if d.Now == nil {
			text += " deleted"
		}
		got = append(got, text)
	}
	want := []string{"TCP 192.0.2.1:80 -> 10.0.0.1:80", "UDP 192.0.2.1:53 -> 10.0.0.1:53 deleted"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRecorded drains a server twice. Its record keeps the first weight.
func TestRecorded(t *testing.T) {
	first := recordsOf(t, web)
	zero := tableOf(t, strings.ReplaceAll(web, " -w 3", " -w 0"))
	again := recorded(first, chosen(t, zero, "-r 10.0.0.1"), time.Now())
	if diff := cmp.Diff(len(first), len(again)); diff != "" || again[0].Server.Weight != 3 {
		t.Errorf("%d records, then %d, of weight %d", len(first), len(again), again[0].Server.Weight)
	}
	if got := recorded(nil, chosen(t, zero, "-r 10.0.0.1:80"), time.Now()); len(got) != 0 {
		t.Errorf("a server of weight 0 has a record: %v", got)
	}
}
