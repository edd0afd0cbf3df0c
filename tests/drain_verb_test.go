package tests

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rules returns the table as rules.
func (h *host) rules() string {
	h.t.Helper()
	return h.run("ipvsadm", "-Sn")
}

// wantRules compares the table with rules.
func (h *host) wantRules(when, want string) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.rules()); diff != "" {
		h.t.Errorf("%s: the table (-want +got):\n%s", when, diff)
	}
}

// refuses runs a verb that must fail with a status, and with each text in its output.
func (h *host) refuses(status int, line string, texts ...string) {
	h.t.Helper()
	out, got := h.try(append([]string{"ipvsadm"}, strings.Fields(line)...)...)
	if got != status {
		h.t.Errorf("%s: status %d, want %d:\n%s", line, got, status, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			h.t.Errorf("%s printed %s, which lacks %q", line, out, text)
		}
	}
}

// TestDrain drains a server while a connection to it is open. New clients go to other servers, and none is refused. The
// drain ends when the connection does. undrain makes the table what it was.
func TestDrain(t *testing.T) {
	f := newFarm(t, "wrr")
	f.ipvsadm("-e -t " + farmService + " -r 10.0.0.12:80 -m -w 7 -x 1000 -y 5")
	f.ipvsadm("-e -t " + farmService + " -r 10.0.0.13:80 -m -w 7 -x 1000 -y 5")
	before := f.director.rules()
	held, name := f.mustConnect(f.from(clientAddress(1)))
	server := strings.TrimSuffix(f.address(name), ":80")
	during := strings.Replace(before, server+":80 -m -w 7", server+":80 -m -w 0", 1)

	out := f.director.run("ipvsadm", "drain", "-r", server, "--dry-run")
	if want := "ipvsadm -e -t " + farmService + " -r " + server + ":80 -m -w 0 -x 1000 -y 5\n" +
		"# wait up to 15m for the end of all active connections and templates; now: 1 active, 0 inactive\n"; out != want {
		t.Errorf("--dry-run: %s, want %s", out, want)
	}
	f.director.wantRules("--dry-run", before)

	d := f.director.drain("-r " + server)
	d.prints("1 active, 0 inactive; up to ")
	counts := countNames(f.servedBy(9))
	if counts[name] != 0 || counts["refused"] != 0 {
		t.Errorf("%s is drained, and new connections went so: %v", name, counts)
	}
	f.director.wantRules("drained", during)
	if list := f.director.run("ipvsadm", "drain", "--list"); !strings.Contains(list, "TCP "+farmService+"  "+server+":80  7 ") {
		t.Errorf("--list: %s", list)
	}
	all := events(t, f.director.run("ipvsadm", "drain", "--list", "--format", "json"))
	if len(all) != 1 || fmt.Sprintf("%v %v %v", all[0]["weight_before"], all[0]["active_connections"], all[0]["deleted"]) != "7 1 false" {
		t.Errorf("--list: %v", all)
	}
	if err := exchange(held, 5*time.Second); err != nil {
		t.Errorf("the connection that the server had: %v", err)
	}
	d.waits()
	held.Close()
	d.ends("exit status 0", "TCP "+farmService+" -> "+server+":80: weight 7 -> 0\n", "drained after ")

	f.director.run("ipvsadm", "undrain", "-r", server)
	f.director.wantRules("undrain", before)
	f.director.refuses(1, "undrain -r "+server, "is not drained")
	if list := f.director.run("ipvsadm", "drain", "--list"); list != "no server is drained\n" {
		t.Errorf("--list after undrain: %s", list)
	}
	// A restore that sets the weight ends a drain.
	rules := filepath.Join(t.TempDir(), "rules")
	writeFile(t, rules, before)
	f.director.run("ipvsadm", "drain", "-r", server, "--quiet")
	if saved := f.director.run("ipvsadm", "save", "-n"); saved != during {
		t.Errorf("a save during a drain: %s", saved)
	}
	f.director.run("ipvsadm", "restore", "-f", rules)
	if list := f.director.run("ipvsadm", "drain", "--list"); list != "no server is drained\n" {
		t.Errorf("--list after a restore: %s", list)
	}
	f.director.run("ipvsadm", "undrain", "--all")
	f.director.wantRules("undrain after a restore", before)
}

