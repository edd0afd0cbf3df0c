package verb

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestListFormats lists a table in each format. What they look like is tested in package format.
func TestListFormats(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.session([]step{
		{line: "-R", stdin: "-A -t 192.0.2.1:80 -s mh\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m\n"},
		{line: "-Ln --format table", part: "192.0.2.1:80"},
		{line: "-L -t 192.0.2.1:80 --stats", part: "  -> 10.0.0.1:80 "},
		{line: "-L -t 192.0.2.1:80 --rate", part: "  -> 10.0.0.1:80 "},
		{line: "-L --timeout --format table", part: "tcpfin       120\n"},
		{line: "-L --timeout --format json", part: "\"udp_timeout_seconds\": 300"},
		{line: "-L --daemon --format json", part: "\"daemons\": []"},
		{line: "-L -f 9 --format json", status: 1, errors: "No such service\n"},
	})
}

// TestRefusedLists has the kernel refuse one request after the other. Each must make the command fail, and without output that
// looks complete.
func TestRefusedLists(t *testing.T) {
	const rules = "-A -f 1\n-a -f 1 -r 10.0.0.1\n-A -f 2\n-a -f 2 -r 10.0.0.1\n--start-daemon master --mcast-interface eth0\n"
	for _, line := range []string{
		"-Ln", "-Ln --nosort", "-Ln -f 1", "-L --timeout", "-L --daemon", "-Sn", "save -n", "save --all", "metrics", "diff kernel",
		"restore", "restore --dry-run", "restore --noflush",
	} {
		for at := 1; ; at++ {
			a := newTestApp(t, "ipvsadm")
			a.session([]step{{line: "-R", stdin: rules}})
			a.kernel.Lists = 0
			a.kernel.RefuseList = func(list int) syscall.Errno {
				if list == at {
					return syscall.ENOMEM
				}
				return 0
			}
			if err := os.WriteFile(a.stdin.Name(), []byte(rules+"-A -f 3\n"), 0); err != nil {
				t.Fatal(err)
			}
			output, errors, status := a.do(strings.Fields(line)...)
			if a.kernel.Lists < at {
				if at == 1 || status != 0 {
					t.Errorf("%s: %d requests, status %d, %s", line, a.kernel.Lists, status, errors)
				}
				break
			}
			if status == 0 || !strings.Contains(errors, "annot allocate memory") && !strings.Contains(errors, "Memory allocation problem") {
				t.Errorf("%s, request %d refused: status %d, prints %s%s", line, at, status, output, errors)
			}
		}
	}
}
