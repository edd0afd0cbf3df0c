package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
	"ipvsadm/restore"
)

// inside calls f in the namespace, with a client of its kernel's IPVS.
func (d *director) inside(t *testing.T, f func(*ipvs.Client) error) {
	t.Helper()
	err := d.do(func() error {
		client, err := ipvs.Dial()
		if err != nil {
			return err
		}
		defer client.Close()
		return f(client)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// table returns all that the kernel knows, counters and connections too, but not the rates, which change by themselves.
func (d *director) table(t *testing.T) (entries []ipvs.Entry) {
	t.Helper()
	d.inside(t, func(client *ipvs.Client) (err error) {
		entries, err = client.Table(t.Context())
		return err
	})
	for i := range entries {
		entries[i].Rates = ipvs.Counters{}
		for j := range entries[i].Destinations {
			entries[i].Destinations[j].Rates = ipvs.Counters{}
		}
	}
	ipvs.SortTable(entries)
	return entries
}

var comparable = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, ipvs.Netmask{})

// badLines are lines of every kind that is wrong, each with its message and the status of a file that begins with it.
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
		said := said{}
		if name == "stdin" {
			said = d.run(file, "ipvsadm", "-R")
		} else {
			write(t, rules, file)
			said = d.run("", "ipvsadm-restore", "-f", rules)
		}
		if diff := cmp.Diff(want, withoutHints(said.stderr)); said.status != 255 || said.stdout != "" || diff != "" {
			t.Errorf("status %d, stdout %q, stderr (-want +got):\n%s", said.status, said.stdout, diff)
		}
	}
	for _, bad := range badLines {
		write(t, rules, "-A -t 10.9.9.9:80\n"+bad.line)
		want := rules + ":2: " + bad.message + "\n"
		if said := d.run("", "ipvsadm-restore", "--test", "-f", rules); said.status != bad.status || withoutHints(said.stderr) != want {
			t.Errorf("%s: status %d, stderr %q, want %d, %q", bad.line, said.status, said.stderr, bad.status, want)
		}
	}
	// Lines that are good one by one, and cannot be together.
	for _, option := range []string{"--test", "--dry-run", "--noflush"} {
		said := d.run("-A -f 9\n-A -f 9\n-a -f 8 -r 10.1.0.1\n-a -f 9 -r 10.1.0.1\n-a -f 9 -r 10.1.0.1", "ipvsadm-restore", option)
		const want = "stdin:2: Service already exists\nstdin:3: Service not defined\nstdin:5: Destination already exists\n"
		if said.status != 255 || said.stdout != "" || said.stderr != want {
			t.Errorf("%s: %v", option, said)
		}
	}
	if said := d.run("", "ipvsadm-restore", "-f", filepath.Join(rules, "none")); said.status == 0 || said.stderr == "" {
		t.Errorf("no file: %v", said)
	}
	if diff := cmp.Diff(before, d.table(t), comparable); diff != "" {
		t.Errorf("the table was touched (-before +after):\n%s", diff)
	}
}

// conversation is a connection through a service of the director to a server on the director.
type conversation struct {
	net.Conn
	server net.Listener
}

// converse starts a server on 127.0.0.1 that gives lines back, and opens a connection to the service through it.
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

// say sends a line and waits for it to come back.
func (c *conversation) say(t *testing.T, line string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintln(c, line)
	got, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || got != line+"\n" {
		t.Errorf("said %q, heard %q, %v", line, got, err)
	}
}