// TestDrainDirectRouting drains a server whose answers do not pass the director.
func TestDrainDirectRouting(t *testing.T) {
	needNetworks(t)
	lan := newSegment(t, "network")
	client := newHost(t, "client").join(lan, "eth0", "192.0.2.10/24")
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	director.ip("addr add " + farmAddress + "/32 dev eth0")
	director.run("ipvsadm", "-A", "-t", farmService, "-s", "rr")
	for i := 1; i <= 2; i++ {
		address := fmt.Sprintf("192.0.2.1%d", i)
		web := newHost(t, fmt.Sprintf("web%d", i)).join(lan, "eth0", address+"/24")
		web.set("conf/all/arp_ignore", "1")
		web.set("conf/all/arp_announce", "2")
		web.ip("addr add " + farmAddress + "/32 dev lo")
		web.echo()
		director.run("ipvsadm", "-a", "-t", farmService, "-r", address, "-g")
	}
	before := director.rules()
	f := &farm{t: t, director: director, client: client, port: 20000}
	held, name := f.mustConnect(f.from("192.0.2.10"))
	server := "192.0.2.1" + strings.TrimPrefix(name, "web")
	d := director.drain("-r " + server + " --format json")
	d.prints("progress")
	for range 4 {
		conn, other := f.mustConnect(f.from("192.0.2.10"))
		if other == name {
			t.Errorf("a new client went to %s, which is drained", name)
		}
		conn.Close()
	}
	if err := exchange(held, 5*time.Second); err != nil {
		t.Errorf("the connection that the server had: %v", err)
	}
	d.waits()
	held.Close()
	d.ends("exit status 0")
	if got := eventNames(events(t, readFile(t, d.stdout))); got != "start drain progress drained end" {
		t.Errorf("events: %s", got)
	}
	director.run("ipvsadm", "undrain", "-r", server)
	director.wantRules("undrain", before)
}

// TestDrainRefused refuses drains that would refuse clients. What it prints to type instead works.
func TestDrainRefused(t *testing.T) {
	const clients = 30
	f := newFarm(t, "mh -b mh-port")
	forgetDrains(t)
	const line = "drain -r 10.0.0.11 --timeout 0"
	for _, scheduler := range []string{"mh -b mh-port", "sh"} {
		f.schedule(scheduler)
		before := f.director.rules()
		out, status := f.director.try(strings.Fields("ipvsadm " + line)...)
		_, instead, found := strings.Cut(out, "hint: type before: ipvsadm ")
		instead, _, _ = strings.Cut(instead, "\n")
		if status != 1 || !found || !strings.Contains(out, "clients that hash to 10.0.0.11:80 would be refused") {
			t.Fatalf("%s: status %d:\n%s", scheduler, status, out)
		}
		f.director.wantRules(scheduler, before)
		f.ipvsadm(line + " --force")
		forced := countNames(f.servedBy(clients))
		f.ipvsadm("undrain -r 10.0.0.11")
		f.ipvsadm(instead)
		f.ipvsadm(line)
		counts := countNames(f.servedBy(clients))
		t.Logf("%s: forced %v, after %s %v", scheduler, forced, instead, counts)
		if counts["refused"] != 0 || counts["web1"] != 0 || forced["refused"] == 0 {
			t.Errorf("%s: clients went so: %v, and when drain was forced: %v", scheduler, counts, forced)
		}
		f.ipvsadm("undrain -r 10.0.0.11")
	}
	f.schedule("rr")
	f.ipvsadm("-d -t " + farmService + " -r 10.0.0.13:80")
	f.ipvsadm("drain -r 10.0.0.11")
	f.director.refuses(1, "drain -r 10.0.0.12", "10.0.0.12:80 is the last server of TCP "+farmService+" with a weight",
		"type before: ipvsadm undrain -r 10.0.0.11:80 -t "+farmService)
	f.ipvsadm("undrain -r 10.0.0.11:80 -t " + farmService)
	f.ipvsadm("drain -r 10.0.0.12")
	f.director.refuses(1, "drain -r 10.0.0.14", "no service has the server 10.0.0.14")
}

