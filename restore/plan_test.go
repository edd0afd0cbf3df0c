package restore

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// read reads rules.
func read(t testing.TB, text string) *Rules {
	t.Helper()
	rules, err := Read(t.Context(), strings.NewReader(text), "rules", names.NewResolver())
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// readGood reads rules without bad lines.
func readGood(t testing.TB, text string) *Rules {
	t.Helper()
	rules := read(t, text)
	if err := rules.Err(); err != nil {
		t.Fatal(err)
	}
	return rules
}

// kernelWith returns the state of a kernel with the table that rules make, with counters and flags of its own.
func kernelWith(t testing.TB, text string) kernelState {
	t.Helper()
	made := emptyTable()
	if err := made.applyAll(readGood(t, text), make(excuses)); err != nil {
		t.Fatal(err)
	}
	var entries []ipvs.Entry
	for _, s := range made.inOrder() {
		entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: s.Service}}
		entry.Flags |= ipvs.Hashed
		entry.Totals.Connections, entry.Rates.IncomingBytes = 7, 7
		for _, d := range s.servers {
			listed := ipvs.ListedDestination{
				Destination: d.Destination, ActiveConnections: 3, InactiveConnections: 4, PersistentConnections: 5,
			}
			listed.Totals.Connections, listed.Rates.IncomingBytes = 7, 7
			entry.Destinations = append(entry.Destinations, listed)
		}
		slices.Reverse(entry.Destinations) // the kernel lists the latest first
		entries = append(entries, entry)
	}
	k := kernelState{
		entries:  ipvs.Each(entries...),
		timeouts: ipvs.Timeouts{TCP: 900 * time.Second, TCPFin: 120 * time.Second, UDP: 300 * time.Second}.With(made.timeouts),
	}
	for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
		if d := made.daemons[state]; d.runs {
			k.daemons = append(k.daemons, d.Daemon)
		}
	}
	return k
}

// many returns the rules of a service with many servers of one weight.
func many(servers, weight int) string {
	text := "-A -f 1 -s rr\n"
	for i := range servers {
		text += fmt.Sprintf("-a -f 1 -r 192.0.2.%d -w %d\n", i+1, weight)
	}
	return text
}

