package tests

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// badLines holds a bad line of every kind, its message, and the status of a file whose first bad line it is.
var badLines = []struct {
	line, message string
	status        int
}{

	{"nonsense", "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255},
	{"-n", "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255},
	{"-A -t 10.0.0.1:80 --nosuch", "--nosuch: unknown option", 255},
	{"-A -t", "-t: missing argument", 255},
	{"-A -t 10.0.0.1:80 --ops=1", "--ops=1: option does not take an argument", 255},
	{"-A -D -t 10.0.0.1:80", "invalid option `-D'", 2},
	{"-A -t 10.0.0.1:80 -t 10.0.0.2:80", "multiple 'service-address' options specified", 2},
	{"-A -t 10.0.0.1:80 -r 10.1.0.1", "Illegal 'real-server' option with the 'add-service' command", 2},
	{"-a -t 10.0.0.1:80", "You need to supply the 'real-server' option for the 'add-server' command", 2},
	{"-A -t 10.0.0.1:80 -s sh -b mh-port", "incompatible scheduler flag `mh-port'", 2},
	{"-A -t 10.0.0.1:80 -b none", "invalid scheduler flag `none'", 2},
	{"-A -t 10.0.0.1:http_ -s rr", "illegal virtual server address[:port] specified", 2},
	{"-A -t 300.0.0.1:80", "illegal virtual server address[:port] specified", 2},
	{"-A -t no.such.host.invalid:80", "illegal virtual server address[:port] specified", 2},
	{"-A -t 10.0.0.1:0", "Zero port specified for non-persistent service", 2},
	{"-A -t 10.0.0.1:80 -o", "One-Packet Scheduling is only for UDP virtual services", 2},
	{"-A -f 4294967296", "invalid fwmark value `4294967296' specified", 2},
	{"-A -t 10.0.0.1:80 -p 0", "invalid timeout value `0' specified", 2},
	{"-A -t [2001:db8::1]:80 -p -M 129", "illegal ipv6 netmask specified", 2},
	{"-a -t 10.0.0.1:80 -r 10.1.0.1 -w 2147483648", "illegal weight specified", 2},
	{"-a -t 10.0.0.1:80 -r 10.1.0.1 -x -1", "illegal u_threshold specified", 2},
	{"-a -t 10.0.0.1:80 -r 10.1.0.1 -g --tun-type gre", "Tunnel options conflict with forward method", 2},
	{"-a -t 10.0.0.1:80 -r 10.1.0.1 -i --tun-type gue", "You need to supply the 'tun-port' option for the 'gue' tunnel type", 2},
	{"-a -t 10.0.0.1:80 -r [2001:db8::1]:80 -m", "Different address family is allowed only for tunneling servers", 2},
	{"--set 1 2", "--set option requires 3 timeout values", 2},
	{"-C extra", "unexpected argument extra", 2},
	{"-R", "a restore within a restore", 2},
}

func TestRestoreBadLines(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	before := d.table(t)
	rules := filepath.Join(t.TempDir(), "rules")
	for _, name := range []string{rules, "stdin"} {
		file := "-A -t 10.9.9.9:80\n# a comment\n\n"
		want := ""
		for i, bad := range badLines {
			file += bad.line + "\n-A -f " + strconv.Itoa(i+100) + "\n"
			want += fmt.Sprintf("%s:%d: %s\n", name, 4+2*i, bad.message)
		}
		result := outcome{}
		if name == "stdin" {
			result = d.run(file, "ipvsadm", "-R")
		} else {
			writeFile(t, rules, file)
			result = d.run("", "ipvsadm-restore", "-f", rules)
		}
		if diff := cmp.Diff(want, withoutHints(result.stderr)); result.status != 255 || result.stdout != "" || diff != "" {
			t.Errorf("status %d, stdout %q, stderr (-want +got):\n%s", result.status, result.stdout, diff)
		}
	}
	for _, bad := range badLines {
		writeFile(t, rules, "-A -t 10.9.9.9:80\n"+bad.line)
		want := rules + ":2: " + bad.message + "\n"
		if result := d.run("", "ipvsadm-restore", "--test", "-f", rules); result.status != bad.status || withoutHints(result.stderr) != want {
			t.Errorf("%s: status %d, stderr %q, want %d, %q", bad.line, result.status, result.stderr, bad.status, want)
		}
	}
	// These lines parse, but cannot all apply.
	for _, option := range []string{"--test", "--dry-run", "--noflush"} {
		result := d.run("-A -f 9\n-A -f 9\n-a -f 8 -r 10.1.0.1\n-a -f 9 -r 10.1.0.1\n-a -f 9 -r 10.1.0.1", "ipvsadm-restore", option)
		const want = "stdin:2: Service already exists\nstdin:3: Service not defined\nstdin:5: Destination already exists\n"
		if result.status != 255 || result.stdout != "" || result.stderr != want {
			t.Errorf("%s: %v", option, result)
		}
	}
	if result := d.run("", "ipvsadm-restore", "-f", filepath.Join(rules, "none")); result.status == 0 || result.stderr == "" {
		t.Errorf("no file: %v", result)
	}
	if diff := cmp.Diff(before, d.table(t), equateAddresses); diff != "" {
		t.Errorf("the table was touched (-before +after):\n%s", diff)
	}
}

// TestRestoreAllBadLines restores a file with lines that do not parse and lines that cannot apply. One run reports them all.
func TestRestoreAllBadLines(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices) // TCP 192.0.2.1:80 and FWM 7
	const file = `-A -f 1 -s rr
-A -f 1 -s rr
-a -f 7 -r 10.1.0.9
-a -f 9 -r 10.1.0.1
-A -f 8 -s rr -p x
-a -f 8 -r 10.1.0.1
nonsense
-a -f 10 -r 10.1.0.1
--start-daemon master
--start-daemon master
`
	const (
		duplicate = "stdin:2: Service already exists\n"
		kernels   = "stdin:3: Service not defined\n" // a service of the kernel's, which only --noflush keeps
		unknown   = "stdin:4: Service not defined\n"
		syntax    = "stdin:5: invalid timeout value `x' specified\nstdin:7: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
		after     = "stdin:8: Service not defined\n" // line 7 names no service, so it is no excuse
		daemon    = "stdin:10: Daemon has already run\n"
	)
	for options, want := range map[string]string{
		"":                 duplicate + kernels + unknown + syntax + after + daemon,
		"--dry-run":        duplicate + kernels + unknown + syntax + after + daemon,
		"--test":           duplicate + kernels + unknown + syntax + after + daemon,
		"--noflush":        duplicate + unknown + syntax + after + daemon,
		"--noflush --test": duplicate + syntax + daemon, // the kernel may have the services
	} {
		result := d.run(file, "ipvsadm-restore", strings.Fields(options)...)
		if result.status != 255 || result.stdout != "" || withoutHints(result.stderr) != want {
			t.Errorf("%q: %v\nwant %s", options, result, want)
		}
	}
	d.wantSaved(t, twoServices)
}