// TestDrainPersistent drains the server of a client with a template, which keeps coming back until a setting ends that.
func TestDrainPersistent(t *testing.T) {
	f := newFarm(t, "rr -p 600")
	f.setting("expire_quiescent_template", "0")
	held, name := f.mustConnect(f.from(clientAddress(1)))
	held.Close()
	server := strings.TrimSuffix(f.address(name), ":80")
	d := f.director.drain("-r " + server)
	d.prints("note: 1 template of persistent clients lead them to this server for up to ")
	d.prints("sysctl -w net.ipv4.vs.expire_quiescent_template=1")
	d.prints("1 template for up to ")
	held, again := f.mustConnect(f.from(clientAddress(1)))
	if again != name {
		t.Errorf("the client went to %s", again)
	}
	held.Close()
	d.waits()
	f.setting("expire_quiescent_template", "1")
	d.ends("exit status 0", "drained after ")
	if _, again = f.mustConnect(f.from(clientAddress(1))); again == name {
		t.Errorf("the client went back to %s", again)
	}
}

// TestDrainUDP drains a server that has one UDP client, which counts until the kernel forgets it.
func TestDrainUDP(t *testing.T) {
	f := newFarm(t, "rr")
	const service = farmAddress + ":53"
	f.ipvsadm("-A -u " + service + " -s rr")
	f.ipvsadm("-a -u " + service + " -r 10.0.0.11:53 -m")
	f.ipvsadm("--set 0 0 4")
	var conn net.Conn
	err := f.client.do(func() (err error) {
		conn, err = net.Dial("udp4", service)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "x")
	eventually(t, 5*time.Second, "the UDP connection", func() bool { return f.counts("-u", service) == "0 1" })
	f.ipvsadm("-a -u " + service + " -r 10.0.0.12:53 -m")
	d := f.director.drain("-r 10.0.0.11:53")
	d.prints("note: 1 UDP connection: a UDP client stays")
	d.prints("0 active, 1 inactive (1 UDP); up to ")
	d.waits()
	d.ends("exit status 0", "UDP "+service+" -> 10.0.0.11:53: drained after ")
	eventually(t, 10*time.Second, "the client on the other server", func() bool {
		fmt.Fprint(conn, "x") // the first one may report that nobody listens on the server
		return f.countsIn("10.0.0.12:53", "-u", service) == "0 1"
	})
}

// TestDrainEnds ends drains of a server with an open connection in every way but by waiting.
func TestDrainEnds(t *testing.T) {
	f := newFarm(t, "rr")
	from := f.from(clientAddress(1))
	held, name := f.mustConnect(from)
	server := strings.TrimSuffix(f.address(name), ":80")
	before := f.director.rules()
	drained := strings.Replace(before, server+":80 -m -w 1", server+":80 -m -w 0", 1)
	undrain := func(how string) {
		t.Helper()
		f.director.wantRules(how, drained)
		f.ipvsadm("undrain -r " + server)
		f.director.wantRules(how+", undrain", before)
	}
	const left = "1 active, 0 inactive: 1 of 198.51.100.1\n"

	f.director.drain("-r "+server+" --timeout 0").ends("exit status 3", "not drained after 0s, and the weight stays 0; left: 1 connection of 1 client\n", left)
	undrain("no time")

	d := f.director.drain("-r " + server + " --timeout 1500ms --format json")
	d.ends("exit status 3", left, "hint: to put it back, type: ipvsadm undrain -r "+server+"\n")
	all := events(t, readFile(t, d.stdout))
	if got := eventNames(all); got != "start drain progress timeout end" {
		t.Errorf("events: %s", got)
	}
	if end := all[len(all)-1]; fmt.Sprint(end["exit_status"]) != "3" {
		t.Errorf("the last event: %v", end)
	}
	undrain("deadline")

	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		d := f.director.drain("-r " + server)
		d.prints("1 active")
		d.Process.Signal(signal)
		d.ends("signal: "+signal.String(), ": the weight stays 0\nhint: to put it back, type: ipvsadm undrain -r "+server+"\n")
		undrain(signal.String())
	}

	d = f.director.drain("-r " + server)
	d.prints("1 active")
	f.weigh(name, 5) // as a health checker does
	d.ends("exit status 4", "TCP "+farmService+" -> "+server+":80: someone set the weight to 5\n", "someone else ended the drain\n")
	f.director.refuses(4, "undrain -r "+server, "someone set the weight to 5, and it stays so; it was 1 before the drain")
	f.weigh(name, 1)

	// Another drain of the same server waits too, and undrain ends both.
	first, second := f.director.drain("-r "+server), f.director.drain("-r "+server)
	first.prints("1 active")
	second.prints("1 active")
	f.ipvsadm("undrain -r " + server)
	first.ends("exit status 4", "someone set the weight to 1\n")
	second.ends("exit status 4", "someone set the weight to 1\n")
	f.director.wantRules("two drains", before)

	if err := exchange(held, 5*time.Second); err != nil {
		t.Errorf("the connection after all drains: %v", err)
	}
}

