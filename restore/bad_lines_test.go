package restore

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
