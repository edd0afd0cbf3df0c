package tests

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// The tests in this file hold what ipvsadm(8) says in CONNECTION COUNTS.

// TestConnectionCounts brings connections into each state, and checks which column counts them.
func TestConnectionCounts(t *testing.T) {
	f := newFarm(t, "rr")
	server := f.servers[0]
	silence := func() { server.ip("link set eth0 down") }
	var from string
	open := func() net.Conn {
		from = f.from(clientAddress(1))
		conn, _ := f.mustConnect(from)
		return conn
	}
	finish := func(conn net.Conn) { io.ReadAll(conn); conn.Close() }
	for _, test := range []struct {
		name, state, columns string
		lead                 func()
	}{
		{"open", "ESTABLISHED", "1 0", func() { open() }},
		{"server closed", "FIN_WAIT", "0 1", func() { fmt.Fprint(open(), "q") }},
		{"both closed", "TIME_WAIT", "0 1", func() { conn := open(); fmt.Fprint(conn, "q"); finish(conn) }},
		{"reset", "CLOSE", "0 1", func() { conn := open().(*net.TCPConn); conn.SetLinger(0); conn.Close() }},
		{"client closed, server silent", "CLOSE_WAIT", "0 1", func() {
			conn := open().(*net.TCPConn)
			silence()
			conn.CloseWrite()
		}},
		{"no answer", "SYN_RECV", "1 0", func() {
			silence()
			from = f.from(clientAddress(1))
			go f.connect(from)
		}},
	} {
		f.forget()
		server.ip("link set eth0 up", "route replace default via 10.0.0.1")
		f.ipvsadm("-A -t " + farmService + " -s rr")
		f.ipvsadm("-a -t " + farmService + " -r 10.0.0.11:80 -m")
		test.lead()
		eventually(t, 5*time.Second, test.name+": "+test.state, func() bool { return f.state(from) == test.state })
		if got := f.counts("-t", farmService); got != test.columns {
			t.Errorf("%s: %s: ActiveConn and InActConn are %s, want %s", test.name, test.state, got, test.columns)
		}
	}
}

// TestConnectionCountsDirect checks two states of direct routing, where the director sees only the client's packets: a
// connection that its server closed, and one that its server never accepted.
func TestConnectionCountsDirect(t *testing.T) {
	needNetworks(t)
	lan, client, webs, _ := onePlace(t)
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	startScript("lvsdr", director)
	f := &farm{t: t, director: director}
	const service = "192.0.2.100:80"

	held, _ := client.mustHold(director, "", service)
	if _, err := finish(held); err != nil { // the page ends when the server closes
		t.Fatal(err)
	}
	if _, err := held.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("the server did not close: %v", err)
	}
	if state := f.state(held.LocalAddr().String()); state != "ESTABLISHED" {
		t.Errorf("a connection that its server closed is %s, want ESTABLISHED", state)
	}
	held.Close()
	eventually(t, 5*time.Second, "FIN_WAIT", func() bool { return f.state(held.LocalAddr().String()) == "FIN_WAIT" })

	director.run("ipvsadm", "-C")
	director.run("ipvsadm", "-A", "-t", service, "-s", "rr")
	director.run("ipvsadm", "-a", "-t", service, "-r", "192.0.2.11", "-g")
	webs[0].ip("addr del 192.0.2.100/32 dev lo") // so the server drops the service's packets
	defer webs[0].ip("addr add 192.0.2.100/32 dev lo label lo:0")
	before := len(director.connections())
	go client.dial("", service)
	eventually(t, 5*time.Second, "the connection", func() bool { return len(director.connections()) > before })
	states := map[string]int{}
	for _, conn := range director.connections() {
		states[conn.state]++
	}
	if states["SYN_RECV"] != 1 {
		t.Errorf("a connection whose server does not answer is in none of these states: %v", states)
	}
	if got := f.counts("-t", service); got != "1 0" {
		t.Errorf("SYN_RECV: ActiveConn and InActConn are %s, want 1 0", got)
	}
}