// TestRestoreKeeps changes a table around a service with an open connection, and then a server of it.
func TestRestoreKeeps(t *testing.T) {
	d := newDirector(t)
	const kept = "-A -t 127.0.1.1:80 -s wrr\n-a -t 127.0.1.1:80 -r 127.0.0.1:8080 -m -w 1\n"
	d.restore(t, kept+"-a -t 127.0.1.1:80 -r 127.0.0.2:8080 -m -w 0\n-A -f 1 -s rr\n-A -f 2 -s rr\n-a -f 2 -r 10.1.0.1 -x 9\n")
	c := d.converse(t, "127.0.1.1:80", "127.0.0.1:8080")
	c.say(t, "before")

	// The kernel sums its counters up every two seconds.
	var before []ipvs.Entry
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		before = d.table(t)
		if last := d.table(t); before[0].Totals.IncomingPackets >= 4 && cmp.Equal(before, last, comparable) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the kernel counts nothing: %+v", before)
		}
	}
	stays := func(what string) {
		t.Helper()
		if diff := cmp.Diff(before[0].Service, d.table(t)[0].Service, comparable); diff != "" {
			t.Errorf("%s: the service (-before +after):\n%s", what, diff)
		}
		if diff := cmp.Diff(before[0].Destinations[0], d.table(t)[0].Destinations[0], comparable); diff != "" {
			t.Errorf("%s: the server (-before +after):\n%s", what, diff)
		}
	}
	if before[0].Destinations[0].ActiveConnections != 1 || before[0].Totals.Connections != 1 {
		t.Fatalf("before: %+v", before[0])
	}

	d.restore(t, "-A -f 2 -s wlc\n-A -f 3 -s rr\n"+kept+"-a -t 127.0.1.1:80 -r 127.0.0.3:8080 -m -w 0\n")
	stays("after a change around it")

	// A plan that is refused when it has edited the service and the server puts both back, and zeroes nothing.
	said := d.run("-A -t 127.0.1.1:80 -s rr\n-a -t 127.0.1.1:80 -r 127.0.0.1:8080 -m -w 7 -x 9\n-A -f 9 -s nosuch\n", "ipvsadm-restore")
	if said.status != 255 || withoutHints(said.stderr) != "stdin:3: Scheduler or persistence engine not found\n" {
		t.Errorf("refused: %v", said)
	}
	stays("after a refusal")

	before[0].Destinations[0].Weight = 7
	d.restore(t, strings.Replace(kept, "-w 1", "-w 7", 1))
	stays("after an edit of the server")
	c.say(t, "after")
}

