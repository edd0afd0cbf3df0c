package tests

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