const small = `
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1
-A -f 7 -s wlc
-a -f 7 -r 192.0.2.11:0 -g -w 1
`

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name          string
		current, file string
		keep          bool
		want          string
	}{
		{name: "nothing", current: small, file: small},
		{name: "nothing, in another order", current: small, file: `
-A -f 7 -s wlc
-a -f 7 -r 192.0.2.11:0 -g -w 1
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1`},
		{name: "from nothing", file: small, want: small},
		{name: "to nothing", current: small, file: "-C", want: `
-D -t 192.0.2.1:80
-D -f 7`},
		{name: "servers change, come and go, and those that stop come last of what changes", current: `
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 0
-a -t 192.0.2.1:80 -r 192.0.2.13:80 -m -w 1
-a -t 192.0.2.1:80 -r 192.0.2.14:80 -m -w 1`, file: `
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 5
-a -t 192.0.2.1:80 -r 192.0.2.13:80 -m -w 1
-a -t 192.0.2.1:80 -r 192.0.2.15:80 -m -w 1`, want: `
-e -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 5
-a -t 192.0.2.1:80 -r 192.0.2.15:80 -m -w 1
-e -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0
-d -t 192.0.2.1:80 -r 192.0.2.14:80`},
		{name: "a service that changes is edited, one that moves is added first and deleted last", current: small, file: `
-A -t 192.0.2.1:8080 -s rr
-a -t 192.0.2.1:8080 -r 192.0.2.11:80 -m -w 1
-A -f 7 -s sh -b sh-port -p 60
-a -f 7 -r 192.0.2.11:0 -g -w 1`, want: `
-A -t 192.0.2.1:8080 -s rr
-a -t 192.0.2.1:8080 -r 192.0.2.11:80 -m -w 1
-E -f 7 -s sh -p 60 -b sh-port
-D -t 192.0.2.1:80`},
		{name: "every property of a service is compared", current: `
-A -t 192.0.2.1:1 -s rr -p 60
-A -t 192.0.2.1:2 -s rr -p 60
-A -u 192.0.2.1:3 -s rr
-A -t 192.0.2.1:4 -s mh
-A -u 192.0.2.1:5 -s rr -p 60
-A -t 192.0.2.1:6 -s rr -p 60
-A -t [2001:db8::1]:7 -s rr -p 60`, file: `
-A -t 192.0.2.1:1 -s rr -p 61
-A -t 192.0.2.1:2 -s rr -p 60 -M 255.255.255.0
-A -u 192.0.2.1:3 -s rr -o
-A -t 192.0.2.1:4 -s mh -b mh-fallback
-A -u 192.0.2.1:5 -s rr -p 60 --pe sip
-A -t 192.0.2.1:6 -s rr
-A -t [2001:db8::1]:7 -s rr -p 60 -M 64`, want: `
-E -t 192.0.2.1:1 -s rr -p 61
-E -t 192.0.2.1:2 -s rr -p 60 -M 255.255.255.0
-E -u 192.0.2.1:3 -s rr -o
-E -t 192.0.2.1:4 -s mh -b mh-fallback
-E -u 192.0.2.1:5 -s rr -p 60 --pe sip
-E -t 192.0.2.1:6 -s rr
-E -t [2001:db8::1]:7 -s rr -p 60 -M 64`},
		{name: "every property of a server is compared", current: `
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1:0 -g -w 1
-a -f 1 -r 192.0.2.2:0 -g -w 1
-a -f 1 -r 192.0.2.3:0 -g -w 1 -x 9
-a -f 1 -r 192.0.2.4:0 -g -w 1 -x 9 -y 2
-a -f 1 -r 192.0.2.5:0 -i -w 1
-a -f 1 -r 192.0.2.6:0 -i -w 1 --tun-type gue --tun-port 5555
-a -f 1 -r 192.0.2.7:0 -i -w 1 --tun-type gre`, file: `
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1:0 -m -w 1
-a -f 1 -r 192.0.2.2:0 -g -w 2
-a -f 1 -r 192.0.2.3:0 -g -w 1 -x 8
-a -f 1 -r 192.0.2.4:0 -g -w 1 -x 9 -y 3
-a -f 1 -r 192.0.2.5:0 -i -w 1 --tun-type gre
-a -f 1 -r 192.0.2.6:0 -i -w 1 --tun-type gue --tun-port 6666
-a -f 1 -r 192.0.2.7:0 -i -w 1 --tun-type gre --tun-csum`, want: `
-e -f 1 -r 192.0.2.1:0 -m -w 1
-e -f 1 -r 192.0.2.2:0 -g -w 2
-e -f 1 -r 192.0.2.3:0 -g -w 1 -x 8
-e -f 1 -r 192.0.2.4:0 -g -w 1 -x 9 -y 3
-e -f 1 -r 192.0.2.5:0 -i -w 1 --tun-type gre --tun-nocsum
-e -f 1 -r 192.0.2.6:0 -i -w 1 --tun-type gue --tun-port 6666 --tun-nocsum
-e -f 1 -r 192.0.2.7:0 -i -w 1 --tun-type gre --tun-csum`},
		{name: "commands of every kind describe the table", current: small, file: `
-A -t 192.0.2.9:9 -s rr
-C
-A -t 192.0.2.2:80 -s rr
-a -t 192.0.2.2:80 -r 192.0.2.21:80 -m
-A -f 7 -s wlc
-a -f 7 -r 192.0.2.11 -w 9
-a -f 7 -r 192.0.2.13
-e -f 7 -r 192.0.2.11 -w 1
-d -f 7 -r 192.0.2.13
-E -f 7 -s rr
-D -t 192.0.2.2:80
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1
-D -t 192.0.2.1:80
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1`, want: `
-E -f 7 -s rr
-d -t 192.0.2.1:80 -r 192.0.2.11:80`},
		{name: "other commands come after what comes and before what goes", current: small, file: `
--set 0 0 7
-Z
-A -t 192.0.2.2:80 -s rr
-Z -f 7
--start-daemon master --syncid 7`, want: `
-A -t 192.0.2.2:80 -s rr
--set 0 0 7
--start-daemon master --syncid 7
-Z
-Z -f 7
-D -t 192.0.2.1:80
-D -f 7`},
		{name: "timeouts and daemons that are so already", current: `
--set 10 20 30
--start-daemon master --syncid 7 --mcast-interface eth0 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1
--start-daemon backup --syncid 8 --mcast-interface eth0 --sync-maxlen 1472`, file: `
--start-daemon backup --syncid 8 --mcast-interface eth0
--set 10 0 30
--start-daemon master --syncid 7 --mcast-interface eth0`},
		{name: "timeouts and daemons of which the file says nothing", keep: true, current: `
--set 10 20 30
--start-daemon master
-A -f 1 -s rr`, file: "-A -f 1 -s wlc", want: "-E -f 1 -s wlc"},
		{name: "a timeout that changes, and the last word on each", current: "--set 10 20 30", file: `
--set 40 50 0
--set 10 0 0
--set 0 60 0`, want: "--set 10 60 0"},
		{name: "a timeout that changes and changes back", current: "--set 10 20 30", file: "--set 11 0 0\n--set 10 0 0"},
		{name: "a daemon with other settings stops and starts", keep: true, current: `
--start-daemon master --mcast-interface eth0
--start-daemon backup --mcast-interface eth0 --mcast-port 9000`, file: `
--start-daemon backup --mcast-interface eth0
--start-daemon master --mcast-interface eth1`, want: `
--stop-daemon master
--start-daemon master --mcast-interface eth1
--stop-daemon backup
--start-daemon backup --mcast-interface eth0`},
		{name: "daemons that stop do so first", current: "--start-daemon backup\n--start-daemon master", file: `
-A -f 1 -s rr
--stop-daemon backup`, want: `
--stop-daemon backup
-A -f 1 -s rr`},
		{name: "a daemon that does not run stays stopped", file: "--stop-daemon master\n--stop-daemon master\n--stop-daemon backup"},
		{name: "a daemon that the file stops and starts as it is", current: "--start-daemon master --syncid 3", file: `
--stop-daemon master
--start-daemon master --syncid 3`},
		{name: "a daemon that the file starts and stops", current: "--start-daemon master --syncid 3", file: `
--start-daemon master --syncid 4
--stop-daemon master`, want: "--stop-daemon master"},
		{name: "a daemon cannot start before a server of another family has gone", current: `
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i`, file: `
--start-daemon master
-A -t 192.0.2.1:80 -s rr`, want: `
-d -t 192.0.2.1:80 -r [2001:db8::1]:80
--start-daemon master`},
		{name: "every line of a service with many servers finds its own", current: many(20, 1), file: many(20, 1) + `
-e -f 1 -r 192.0.2.13 -w 5
-d -f 1 -r 192.0.2.3
-e -f 1 -r 192.0.2.20 -w 7
-d -f 1 -r 192.0.2.9
-a -f 1 -r 192.0.2.9 -w 3
-e -f 1 -r 192.0.2.1 -w 2`, want: `
-e -f 1 -r 192.0.2.1:0 -g -w 2
-e -f 1 -r 192.0.2.13:0 -g -w 5
-e -f 1 -r 192.0.2.20:0 -g -w 7
-e -f 1 -r 192.0.2.9:0 -g -w 3
-d -f 1 -r 192.0.2.3:0`},
		{name: "services that are kept change in the order of the lines", keep: true, current: "-A -f 1\n-A -f 2\n-A -f 3", file: `
-E -f 2 -s rr
-E -f 3 -s rr
-E -f 1 -s rr`, want: `
-E -f 2 -s rr
-E -f 3 -s rr
-E -f 1 -s rr`},
		{name: "servers come in the order in which they are added, which counts for mh", file: `
-A -f 1 -s mh
-a -f 1 -r 192.0.2.3
-a -f 1 -r 192.0.2.1
-a -f 1 -r 192.0.2.2
-e -f 1 -r 192.0.2.3 -w 5`, want: `
-A -f 1 -s mh
-a -f 1 -r 192.0.2.3:0 -g -w 5
-a -f 1 -r 192.0.2.1:0 -g -w 1
-a -f 1 -r 192.0.2.2:0 -g -w 1`},
		{name: "what is kept stays, and may be named again or taken away", keep: true, current: small, file: `
-A -t 192.0.2.2:80 -s rr
-A -f 7 -s rr
-a -f 7 -r 192.0.2.12
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 3
-d -t 192.0.2.1:80 -r 192.0.2.12:80`, want: `
-e -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 3
-E -f 7 -s rr
-a -f 7 -r 192.0.2.12:0 -g -w 1
-A -t 192.0.2.2:80 -s rr
-d -t 192.0.2.1:80 -r 192.0.2.12:80`},
		{name: "what is kept and deleted goes, and what is added in its place is edited", keep: true, current: small, file: `
-D -f 7
-D -t 192.0.2.1:80
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1`, want: `
-E -t 192.0.2.1:80 -s wlc
-d -t 192.0.2.1:80 -r 192.0.2.11:80
-D -f 7`},
		{name: "cleared although it is to be kept", keep: true, current: small, file: "-C", want: `
-D -t 192.0.2.1:80
-D -f 7`},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := newPlan(readGood(t, test.file), kernelWith(t, test.current), Options{Keep: test.keep})
			if err != nil {
				t.Fatal(err)
			}
			got := string(plan.AppendRules(nil))
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), strings.TrimSuffix(got, "\n")); strings.TrimSpace(test.want) != strings.TrimSpace(got) {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanOfNoTable(t *testing.T) {
	failure := errors.New("no table")
	present := kernelWith(t, small)
	whole := present.entries
	present.entries = func(yield func(ipvs.Entry, error) bool) {
		for entry := range whole {
			if !yield(entry, nil) {
				return
			}
			break
		}
		yield(ipvs.Entry{}, failure)
	}
	for _, keep := range []bool{false, true} {
		if plan, err := newPlan(readGood(t, small), present, Options{Keep: keep}); !errors.Is(err, failure) || plan != nil {
			t.Errorf("keep %v: plan %v, error %v", keep, plan, err)
		}
	}
}

func TestPlanOfWhatCannotBe(t *testing.T) {
	const file = `-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m
-E -f 1 -s rr
-D -f 1
-e -f 1 -r 192.0.2.11
-d -f 1 -r 192.0.2.11
-A -f 2 -s rr
-a -f 2 -r 192.0.2.11
-a -f 2 -r 192.0.2.11 -w 3
-e -f 2 -r 192.0.2.12
-d -f 2 -r 192.0.2.12
-A -f 2 -s wlc`
	plan, err := newPlan(readGood(t, file), kernelWith(t, small), Options{})
	const want = `rules:1: Service not defined
rules:2: No such service
rules:3: No such service
rules:4: Service not defined
rules:5: Service not defined
rules:8: Destination already exists
rules:9: No such destination
rules:10: No such destination
rules:11: Service already exists`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" || plan != nil {
		t.Errorf("plan %v, errors (-want +got):\n%s", plan, diff)
	}
}

