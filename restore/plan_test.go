package restore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// read reads lines, which must be good.
func read(t *testing.T, text string) []Line {
	t.Helper()
	lines, err := Read(t.Context(), strings.NewReader(text), "rules", names.NewResolver())
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// entries returns the table that lines make.
func entries(t *testing.T, text string) []ipvs.Entry {
	t.Helper()
	made := newTable(nil, 0)
	lines := read(t, text)
	for i := range lines {
		if err := made.change(&lines[i]); err != nil {
			t.Fatal(err)
		}
	}
	var all []ipvs.Entry
	for s := range made.services() {
		entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: *s.Service}}
		// What the kernel tells beyond what it was told.
		entry.Flags |= ipvs.Hashed
		entry.Totals.Connections, entry.Rates.IncomingBytes = 7, 7
		for d := range s.servers() {
			listed := ipvs.ListedDestination{
				Destination: *d.Destination, ActiveConnections: 3, InactiveConnections: 4, PersistentConnections: 5,
			}
			listed.Totals.Connections, listed.Rates.IncomingBytes = 7, 7
			entry.Destinations = append(entry.Destinations, listed)
		}
		all = append(all, entry)
	}
	return all
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
		{name: "to nothing", current: small, want: `
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
--set 900 120 300
-A -t 192.0.2.2:80 -s rr
-Z
--start-daemon master --syncid 7`, want: `
-A -t 192.0.2.2:80 -s rr
--set 900 120 300
-Z
--start-daemon master --syncid 7
-D -t 192.0.2.1:80
-D -f 7`},
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
			plan, err := NewPlan("rules", read(t, test.file), ipvs.Each(entries(t, test.current)...), Options{Keep: test.keep})
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

// TestPlanOfOldKernels has a server of this machine, of which kernels before 2.6.38 said that it is local.
func TestPlanOfOldKernels(t *testing.T) {
	current := entries(t, small)
	current[0].Destinations[0].Forwarding = ipvs.LocalNode
	plan, err := NewPlan("rules", read(t, small), ipvs.Each(current...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(plan.AppendRules(nil)); got != "" {
		t.Errorf("a plan of %q", got)
	}
}

// TestPlanOfWhatHasNoEffect has a service and a server that were other things before, of which the kernel remembers.
func TestPlanOfWhatHasNoEffect(t *testing.T) {
	current := entries(t, small)
	current[0].Timeout, current[0].Netmask = time.Minute, 0xffff0000
	current[0].Destinations[0].Tunnel = ipvs.Tunnel{Type: ipvs.GUE, Port: 7, Checksum: ipvs.Checksum}
	plan, err := NewPlan("rules", read(t, small), ipvs.Each(current...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(plan.AppendRules(nil)); got != "" {
		t.Errorf("a plan of %q", got)
	}
}

func TestPlanOfNoTable(t *testing.T) {
	failure := errors.New("no table")
	broken := func(yield func(ipvs.Entry, error) bool) {
		if yield(entries(t, small)[0], nil) {
			yield(ipvs.Entry{}, failure)
		}
	}
	for _, keep := range []bool{false, true} {
		if plan, err := NewPlan("rules", read(t, small), broken, Options{Keep: keep}); !errors.Is(err, failure) || plan != nil {
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
	plan, err := NewPlan("rules", read(t, file), ipvs.Each(entries(t, small)...), Options{})
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

// TestRevertIsOfOnesOwn tells which of the ways back to the table before are the plan's to go.
func TestRevertIsOfOnesOwn(t *testing.T) {
	var done []*Line
	for _, line := range read(t, `
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1
-E -f 2 -s rr
-e -f 3 -r 192.0.2.1 -w 4
-d -f 3 -r 192.0.2.2
-D -f 4
-Z -f 6`) {
		done = append(done, &line)
	}
	mine := touchedBy(done)
	for _, line := range read(t, `
-D -f 1
-d -f 1 -r 192.0.2.1
-E -f 2 -s wlc
-e -f 3 -r 192.0.2.1
-a -f 3 -r 192.0.2.2
-A -f 4 -s wlc
-a -f 4 -r 192.0.2.3`) {
		if !mine.has(line) {
			t.Errorf("not the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
	for _, line := range read(t, `
-D -f 6
-e -f 2 -r 192.0.2.1
-E -f 3 -s rr
-e -f 3 -r 192.0.2.3
-A -f 5 -s wlc
-D -f 1 -6`) {
		if mine.has(line) {
			t.Errorf("the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
}

func TestWithoutGone(t *testing.T) {
	gone := &Error{"rules", 1, refused(ipvs.OpDeleteDestination, 2)}
	goneService := &Error{"rules", 2, refused(ipvs.OpDeleteService, 3)}
	denied := &Error{"rules", 3, refused(ipvs.OpDeleteService, 1)}
	missing := &Error{"rules", 4, refused(ipvs.OpEditDestination, 2)}
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

func TestRead(t *testing.T) {
	lines := read(t, "\n \t\r\n# a comment\n  # another -A\n-A -t 192.0.2.1:80\r\n\tipvsadm\t-A  -f 1 \n\n-C")
	var got []string
	for _, line := range lines {
		got = append(got, fmt.Sprintf("%d %s", line.Number, line.Command.AppendRule(nil, nil)))
	}
	want := []string{"5 -A -t 192.0.2.1:80 -s wlc", "6 -A -f 1 -s wlc", "8 -C"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestReadBadLines(t *testing.T) {
	const file = `-A -t 192.0.2.1:80 -s rr
-A -t 192.0.2.1 -s rr
nonsense
-a -t 192.0.2.1:80
-A -f 0
-R
-C extra
-a -t 192.0.2.1:80 -r 192.0.2.11 -w -1`
	_, err := Read(t.Context(), strings.NewReader(file), "rules", names.NewResolver())
	const want = `rules:2: Zero port specified for non-persistent service
rules:3: Try ` + "`ipvsadm -h' or 'ipvsadm --help'" + ` for more information.
rules:4: You need to supply the 'real-server' option for the 'add-server' command
rules:5: invalid fwmark value ` + "`0'" + ` specified
rules:6: a restore within a restore
rules:7: unexpected argument extra
rules:8: illegal weight specified`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	var first *command.Error
	if !errors.As(err, &first) || first.Status != 2 {
		t.Errorf("the first error: %v", first)
	}
}

// TestBigPlans are of a size at which a quadratic step would take minutes.
func TestBigPlans(t *testing.T) {
	const size = 100_000
	var lines []Line
	number := 0
	add := func(verb command.Verb, mark int) {
		number++
		line := Line{Number: number, Command: command.Command{Verb: verb}}
		line.Command.Service.ServiceID = ipvs.MarkService(uint32(mark), ipvs.IPv4)
		lines = append(lines, line)
	}
	for mark := range size {
		add(command.AddService, mark+1)
	}
	for mark := range size {
		add(command.DeleteService, size-mark)
	}
	start := time.Now()
	plan, err := NewPlan("rules", lines, ipvs.Each(), Options{})
	if err != nil || len(plan.Makes)+len(plan.Leaves) != 0 {
		t.Errorf("plan %v, error %v", plan, err)
	}
	slices.Reverse(lines)
	if _, err := NewPlan("rules", lines, ipvs.Each(), Options{}); err == nil {
		t.Error("no error from deleting what is not there")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
