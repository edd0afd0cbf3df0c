package restore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