// TestPlanKeepsNoSlice plans from a listing that reuses the memory of a service's servers, as the client's does.
func TestPlanKeepsNoSlice(t *testing.T) {
	present := kernelWith(t, small)
	whole := present.entries
	present.entries = func(yield func(ipvs.Entry, error) bool) {
		memory := make([]ipvs.ListedDestination, 9)
		for entry := range whole {
			entry.Destinations = memory[:copy(memory, entry.Destinations)]
			if !yield(entry, nil) {
				return
			}
		}
	}
	plan, err := newPlan(readGood(t, "-A -t 192.0.2.1:80 -s rr\n-A -f 7 -s wlc\n"), present, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const want = "-d -t 192.0.2.1:80 -r 192.0.2.11:80\n-d -t 192.0.2.1:80 -r 192.0.2.12:80\n-d -f 7 -r 192.0.2.11:0\n"
	if got := string(plan.AppendRules(nil)); got != want {
		t.Errorf("the plan is %q", got)
	}
}

// TestPlanBack brings back a deleted service, with its servers in their order. The kernel lists them backwards.
func TestPlanBack(t *testing.T) {
	const rules = "-A -f 1 -s mh\n-a -f 1 -r 192.0.2.3:0 -g -w 1\n-a -f 1 -r 192.0.2.1:0 -g -w 1\n-a -f 1 -r 192.0.2.2:0 -g -w 1\n"
	plan, err := newPlan(readGood(t, "-C"), kernelWith(t, rules), Options{})
	if err != nil {
		t.Fatal(err)
	}
	additions, deletions := difference(emptyTable(), plan.before)
	if got := string((&Plan{Additions: additions, Deletions: deletions}).AppendRules(nil)); got != rules {
		t.Errorf("the way back is %q", got)
	}
}

// TestPlanWithoutCommands plans a file without commands.
func TestPlanWithoutCommands(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n \t\n", "ipvsadm\n"} {
		plan, err := newPlan(readGood(t, text), kernelWith(t, small), Options{})
		if !errors.Is(err, ErrNoCommands) || plan != nil || !strings.HasPrefix(err.Error(), "rules: ") {
			t.Errorf("%q: plan %v, error %v", text, plan, err)
		}
		for name, present := range map[string]kernelState{"an empty table": kernelWith(t, ""), "--noflush": kernelWith(t, small)} {
			plan, err := newPlan(readGood(t, text), present, Options{Keep: name == "--noflush"})
			if err != nil || len(plan.AppendRules(nil)) != 0 {
				t.Errorf("%q, %s: plan %v, error %v", text, name, plan, err)
			}
		}
	}
}