// TestRestoreRefused has a line that the kernel refuses at the first, a middle and the last step of a long plan.
func TestRestoreRefused(t *testing.T) {
	d := newDirector(t)
	everything := readFile(t, "testdata/everything.rules")
	d.restore(t, big(100, 1)+everything[strings.Index(everything, "-A -u"):])
	before, told := d.table(t), d.told(t)
	// New services, edits of what is there, and much that would leave.
	plan := append(strings.SplitAfter(strings.ReplaceAll(big(60, 3), "-s wrr", "-s rr"), "\n")[:180],
		strings.SplitAfter(strings.ReplaceAll(big(60, 1), "-t 10.0.", "-u 10.2."), "\n")[:180]...)
	rules := filepath.Join(t.TempDir(), "rules")
	for _, at := range []int{0, 3, 180, 357, 360} {
		for _, refused := range []struct{ line, reason string }{
			{"-A -f 9 -s nosuch\n", "Scheduler or persistence engine not found"},
			{"-A -t 224.0.0.1:80 -s rr\n-a -t 224.0.0.1:80 -r 224.0.0.2:80 -m\n", "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		} {
			lines := strings.Join(plan[:at], "") + refused.line + strings.Join(plan[at:], "")
			write(t, rules, lines)
			want := fmt.Sprintf("%s:%d: %s\n", rules, at+strings.Count(refused.line, "\n"), refused.reason)
			said := d.run("", "ipvsadm-restore", "-f", rules)
			if said.status != 255 || said.stdout != "" || withoutHints(said.stderr) != want {
				t.Errorf("refused at %d: %v\nwant stderr: %s", at, said, want)
			}
			if diff := cmp.Diff(before, d.table(t), comparable); diff != "" {
				t.Errorf("refused at %d: the table (-before +after):\n%s", at, diff)
			}
		}
	}
	if diff := cmp.Diff(told, d.told(t)); diff != "" {
		t.Errorf("what the original tells (-before +after):\n%s", diff)
	}
}

// plan makes a plan of lines for the table as it is.
func (d *director) plan(t *testing.T, lines string) *restore.Plan {
	t.Helper()
	rules, err := restore.Read(t.Context(), strings.NewReader(lines), "rules", names.NewResolver())
	if err == nil {
		err = rules.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	var plan *restore.Plan
	d.inside(t, func(client *ipvs.Client) error {
		plan, err = restore.NewPlan(t.Context(), client, rules, restore.Options{})
		return err
	})
	return plan
}

// carry carries out a plan, with a client of its own to undo it.
func carry(ctx context.Context, plan *restore.Plan, client *ipvs.Client, run func(command.Command) error) error {
	spare, err := ipvs.Dial()
	if err != nil {
		return err
	}
	defer spare.Close()
	return plan.Carry(ctx, client, spare, run)
}

// TestRestoreRefusedLast has the very last step refused, when all that goes has gone: it comes back. What was to stay as
// it is stays, although its counters were set to zero.
func TestRestoreRefusedLast(t *testing.T) {
	d := newDirector(t)
	d.restore(t, readFile(t, "testdata/everything.rules"))
	before := d.table(t)
	const settled = "-A -t 10.0.0.1:0 -s rr -p 2678400\n-Z -t 10.0.0.1:0\n"
	plan := d.plan(t, settled+"-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -w 5\n-A -f 77")
	if len(plan.Leaves) < 40 {
		t.Fatalf("%d steps of what goes", len(plan.Leaves))
	}
	// The kernel refuses no deletion of what is there, so another command stands for one.
	refused := restore.Line{Number: 99, Command: command.Command{Kind: command.AddService}}
	refused.Command.Service = ipvs.Service{ServiceID: ipvs.MarkService(9, ipvs.IPv4), Scheduler: "nosuch"}
	plan.Leaves = append(plan.Leaves, refused)
	d.inside(t, func(client *ipvs.Client) error {
		if err := carry(t.Context(), plan, client, nil); fmt.Sprint(err) != "rules:99: Scheduler or persistence engine not found" {
			t.Errorf("error %v", err)
		}
		return nil
	})
	if diff := cmp.Diff(before, d.table(t), comparable); diff != "" {
		t.Errorf("the table (-before +after):\n%s", diff)
	}
}

// TestRestoreBesideOthers has another program change the table while a plan is made and carried out.
func TestRestoreBesideOthers(t *testing.T) {
	d := newDirector(t)
	const lines = "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1\n-a -f 1 -r 10.1.0.2\n-A -f 2 -s rr\n"
	d.restore(t, lines)
	// What is to go has gone: that is no failure.
	plan := d.plan(t, "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1 -w 5\n")
	d.mustOurs(t, "ipvsadm", "-d", "-f", "1", "-r", "10.1.0.2")
	d.mustOurs(t, "ipvsadm", "-D", "-f", "2")
	d.inside(t, func(client *ipvs.Client) error { return carry(t.Context(), plan, client, nil) })
	d.wantSaved(t, "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -g -w 5\n")

	// What is to change has gone: that is one, and is not brought back; nor is undone what the others did.
	d.restore(t, lines)
	plan = d.plan(t, "-A -f 1 -s wlc\n-a -f 1 -r 10.1.0.1 -w 5\n-a -f 1 -r 10.1.0.2 -w 5\n-A -f 2 -s wlc\n-A -f 3\n")
	d.mustOurs(t, "ipvsadm", "-d", "-f", "1", "-r", "10.1.0.2")
	d.mustOurs(t, "ipvsadm", "-a", "-f", "2", "-r", "10.1.0.4")
	d.mustOurs(t, "ipvsadm", "-A", "-f", "3", "-s", "wrr")
	d.inside(t, func(client *ipvs.Client) error {
		const want = "rules:3: No such destination\nrules:5: Service already exists"
		if err := carry(t.Context(), plan, client, nil); fmt.Sprint(err) != want {
			t.Errorf("error %v", err)
		}
		return nil
	})
	d.wantSaved(t, "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -g -w 1\n-A -f 2 -s rr\n-a -f 2 -r 10.1.0.4:0 -g -w 1\n-A -f 3 -s wrr\n")
}

// TestRestoreBrokenOff cancels a plan between two steps, and breaks its client.
func TestRestoreBrokenOff(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	before := d.table(t)
	for _, broken := range []bool{false, true} {
		plan := d.plan(t, "-A -t 192.0.2.1:80 -s wlc\n-A -f 3\n-L\n")
		ctx, cancel := context.WithCancel(t.Context())
		d.inside(t, func(client *ipvs.Client) error {
			err := carry(ctx, plan, client, func(command.Command) error {
				if broken {
					client.Close()
					return nil
				}
				cancel()
				return nil
			})
			if err == nil || !broken && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			return nil
		})
		if diff := cmp.Diff(before, d.table(t), comparable); diff != "" {
			t.Errorf("broken %v: the table (-before +after):\n%s", broken, diff)
		}
	}
}

func TestRestoreDryRun(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	rules := filepath.Join(t.TempDir(), "rules")
	write(t, rules, twoServices)
	if got := d.mustOurs(t, "ipvsadm-restore", "--dry-run", "-f", rules); got != "" {
		t.Errorf("no drift: %q", got)
	}
	write(t, rules, "--set 0 0 7\n-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0\n")
	const want = `-E -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1
-e -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0
--set 0 0 7
-D -f 7
`
	got := d.mustOurs(t, "ipvsadm-restore", "--dry-run", "-f", rules)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dry run (-want +got):\n%s", diff)
	}
	d.wantSaved(t, twoServices)
	if out := d.mustOurs(t, "ipvsadm-restore", "--test", "-f", rules); out != "" {
		t.Errorf("test: %q", out)
	}
	d.wantSaved(t, twoServices)

	// What was printed does what it says.
	if said := d.run(got, "ipvsadm", "-R"); said.status != 0 {
		t.Errorf("the dry run carried out: %v", said)
	}
	const after = "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 0\n-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m -w 1\n"
	d.wantSaved(t, after)

	// Without flushing, what is not named stays.
	write(t, rules, "-A -f 5 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 3\n")
	d.mustOurs(t, "ipvsadm-restore", "--noflush", "-f", rules)
	d.wantSaved(t, strings.Replace(after, "-w 0", "-w 3", 1)+"-A -f 5 -s rr\n")
}

// TestRestoreInOrder is of ipvsadm -R: line by line, any command, all of it read first, and a failure if any line failed.
func TestRestoreInOrder(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	said := d.run(`-A -f 8 -s rr
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
	want := inOrder(255, `Prot LocalAddress:Port Scheduler Flags
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
`)
	if diff := cmp.Diff(want.String(), said.String()); diff != "" {
		t.Errorf("ipvsadm -R (-want +got):\n%s", diff)
	}
	// What the last line does is not all that counts; and a bad line keeps those before it from being carried out.
	if said := d.run("-D -f 99\n-A -f 9 -s rr\n", "ipvsadm", "-R"); said.status != 255 || said.stderr != "stdin:1: No such service\n" {
		t.Errorf("a line that failed before one that did not: %v", said)
	}
	if said := d.run("-D -f 9\nnonsense\n", "ipvsadm", "-R"); said.status != 255 || !strings.HasPrefix(said.stderr, "stdin:2: ") {
		t.Errorf("a bad line: %v", said)
	}
	d.wantSaved(t, "-A -f 7 -s wlc\n-a -f 7 -r 10.1.0.1:0 -g -w 1\n-A -f 8 -s wlc\n-A -f 9 -s rr\n")
}

func inOrder(status int, stdout, stderr string) said { return said{status, stdout, stderr} }

// waitFor waits until a service is there.
func (d *director) waitFor(t *testing.T, id ipvs.ServiceID) {
	t.Helper()
	d.inside(t, func(client *ipvs.Client) error {
		for deadline := time.Now().Add(10 * time.Second); ; {
			if _, err := client.Service(t.Context(), id); err == nil || time.Now().After(deadline) {
				return err
			}
		}
	})
}

// TestRestoreKilled kills restores at random moments. Run again, one completes what the last began.
func TestRestoreKilled(t *testing.T) {
	d := newDirector(t)
	one, other := big(200, 1), strings.ReplaceAll(strings.ReplaceAll(big(200, 2), "-t 10.0.0.", "-u 10.0.0."), "wrr", "rr")
	folder := t.TempDir()
	files := [2]string{filepath.Join(folder, "one"), filepath.Join(folder, "other")}
	write(t, files[0], one)
	write(t, files[1], other)
	d.mustOurs(t, "ipvsadm-restore", "-f", files[0])
	start := time.Now()
	d.mustOurs(t, "ipvsadm-restore", "-f", files[1])
	takes := time.Since(start)
	d.mustOurs(t, "ipvsadm-restore", "-f", files[0])
	now := one // what the table is, unless a kill left it half-way
	const times = 24
	kills, halfway := 0, 0
	for i := range times {
		want := [2]string{other, one}[i%2]
		begun, most := func() {}, takes*5/4
		if i%4 < 2 { // not at any moment, but when the first service has come
			first := ipvs.AddressService([]ipvs.Protocol{ipvs.UDP, ipvs.TCP}[i%2], netip.MustParseAddrPort("10.0.0.1:80"))
			begun, most = func() { d.waitFor(t, first) }, takes/20
		}
		if d.killed(t, begun, most, "ipvsadm-restore", "-f", files[1-i%2]) {
			kills++
		}
		if got := d.mustOurs(t, "ipvsadm-save", "-n"); got != now && got != want {
			halfway++
		}
		d.mustOurs(t, "ipvsadm-restore", "-f", files[1-i%2])
		d.wantSaved(t, want)
		now = want
		if t.Failed() {
			break
		}
	}
	t.Logf("of %d restores, %d were killed, %d of them half-way", times, kills, halfway)
	if kills == 0 {
		t.Error("no kill came in time")
	}
}