// TestDrainDelete deletes a server at the deadline. It says before what happens to the open connection, and that happens.
func TestDrainDelete(t *testing.T) {
	f := newFarm(t, "rr")
	for expire, want := range map[string]struct{ note, err string }{
		"0": {"then the kernel silently drops the packets of remaining clients for up to ", "timeout"},
		"1": {"then remaining TCP clients get a reset", "connection reset"},
	} {
		f.setting("expire_nodest_conn", expire)
		f.schedule("rr")
		before := f.director.rules()
		from := f.from(clientAddress(1))
		held, name := f.mustConnect(from)
		server := strings.TrimSuffix(f.address(name), ":80")
		f.director.drain("-r "+server+" --timeout 1s --delete").ends("exit status 3", "the weight stays 0")
		f.director.drain("-r "+server+" --timeout 1s --delete --force").ends("exit status 3", "note: at the deadline the server is deleted; "+want.note,
			"note: the server is deleted now; "+want.note, server+":80: deleted\n", "not drained after 1s, and the server was deleted; left: 1 connection of 1 client\n", "1 of 198.51.100.1")
		if strings.Contains(f.director.rules(), server) {
			t.Errorf("the server is not deleted: %s", f.director.rules())
		}
		if expire == "1" {
			eventually(t, 10*time.Second, "the connection leaving the table", func() bool { return f.state(from) == "" })
		}
		if err := exchange(held, 2500*time.Millisecond); err == nil || !strings.Contains(err.Error(), want.err) {
			t.Errorf("expire_nodest_conn %s: the client of a deleted server: %v, want %s", expire, err, want.err)
		}
		if list := f.director.run("ipvsadm", "drain", "--list"); !strings.Contains(list, server+":80  1 ") || !strings.Contains(list, "deleted") {
			t.Errorf("--list: %s", list)
		}
		f.ipvsadm("undrain -r " + server)
		f.director.wantRules("undrain", before)
		idle := f.address(map[bool]string{true: "web2", false: "web1"}[name == "web1"])
		f.ipvsadm("drain -r " + idle + " -t " + farmService + " --delete --timeout 20s")
		if strings.Contains(f.director.rules(), idle) {
			t.Error("the server without connections is not deleted")
		}
	}
}