// TestBadLines has lines that do not parse, lines that cannot apply, and lines that fail only because of those.
func TestBadLines(t *testing.T) {
	for _, test := range []struct {
		name, file string
		want       string
		keep       string // the errors without the kernel and with --noflush, if they differ
	}{
		{name: "both kinds in the order of lines", file: `-A -f 1 -s rr
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1 -w x
-e -f 1 -r 192.0.2.9
-E -f 2 -s rr
--set 1 2`, want: `rules:2: Service already exists
rules:3: illegal weight specified
rules:5: No such service
rules:6: --set option requires 3 timeout values`, keep: `rules:2: Service already exists
rules:3: illegal weight specified
rules:6: --set option requires 3 timeout values`},
		{name: "a bad service", file: `-A -t 192.0.2.1:80 -s rr -p x
-a -t 192.0.2.1:80 -r 192.0.2.11
-a -t 192.0.2.1:80 -r 192.0.2.11
-a -t 192.0.2.2:80 -r 192.0.2.11
-A -t 192.0.2.1:80 -s rr`, want: "rules:1: invalid timeout value `x' specified" + `
rules:3: Destination already exists
rules:4: Service not defined
rules:5: Service already exists`, keep: "rules:1: invalid timeout value `x' specified" + `
rules:3: Destination already exists
rules:5: Service already exists`},
		{name: "an unknown service", file: `-a -f 2 -r 192.0.2.11
-A -t 192.0.2.1:http_ -s rr
-a -t 192.0.2.1:80 -r 192.0.2.11
-E -t 192.0.2.1:80 -s wlc
-e -t 192.0.2.1:80 -r 192.0.2.11
-A -f 1 -s rr
-A -f 1 -s rr`, want: `rules:1: Service not defined
rules:2: illegal virtual server address[:port] specified
rules:3: Service not defined
rules:4: No such service
rules:5: Service not defined
rules:7: Service already exists`, keep: `rules:2: illegal virtual server address[:port] specified
rules:7: Service already exists`},
		{name: "a line of which nothing is understood", file: "\u2013A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11\n-A -f 1\n-A -f 1",
			want: "rules:1: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\nrules:2: Service not defined\nrules:4: Service already exists",
			keep: "rules:1: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\nrules:4: Service already exists"},
		{name: "a bad server", file: `-A -f 1
-A -f 2
-a -f 1 -r 192.0.2.1 -w x
-e -f 1 -r 192.0.2.1 -w 2
-d -f 2 -r 192.0.2.1`, want: "rules:3: illegal weight specified\nrules:5: No such destination",
			keep: "rules:3: illegal weight specified"},
		{name: "a bad server of an unknown service", file: `-A -f 1
-a -f x -r 192.0.2.1
-e -f 1 -r 192.0.2.1 -w 2
-e -f 2 -r 192.0.2.1 -w 2`, want: "rules:2: invalid fwmark value `x' specified\nrules:4: Service not defined",
			keep: "rules:2: invalid fwmark value `x' specified"},
		{name: "bad deletions", file: `-A -f 1
-A -f 2
-a -f 2 -r 192.0.2.1
-a -f 2 -r 192.0.2.1
-d -f 2 -r 192.0.2.1 -w 1
-a -f 2 -r 192.0.2.1
-D -f 1 --bogus
-A -f 1
-D -f x
-A -f 2
-C extra
-A -f 1
-A -f 1`, want: `rules:4: Destination already exists
rules:5: Illegal 'weight' option with the 'delete-server' command
rules:7: --bogus: unknown option
rules:9: invalid fwmark value ` + "`x'" + ` specified
rules:11: unexpected argument extra`},
		{name: "a bad edit leads to nothing", file: "-E -f 1 -s rr -p x\n-a -f 1 -r 192.0.2.1",
			want: "rules:1: invalid timeout value `x' specified\nrules:2: Service not defined",
			keep: "rules:1: invalid timeout value `x' specified"},
		{name: "daemons", file: `--start-daemon master
--start-daemon backup
--start-daemon master --syncid 3
--stop-daemon backup --bogus
--start-daemon backup
--start-daemon none`, want: `rules:3: Daemon has already run
rules:4: --bogus: unknown option
rules:6: illegal start-daemon parameter specified`},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := read(t, test.file)
			for what, err := range map[string]error{
				"without the kernel": rules.Check(Options{}),
				"with it":            second(newPlan(rules, kernelWith(t, small), Options{})),
			} {
				if diff := cmp.Diff(test.want, fmt.Sprint(err)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			want := test.keep
			if want == "" {
				want = test.want
			}
			if diff := cmp.Diff(want, fmt.Sprint(rules.Check(Options{Keep: true}))); diff != "" {
				t.Errorf("--noflush without the kernel (-want +got):\n%s", diff)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// TestBadLinesBesideWhatIsThere plans with --noflush: the kernel's table counts.
func TestBadLinesBesideWhatIsThere(t *testing.T) {
	rules := read(t, `-a -f 7 -r 192.0.2.20
-a -f 8 -r 192.0.2.20
nonsense -f 9
-E -t 192.0.2.1:80 -s wlc
-a -f 7 -r 192.0.2.20`)
	const want = `rules:2: Service not defined
rules:3: Try ` + "`ipvsadm -h' or 'ipvsadm --help'" + ` for more information.
rules:5: Destination already exists`
	plan, err := newPlan(rules, kernelWith(t, small), Options{Keep: true})
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" || plan != nil {
		t.Errorf("plan %v, errors (-want +got):\n%s", plan, diff)
	}
}

// TestRandomPlans executes random plans, line by line, on tables that refuse as a kernel does. It also breaks them off and
// undoes them.
func TestRandomPlans(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	randomRules := func() string {
		var text strings.Builder
		for mark := range 4 {
			if random.IntN(3) == 0 {
				continue
			}
			fmt.Fprintf(&text, "-A -f %d -s %s\n", mark+1, []string{"rr", "wlc"}[random.IntN(2)])
			for _, i := range random.Perm(random.IntN(12)) {
				fmt.Fprintf(&text, "-a -f %d -r 192.0.2.%d -w %d\n", mark+1, i+1, random.IntN(3))
			}
		}
		for _, state := range []string{"master", "backup"} {
			switch random.IntN(3) {
			case 0:
				fmt.Fprintf(&text, "--start-daemon %s --syncid %d\n", state, random.IntN(2)+1)
			case 1:
				fmt.Fprintf(&text, "--stop-daemon %s\n", state)
			}
		}
		fmt.Fprintf(&text, "--set %d 0 %d\n", random.IntN(3), random.IntN(3))
		return text.String()
	}
	kernelTable := func(k kernelState) table {
		made := emptyTable()
		entries, _ := ipvs.Gather(k.entries)
		made.addEntries(entries...)
		made.timeouts = k.timeouts
		for _, d := range k.daemons {
			made.daemons[d.State] = daemon{Daemon: d, runs: true}
		}
		return made
	}
	apply := func(made *table, lines []Line) {
		t.Helper()
		for _, line := range lines {
			c := line.Command
			id := c.Service.ServiceID
			s := made.services[id]
			exists, serverExists := s != nil, s != nil && s.server(c.Server.Address) != nil
			runs := made.daemons[c.Daemon.State].runs
			if exists && c.Kind == command.AddService || serverExists && c.Kind == command.AddServer ||
				runs && c.Kind == command.StartDaemon || !runs && c.Kind == command.StopDaemon {
				t.Fatalf("refused: %s", c.AppendRule(nil, nil))
			}
			if err := made.apply(&line); err != nil {
				t.Fatalf("%s: %v", c.AppendRule(nil, nil), err)
			}
		}
	}
	text := func(made table) string {
		var b strings.Builder
		for _, s := range slices.SortedFunc(maps.Values(made.services), func(a, b *service) int { return a.Compare(b.ServiceID) }) {
			fmt.Fprintf(&b, "%s\n", serviceLine(command.AddService, s).Command.AppendRule(nil, nil))
			for _, d := range slices.SortedFunc(slices.Values(s.servers), func(a, b server) int { return a.Address.Compare(b.Address) }) {
				fmt.Fprintf(&b, "%s\n", serverLine(command.AddServer, s, d).Command.AppendRule(nil, nil))
			}
		}
		fmt.Fprintln(&b, made.timeouts)
		for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
			if d := made.daemons[state]; d.runs {
				fmt.Fprintln(&b, d.Daemon)
			}
		}
		return b.String()
	}
	for range 500 {
		old, rules := randomRules(), randomRules()
		plan, err := newPlan(readGood(t, rules), kernelWith(t, old), Options{})
		if err != nil {
			t.Fatal(err)
		}
		steps := append(slices.Clone(plan.Additions), plan.Deletions...)

		made := kernelTable(kernelWith(t, old))
		before := text(made)
		apply(&made, steps)
		wanted := kernelTable(kernelWith(t, rules))
		wanted.timeouts = kernelWith(t, old).timeouts.With(readGood(t, rules).Lines[len(readGood(t, rules).Lines)-1].Command.Timeouts)
		for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
			if !strings.Contains(rules, state.String()) { // it stays as it was
				wanted.daemons[state] = kernelTable(kernelWith(t, old)).daemons[state]
			}
		}
		if diff := cmp.Diff(text(wanted), text(made)); diff != "" {
			t.Fatalf("from\n%sto\n%s(-want +got):\n%s", old, rules, diff)
		}

		made = kernelTable(kernelWith(t, old))
		done := steps[:random.IntN(len(steps)+1)]
		apply(&made, done)
		var doneLines []*Line
		for i := range done {
			doneLines = append(doneLines, &done[i])
		}
		mine := touchedBy(doneLines)
		additions, deletions := difference(made, plan.before)
		apply(&made, slices.DeleteFunc(append(additions, deletions...), func(line Line) bool { return !mine.has(line) }))
		if diff := cmp.Diff(before, text(made)); diff != "" {
			t.Fatalf("from\n%sto\n%sundone after %d steps (-want +got):\n%s", old, rules, len(done), diff)
		}
	}
}

// TestUndoOwn has lines that undo the plan's own changes, and lines that would undo those of others.
func TestUndoOwn(t *testing.T) {
	var done []*Line
	for _, line := range readGood(t, `
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1
-E -f 2 -s rr
-e -f 3 -r 192.0.2.1 -w 4
-d -f 3 -r 192.0.2.2
-D -f 4
-Z -f 6`).Lines {
		done = append(done, &line)
	}
	mine := touchedBy(done)
	for _, line := range readGood(t, `
-D -f 1
-d -f 1 -r 192.0.2.1
-E -f 2 -s wlc
-e -f 3 -r 192.0.2.1
-a -f 3 -r 192.0.2.2
-A -f 4 -s wlc
-a -f 4 -r 192.0.2.3`).Lines {
		if !mine.has(line) {
			t.Errorf("not the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
	for _, line := range readGood(t, `
-D -f 6
-e -f 2 -r 192.0.2.1
-E -f 3 -s rr
-e -f 3 -r 192.0.2.3
-A -f 5 -s wlc
-D -f 1 -6`).Lines {
		if mine.has(line) {
			t.Errorf("the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
}

func TestWithoutGone(t *testing.T) {
	gone := &Error{"rules", 1, refusal(&command.Command{Kind: command.DeleteServer}, 2)}
	goneService := &Error{"rules", 2, refusal(&command.Command{Kind: command.DeleteService}, 3)}
	denied := &Error{"rules", 3, refusal(&command.Command{Kind: command.DeleteService}, 1)}
	missing := &Error{"rules", 4, refusal(&command.Command{Kind: command.EditServer}, 2)}
	if err := withoutGone(errors.Join(gone, goneService)); err != nil {
		t.Errorf("what is gone already: %v", err)
	}
	if err := withoutGone(nil); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := withoutGone(errors.Join(gone, denied, missing)); fmt.Sprint(err) != fmt.Sprint(errors.Join(denied, missing)) {
		t.Errorf("of four: %v", err)
	}
}

// TestBigPlans plans so many lines that a quadratic step would take minutes.
func TestBigPlans(t *testing.T) {
	const size = 100_000
	rules := &Rules{Source: "rules"}
	number := 0
	add := func(kind command.Kind, mark int) {
		number++
		line := Line{Number: number, Command: command.Command{Kind: kind}}
		line.Command.Service.ServiceID = ipvs.MarkService(uint32(mark), ipvs.IPv4)
		rules.Lines = append(rules.Lines, line)
	}
	for mark := range size {
		add(command.AddService, mark+1)
	}
	for mark := range size {
		add(command.DeleteService, size-mark)
	}
	start := time.Now()
	plan, err := newPlan(rules, kernelWith(t, ""), Options{})
	if err != nil || len(plan.Additions)+len(plan.Deletions) != 0 {
		t.Errorf("plan %v, error %v", plan, err)
	}
	slices.Reverse(rules.Lines)
	if _, err := newPlan(rules, kernelWith(t, ""), Options{}); err == nil {
		t.Error("no error from deleting what is not there")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
