package verb

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// step is a command line of a session, and what it must do.
type step struct {
	line           string
	stdin          string
	output, errors string
	part           string // of the output, if that is not given as a whole
	status         int
}

// session runs command lines one after the other.
func (a testApp) session(steps []step) {
	a.t.Helper()
	for _, s := range steps {
		if _, err := a.stdin.Seek(0, 0); err != nil {
			a.t.Fatal(err)
		}
		if err := os.WriteFile(a.stdin.Name(), []byte(s.stdin), 0); err != nil {
			a.t.Fatal(err)
		}
		output, errors, status := a.do(strings.Fields(s.line)...)
		if s.part != "" && strings.Contains(output, s.part) {
			output = s.output
		}
		if output != s.output || errors != s.errors || status != s.status {
			a.t.Errorf("%s: status %d, prints\n%s%s\nwant status %d,\n%s%s", s.line, status, output, errors, s.status, s.output+s.part, s.errors)
		}
	}
}

const heading = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
`

// TestClassic changes and lists a table, as the original does.
func TestClassic(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.session([]step{
		{line: "-A -t 192.0.2.2:80 -s rr"},
		{line: "-a -t 192.0.2.2:80 -r 10.0.0.2:8080 -m -w 2"},
		{line: "-a -t 192.0.2.2:80 -r 10.0.0.1:8080 -m"},
		{line: "-A -t 192.0.2.1:80"},
		{line: "-Ln", output: heading +
			"TCP  192.0.2.1:80 wlc\n" +
			"TCP  192.0.2.2:80 rr\n" +
			"  -> 10.0.0.1:8080                Masq    1      0          0         \n" +
			"  -> 10.0.0.2:8080                Masq    2      0          0         \n"},
		{line: "", output: heading +
			"TCP  192.0.2.1:80 wlc\n" +
			"TCP  192.0.2.2:80 rr\n" +
			"  -> 10.0.0.1:8080                Masq    1      0          0         \n" +
			"  -> 10.0.0.2:8080                Masq    2      0          0         \n"},
		{line: "-Ln --nosort", output: heading +
			"TCP  192.0.2.2:80 rr\n" +
			"  -> 10.0.0.2:8080                Masq    2      0          0         \n" +
			"  -> 10.0.0.1:8080                Masq    1      0          0         \n" +
			"TCP  192.0.2.1:80 wlc\n"},
		{line: "-Ln -t 192.0.2.2:80", output: strings.Join(strings.SplitAfter(heading, "\n")[1:], "") +
			"TCP  192.0.2.2:80 rr\n" +
			"  -> 10.0.0.1:8080                Masq    1      0          0         \n" +
			"  -> 10.0.0.2:8080                Masq    2      0          0         \n"},
		{line: "-Ln -t 192.0.2.2:80 --nosort", output: strings.Join(strings.SplitAfter(heading, "\n")[1:], "") +
			"TCP  192.0.2.2:80 rr\n" +
			"  -> 10.0.0.2:8080                Masq    2      0          0         \n" +
			"  -> 10.0.0.1:8080                Masq    1      0          0         \n"},
		{line: "-Sn", output: "-A -t 192.0.2.1:80 -s wlc\n" +
			"-A -t 192.0.2.2:80 -s rr\n" +
			"-a -t 192.0.2.2:80 -r 10.0.0.1:8080 -m -w 1\n" +
			"-a -t 192.0.2.2:80 -r 10.0.0.2:8080 -m -w 2\n"},
		{line: "-A -t 192.0.2.1:80", errors: "Service already exists\nhint: to change a service type -E\n", status: 255},
		{line: "-e -t 192.0.2.2:80 -r 10.0.0.3:8080 -m", errors: "No such destination\n", status: 255},
		{line: "-L -t 192.0.2.3:80", errors: "No such service\n", status: 1},
		{line: "-A -t", errors: "-t: missing argument\nhint: -t takes a value, ADDRESS[:PORT]: is a variable empty?\n", status: 255},
		{line: "-e -t 192.0.2.2:80 -r 10.0.0.1:8080 -m -w 7"},
		{line: "-d -t 192.0.2.2:80 -r 10.0.0.2:8080"},
		{line: "-E -t 192.0.2.2:80 -s sh -b sh-port"},
		{line: "-D -t 192.0.2.1:80"},
		{line: "-Ln", output: heading +
			"TCP  192.0.2.2:80 sh (sh-port)\n" +
			"  -> 10.0.0.1:8080                Masq    7      0          0         \n"},
		{line: "-C"},
		{line: "-Ln", output: heading},
	})
}

// TestClassicSettings sets and lists what is not in the table.
func TestClassicSettings(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.session([]step{
		{line: "-L --timeout", output: "Timeout (tcp tcpfin udp): 900 120 300\n"},
		{line: "--set 1 0 3"},
		{line: "-L --timeout", output: "Timeout (tcp tcpfin udp): 1 120 3\n"},
		{line: "-L --daemon"},
		{line: "--start-daemon master --mcast-interface eth0 --syncid 7"},
		{line: "--start-daemon master --mcast-interface eth1", errors: "Daemon has already run\n", status: 255},
		{line: "-L --daemon", output: "master sync daemon (mcast=eth0, syncid=7)\n"},
		{line: "--stop-daemon master"},
		{line: "--stop-daemon master", errors: "No daemon is running\n", status: 255},
		{line: "-Z"},
		{line: "-Z -f 1", errors: "No such service\n", status: 255},
	})
	if a.kernel.Zeroed != 1 {
		t.Errorf("zeroed %d times", a.kernel.Zeroed)
	}
}

// TestClassicRestore reads lines from standard input. Bad lines change nothing, and a refused one does not stop the others.
func TestClassicRestore(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.session([]step{
		{line: "-R", stdin: "-A -f 1 -s rr\n-A\n", status: 2, errors: "stdin:2: You need to supply the 'service-address' option for the 'add-service' command\n" +
			"hint: the service-address is -t ADDRESS:PORT (TCP), -u ADDRESS:PORT (UDP), --sctp-service ADDRESS:PORT or -f MARK\n"},
		{line: "-Sn"},
		{line: "-R", stdin: "-A -f 1 -s rr\n-A -f 1 -s rr\n-Sn\n-v\n-L --timeout\n-A -f 2 -s rr\n", status: 255,
			errors: "stdin:2: Service already exists\nhint: to change a service type -E\n",
			output: "-A -f 1 -s rr\nipvsadm 1.2.3 (commands and tables of ipvsadm 1.31)\nTimeout (tcp tcpfin udp): 900 120 300\n"},
		{line: "-Sn", output: "-A -f 1 -s rr\n-A -f 2 -s rr\n"},
	})
}

// TestWithoutPrivilege has a kernel that refuses everything.
func TestWithoutPrivilege(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.kernel.Refuse = func(int) syscall.Errno { return syscall.EPERM }
	a.session([]step{{line: "-C", errors: "Permission denied (you must be root)\n", status: 255}})
}

// TestVerbHint wants a hint for a misspelled verb, after the original's message.
func TestVerbHint(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	for line, want := range map[string]string{
		"resotre -f x": "hint: type ipvsadm restore\n",
		"conections":   "hint: type ipvsadm connections\n",
		"metric":       "hint: type ipvsadm metrics\n",
		"xyz":          "",
	} {
		_, stderr, status := a.do(strings.Fields(line)...)
		if status == 0 || !strings.HasSuffix(stderr, want) || want == "" && strings.Contains(stderr, "hint") {
			t.Errorf("%s: status %d:\n%s", line, status, stderr)
		}
	}
}