// TestDrainServices drains a server of five services, by mark and by address, with one command. undrain gives each its own
// weight.
func TestDrainServices(t *testing.T) {
	f := newFarm(t, "rr")
	f.director.ip("addr add 192.0.2.101/32 dev eth0")
	f.director.run("ipvsadm", "-C")
	for i, service := range []string{"-t " + farmService, "-t 192.0.2.102:443", "-u 192.0.2.102:53", "-f 7", "-f 8 -6"} {
		f.ipvsadm("-A " + service + " -s rr")
		for n, server := range []string{"10.0.0.11:80", "10.0.0.12:80"} {
			method := " -m"
			if strings.Contains(service, "-6") {
				server, method = "[2001:db8::"+fmt.Sprint(n+1)+"]:80", " -g -x 9"
			}
			f.ipvsadm(fmt.Sprint("-a ", service, " -r ", server, method, " -w ", 10*i+n+1))
		}
	}
	before := f.director.rules()
	// The director itself is the client, because its own packets can have a mark without a firewall.
	marked := net.Dialer{Timeout: 5 * time.Second, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_MARK, 7) })
		return errors.Join(err, controlErr)
	}}
	var conn net.Conn
	name := make([]byte, len("web1"))
	for string(name) != "web1" {
		err := f.director.do(func() (err error) {
			conn, err = marked.Dial("tcp4", "192.0.2.101:80")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Read(name)
	}
	d := f.director.drain("-r 10.0.0.11")
	d.prints("draining 10.0.0.11 in 4 services, for up to 15m\n")
	d.prints("FWM 7 -> 10.0.0.11:80: 1 active")
	d.prints("TCP 192.0.2.102:443 -> 10.0.0.11:80: drained after ")
	conn.Close()
	d.ends("exit status 0", "FWM 7 -> 10.0.0.11:80: drained after ")
	f.ipvsadm("drain -r 2001:db8::1 -f 8 -6")
	if rules := f.director.rules(); strings.Count(rules, "-w 0") != 5 || strings.Count(rules, "10.0.0.11:80 -m -w 0") != 4 {
		t.Errorf("the table during the drain: %s", rules)
	}
	f.ipvsadm("undrain -r 10.0.0.11 -t 192.0.2.102:443")
	if rules := f.director.rules(); strings.Count(rules, "-w 0") != 4 {
		t.Errorf("one service was put back: %s", rules)
	}
	f.ipvsadm("undrain --all")
	f.director.wantRules("undrain", before)

	// weight changes the weight and nothing else.
	if out := f.director.run("ipvsadm", "weight", "-r", "2001:db8::2", "5", "-f", "8", "-6"); out != "FWM 8 IPv6 -> [2001:db8::2]:80: weight 42 -> 5\n" {
		t.Errorf("weight printed %s", out)
	}
	f.director.wantRules("weight", strings.Replace(before, "-g -w 42 -x 9", "-g -w 5 -x 9", 1))
	f.director.refuses(1, "weight -r 10.0.0.11 -1", "")
	f.director.refuses(1, "weight -r 10.0.0.11 2147483648", `the weight is "2147483648", not a number from 0 to 2147483647`)
	// A weight ends a drain.
	f.ipvsadm("drain -r 10.0.0.11 -t 192.0.2.102:443")
	f.ipvsadm("weight -r 10.0.0.11 -t 192.0.2.102:443 3")
	f.ipvsadm("weight -r 10.0.0.11 -t 192.0.2.102:443 0")
	f.director.refuses(1, "undrain -r 10.0.0.11", "is not drained", "has weight 0, but not from a drain: type ipvsadm weight -r 10.0.0.11:80 -t 192.0.2.102:443 WEIGHT")
}

// TestDrainIPv6 drains a server of an IPv6 service that has a connection.
func TestDrainIPv6(t *testing.T) {
	needNetworks(t)
	h := newHost(t, "director")
	h.run("ip", "-6", "-batch", h.file6(t, "addr add 2001:db8::80/128 dev lo nodad\naddr add 2001:db8::1/128 dev lo nodad\naddr add 2001:db8::2/128 dev lo nodad\n"))
	var listeners [2]net.Listener
	for i := range listeners {
		err := h.do(func() (err error) {
			listeners[i], err = net.Listen("tcp6", fmt.Sprintf("[2001:db8::%d]:80", i+1))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer listeners[i].Close()
	}
	const service = "[2001:db8::80]:80"
	h.run("ipvsadm", "-A", "-t", service, "-s", "rr")
	h.run("ipvsadm", "-a", "-t", service, "-r", "[2001:db8::1]:80", "-m")
	before := h.rules() + "-a -t " + service + " -r [2001:db8::2]:80 -m -w 1\n"
	var conn net.Conn
	err := h.do(func() (err error) {
		conn, err = net.Dial("tcp6", service)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.run("ipvsadm", "-a", "-t", service, "-r", "[2001:db8::2]:80", "-m")
	d := h.drain("-r 2001:db8::1 --timeout 1s")
	d.ends("exit status 3", "TCP "+service+" -> [2001:db8::1]:80: 1 active, 0 inactive: 1 of 2001:db8::80\n")
	d = h.drain("-r [2001:db8::1]:80 -t " + service)
	d.prints("the weight was 0 already\n")
	d.prints("1 active")
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	d.ends("exit status 0")
	h.run("ipvsadm", "undrain", "-r", "2001:db8::1")
	h.wantRules("undrain", before)
}

// file6 writes a file and returns its name.
func (h *host) file6(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "batch")
	writeFile(t, path, text)
	return path
}

// TestDrainKilled kills drains at many moments. Whatever they had done, undrain makes the table what it was.
func TestDrainKilled(t *testing.T) { killDrains(t, 8) }

func killDrains(t *testing.T, times int) {
	t.Helper()
	forgetDrains(t)
	d := newDirector(t)
	rules := manyServices(20, 2, 3)
	d.restore(t, rules)
	server := strings.Fields(strings.SplitAfter(rules, "-r ")[1])[0]
	server, _, _ = strings.Cut(server, ":")
	begun := func() {}
	started := time.Now()
	d.mustRun(t, "ipvsadm", "drain", "-r", server, "--quiet")
	takes := time.Since(started)
	d.mustRun(t, "ipvsadm", "undrain", "-r", server)
	d.wantSaved(t, rules)
	kills, halfway := 0, 0
	for range times {
		if d.killed(t, begun, takes*5/4, "ipvsadm", "drain", "-r", server, "--quiet") {
			kills++
		}
		if drained := strings.Count(d.mustRun(t, "ipvsadm", "-Sn"), "-w 0"); drained > 0 {
			halfway++
		}
		d.killed(t, begun, takes*5/4, "ipvsadm", "undrain", "-r", server)
		d.mustRun(t, "ipvsadm", "undrain", "--all")
		d.wantSaved(t, rules)
		if t.Failed() {
			break
		}
	}
	t.Logf("of %d drains, %d were killed; %d had set a weight", times, kills, halfway)
	if kills == 0 {
		t.Error("no drain was killed")
	}
}

// TestDrainsAtOnce drains all three servers of a service at once, and another network namespace's server of the same name.
// One drain is refused, whichever comes last, and the other namespace is not touched.
func TestDrainsAtOnce(t *testing.T) {
	forgetDrains(t)
	one, other := newDirector(t), newDirector(t)
	const rules = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n" +
		"-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 2\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 3\n"
	one.restore(t, rules)
	other.restore(t, rules)
	var all sync.WaitGroup
	results := make([]outcome, 3)
	for i := range results {
		all.Go(func() { results[i] = one.run("", "ipvsadm", "drain", "-r", fmt.Sprintf("10.0.0.%d", i+1)) })
	}
	all.Wait()
	refused := 0
	for _, result := range results {
		if result.status == 1 && strings.Contains(result.stderr, "is the last server of TCP 192.0.2.1:80 with a weight") {
			refused++
		} else if result.status != 0 {
			t.Errorf("%v", result)
		}
	}
	if saved := one.mustRun(t, "ipvsadm", "-Sn"); refused != 1 || strings.Count(saved, "-w 0") != 2 {
		t.Errorf("%d drains were refused, and the table is %s", refused, saved)
	}
	if got := other.mustRun(t, "ipvsadm", "drain", "--list"); got != "no server is drained\n" {
		t.Errorf("in the other namespace: %s", got)
	}
	if got := other.run("", "ipvsadm", "undrain", "-r", "10.0.0.1"); got.status != 1 {
		t.Errorf("undrain in the other namespace: %v", got)
	}
	one.mustRun(t, "ipvsadm", "undrain", "--all")
	one.wantSaved(t, rules)
}

// TestDrainAttacked gives drain what it should not trust, or cannot write to. Nothing is changed.
func TestDrainAttacked(t *testing.T) {
	d := newDirector(t)
	rules := manyServices(1, 2, 1)
	d.restore(t, rules)
	server := strings.Fields(strings.SplitAfter(rules, "-r ")[1])[0]
	const directory = "/run/ipvsadm"
	attack := func(line string) {
		t.Helper()
		if result := d.shell("rm -rf " + directory + "; " + line); result.status != 0 {
			t.Fatal(result)
		}
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	for _, test := range []struct{ attack, message string }{
		{"mkdir -m 777 " + directory, "others than root can write to " + directory},
		{"mkdir " + directory + " && chown nobody " + directory, "others than root can write to " + directory},
		{"mkdir /tmp/attack && chown nobody /tmp/attack && ln -s /tmp/attack " + directory, directory + " is not a directory: delete it"},
		{"mkdir -m 700 " + directory + " && ln -s /etc/passwd " + directory + "/lock", "too many levels of symbolic links"},
		{"mkdir -m 700 " + directory + " && mount -t tmpfs -o ro,mode=700 none " + directory, "read-only file system"},
	} {
		attack(test.attack)
		if result := d.run("", "ipvsadm", "drain", "-r", server); result.status != 1 || !strings.Contains(result.stderr, test.message) {
			t.Errorf("%s: %v, want %s", test.attack, result, test.message)
		}
		d.wantSaved(t, rules)
		d.shell("umount " + directory)
	}
	attack("true")
	for _, line := range []string{"$ipvsadm drain -r " + server + " >/dev/full", "$ipvsadm drain -r " + server + " --format json >/dev/full"} {
		if result := d.shell(line); result.status != 1 || !strings.Contains(result.stderr, "standard output: no space left on device") {
			t.Errorf("%s: %v", line, result)
		}
		d.wantSaved(t, rules)
	}
	for _, line := range []string{
		"$ipvsadm drain -r ''", "$ipvsadm drain", "$ipvsadm drain -r " + server + " extra", "$ipvsadm drain -r " + server + " --timeout ''",
		"$ipvsadm drain -r " + server + " --until ''", "$ipvsadm drain -r " + server + " -t ''", "$ipvsadm drain -r " + server + " --format ''",
		"$ipvsadm undrain -r ''", "$ipvsadm undrain", "$ipvsadm weight -r " + server, "$ipvsadm weight -r " + server + " ''", "$ipvsadm weight 5",
	} {
		if result := d.shell(line); result.status == 0 || result.stderr == "" {
			t.Errorf("%s: %v", line, result)
		}
		d.wantSaved(t, rules)
	}
	if result := d.shell("$ipvsadm drain -r " + server + " >&- && $ipvsadm undrain -r " + server + " >&- 2>&-"); result.status != 0 {
		t.Errorf("closed streams: %v", result)
	}
	d.wantSaved(t, rules)
}

// TestDrainOwned refuses to drain a server of keepalived's table.
func TestDrainOwned(t *testing.T) {
	needNetworks(t, "keepalived")
	forgetDrains(t)
	h := newHost(t, "director").join(newSegment(t, "lan"), "eth0", "192.0.2.1/24")
	h.startKeepalived(strings.Replace(balanced, "weight 1\n}", "weight 1\n}\nreal_server 10.0.0.12 80 {\nweight 1\n}", 1))
	eventually(t, 20*time.Second, "a table", func() bool { return strings.Count(h.rules(), "\n") == 3 })
	before := h.rules()
	h.refuses(1, "drain -r 10.0.0.11", "refused: keepalived (process ", "also manages this table: it would set the weight back",
		`hint: write "weight 0" at "real_server 10.0.0.11 80" in keepalived.conf, and type: systemctl reload keepalived`)
	h.wantRules("refused", before)
	h.run("ipvsadm", "drain", "-r", "10.0.0.11", "--force")
	h.run("ipvsadm", "undrain", "-r", "10.0.0.11")
	h.wantRules("forced and put back", before)
}
