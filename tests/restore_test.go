package tests

import (
	"bufio"
	"fmt"
	"ipvsadm/ipvs"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// conversation is a connection through a service to a server, all on the director.
type conversation struct {
	net.Conn
	server net.Listener
}

// converse starts a server that sends every line back, and opens a connection to the service.
func (d *director) converse(t *testing.T, service, server string) *conversation {
	t.Helper()
	c := &conversation{}
	err := d.do(func() (err error) {
		if c.server, err = net.Listen("tcp", server); err != nil {
			return err
		}
		go func() {
			for {
				conn, err := c.server.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					lines := bufio.NewReader(conn)
					for {
						line, err := lines.ReadString('\n')
						if err != nil {
							return
						}
						conn.Write([]byte(line))
					}
				}()
			}
		}()
		c.Conn, err = net.DialTimeout("tcp", service, 5*time.Second)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); c.server.Close() })
	return c
}

// exchange sends a line and waits for it to come back.
func (c *conversation) exchange(t *testing.T, line string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(c, line)
	got, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || got != line+"\n" {
		t.Errorf("sent %q, received %q, %v", line, got, err)
	}
}

// TestRestoreKeeps changes the table around a service with an open connection, and then that service's server. The
// connection and the counters stay.
func TestRestoreKeeps(t *testing.T) {
	d := newDirector(t)
	const kept = "-A -t 127.0.1.1:80 -s wrr\n-a -t 127.0.1.1:80 -r 127.0.0.1:8080 -m -w 1\n"
	d.restore(t, kept+"-a -t 127.0.1.1:80 -r 127.0.0.2:8080 -m -w 0\n-A -f 1 -s rr\n-A -f 2 -s rr\n-a -f 2 -r 10.1.0.1 -x 9\n")
	c := d.converse(t, "127.0.1.1:80", "127.0.0.1:8080")
	c.exchange(t, "before")

	// The kernel sums its counters up every two seconds.
	var before []ipvs.Entry
	eventually(t, 10*time.Second, "counters of four packets, at rest", func() bool {
		before = d.table(t)
		return before[0].Totals.IncomingPackets >= 4 && cmp.Equal(before, d.table(t), equateAddresses)
	})
	stays := func(what string) {
		t.Helper()
		if diff := cmp.Diff(before[0].Service, d.table(t)[0].Service, equateAddresses); diff != "" {
			t.Errorf("%s: the service (-before +after):\n%s", what, diff)
		}
		if diff := cmp.Diff(before[0].Destinations[0], d.table(t)[0].Destinations[0], equateAddresses); diff != "" {
			t.Errorf("%s: the server (-before +after):\n%s", what, diff)
		}
	}
	if before[0].Destinations[0].ActiveConnections != 1 || before[0].Totals.Connections != 1 {
		t.Fatalf("before: %+v", before[0])
	}

	d.restore(t, "-A -f 2 -s wlc\n-A -f 3 -s rr\n"+kept+"-a -t 127.0.1.1:80 -r 127.0.0.3:8080 -m -w 0\n")
	stays("after a change around it")

	// A refusal after an edit of the service and the server undoes both edits and zeroes no counter.
	result := d.run("-A -t 127.0.1.1:80 -s rr\n-a -t 127.0.1.1:80 -r 127.0.0.1:8080 -m -w 7 -x 9\n-A -f 9 -s nosuch\n", "ipvsadm-restore")
	if result.status != 255 || withoutHints(result.stderr) != "stdin:3: Scheduler or persistence engine not found\n" {
		t.Errorf("refused: %v", result)
	}
	stays("after a refusal")

	before[0].Destinations[0].Weight = 7
	d.restore(t, strings.Replace(kept, "-w 1", "-w 7", 1))
	stays("after an edit of the server")
	c.exchange(t, "after")
}

func TestRestoreDryRun(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	rules := filepath.Join(t.TempDir(), "rules")
	writeFile(t, rules, twoServices)
	if got := d.mustRun(t, "ipvsadm-restore", "--dry-run", "-f", rules); got != "" {
		t.Errorf("no drift: %q", got)
	}
	writeFile(t, rules, "--set 0 0 7\n-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0\n")
	const want = `-E -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1
-e -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0
--set 0 0 7
-D -f 7
`
	got := d.mustRun(t, "ipvsadm-restore", "--dry-run", "-f", rules)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dry run (-want +got):\n%s", diff)
	}
	d.wantSaved(t, twoServices)
	if out := d.mustRun(t, "ipvsadm-restore", "--test", "-f", rules); out != "" {
		t.Errorf("test: %q", out)
	}
	d.wantSaved(t, twoServices)

	// The printed commands make the table of the file.
	if result := d.run(got, "ipvsadm", "-R"); result.status != 0 {
		t.Errorf("the dry run carried out: %v", result)
	}
	const after = "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0\n-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1\n"
	d.wantSaved(t, after)

	// With --noflush, services that the file does not name stay.
	writeFile(t, rules, "-A -f 5 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 3\n")
	d.mustRun(t, "ipvsadm-restore", "--noflush", "-f", rules)
	d.wantSaved(t, strings.Replace(after, "-w 0", "-w 3", 1)+"-A -f 5 -s rr\n")
}

// TestRestoreInOrder runs ipvsadm -R: it reads everything first, carries out any command line by line, and fails if a line
// failed.
func TestRestoreInOrder(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	result := d.run(`-A -f 8 -s rr
-A -f 7 -s rr
ipvsadm -a -f 7 -r 10.1.0.1
-d -f 7 -r 10.1.0.9
-E -f 8 -s wlc
-Ln -f 8
--set 100 0 0
-L --timeout
-D -t 192.0.2.1:80
-D -t 192.0.2.1:80
-A -f 9 -s nosuch
-S -n
`, "ipvsadm", "-R")
	want := outcome{255, `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
FWM  8 wlc
Timeout (tcp tcpfin udp): 100 120 300
-A -f 7 -s wlc
-a -f 7 -r 10.1.0.1:0 -g -w 1
-A -f 8 -s wlc
`, `stdin:2: Service already exists
stdin:4: No such destination
stdin:10: No such service
stdin:11: Scheduler or persistence engine not found
`}
	result.stderr = withoutHints(result.stderr)
	if diff := cmp.Diff(want.String(), result.String()); diff != "" {
		t.Errorf("ipvsadm -R (-want +got):\n%s", diff)
	}
	// A success on the last line does not hide a failure, and a bad line keeps the lines before it from being carried out.
	if result := d.run("-D -f 99\n-A -f 9 -s rr\n", "ipvsadm", "-R"); result.status != 255 || result.stderr != "stdin:1: No such service\n" {
		t.Errorf("a line that failed before one that did not: %v", result)
	}
	if result := d.run("-D -f 9\nnonsense\n", "ipvsadm", "-R"); result.status != 255 || !strings.HasPrefix(result.stderr, "stdin:2: ") {
		t.Errorf("a bad line: %v", result)
	}
	d.wantSaved(t, "-A -f 7 -s wlc\n-a -f 7 -r 10.1.0.1:0 -g -w 1\n-A -f 8 -s wlc\n-A -f 9 -s rr\n")
}
