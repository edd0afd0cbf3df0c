package tests

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
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
