package tests

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The tests in this file hold what ipvsadm(8) says about the kernel in DRAINING A SERVER, CONNECTION COUNTS and KERNEL
// SETTINGS. Where one fails on a newer kernel, the manual is wrong.

// farm is a director that masquerades three servers, and a client outside that has many addresses.
type farm struct {
	t                *testing.T
	director, client *host
	servers          []*host
	port             int // the last source port that the client used
}

const (
	farmAddress = "192.0.2.100"
	farmService = farmAddress + ":80"
)

// newFarm returns a farm whose service has the scheduler, its flags and its persistence in words, and servers of weight 1.
func newFarm(t *testing.T, words string) *farm {
	t.Helper()
	needNetworks(t)
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	f := &farm{t: t, port: 20000}
	f.client = newHost(t, "client").join(outside, "eth0", "192.0.2.10/24")
	f.client.ip("route add local 198.51.100.0/24 dev lo")
	f.director = newHost(t, "director").join(outside, "eth0", "192.0.2.1/24").join(inside, "eth1", "10.0.0.1/24")
	f.director.ip("addr add "+farmAddress+"/32 dev eth0", "route add 198.51.100.0/24 via 192.0.2.10")
	f.director.set("ip_forward", "1")
	for i := 1; i <= 3; i++ {
		server := newHost(t, fmt.Sprintf("web%d", i)).join(inside, "eth0", fmt.Sprintf("10.0.0.1%d/24", i))
		server.ip("route add default via 10.0.0.1")
		server.echo()
		f.servers = append(f.servers, server)
	}
	f.schedule(words)
	return f
}

// schedule replaces the director's table.
func (f *farm) schedule(words string) {
	f.t.Helper()
	f.director.run("ipvsadm", "-C")
	f.ipvsadm("-A -t " + farmService + " -s " + words)
	for _, server := range f.servers {
		f.ipvsadm("-a -t " + farmService + " -r " + f.address(server.name) + " -m")
	}
}

func (f *farm) ipvsadm(line string) {
	f.t.Helper()
	f.director.run(append([]string{"ipvsadm"}, strings.Fields(line)...)...)
}

// address returns where the server of a name listens.
func (f *farm) address(name string) string {
	return "10.0.0.1" + strings.TrimPrefix(name, "web") + ":80"
}

func (f *farm) weigh(name string, weight int) {
	f.t.Helper()
	f.ipvsadm(fmt.Sprintf("-e -t %s -r %s -m -w %d", farmService, f.address(name), weight))
}

func (f *farm) remove(name string) {
	f.t.Helper()
	f.ipvsadm("-d -t " + farmService + " -r " + f.address(name))
}

// setting changes one of net.ipv4.vs on the director.
func (f *farm) setting(name, value string) {
	f.t.Helper()
	f.director.set("vs/"+name, value)
}

// echo serves TCP connections on port 80: it sends the host's name, and then every byte back. A byte q ends the
// connection.
func (h *host) echo() {
	h.t.Helper()
	var listener net.Listener
	err := h.do(func() (err error) {
		listener, err = net.Listen("tcp4", "0.0.0.0:80")
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { listener.Close() })
	serve := func(conn net.Conn) {
		defer conn.Close()
		io.WriteString(conn, h.name)
		for letter := make([]byte, 1); letter[0] != 'q'; {
			if _, err := conn.Read(letter); err != nil {
				return
			}
			conn.Write(letter)
		}
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
}

// client's addresses are 198.51.100.1 to 198.51.100.200.
func clientAddress(n int) string { return fmt.Sprintf("198.51.100.%d", n) }

// from returns an address of the client with a port that no connection had.
func (f *farm) from(address string) string {
	f.port++
	return fmt.Sprintf("%s:%d", address, f.port)
}

// connect opens a connection and returns it with the name of the server that took it.
func (f *farm) connect(from string) (net.Conn, string, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	var conn net.Conn
	err := f.client.do(func() (err error) {
		conn, err = dialer.Dial("tcp4", farmService)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	name := make([]byte, len("web1"))
	_, err = io.ReadFull(conn, name)
	return conn, string(name), err
}

func (f *farm) mustConnect(from string) (net.Conn, string) {
	f.t.Helper()
	conn, name, err := f.connect(from)
	if err != nil {
		f.t.Fatalf("a connection from %s: %v", from, err)
	}
	return conn, name
}

// exchange reports whether a byte that is sent on a connection comes back.
func exchange(conn net.Conn, patience time.Duration) error {
	conn.SetDeadline(time.Now().Add(patience))
	letter := []byte{'x'}
	if _, err := conn.Write(letter); err != nil {
		return err
	}
	_, err := conn.Read(letter)
	return err
}

// servedBy opens a connection from each of the client's first n addresses and returns who took it: a server's name, or
// "refused".
func (f *farm) servedBy(n int) map[int]string {
	f.t.Helper()
	names := map[int]string{}
	for i := range n {
		conn, name, err := f.connect(clientAddress(i+1) + ":0")
		if err == nil {
			conn.Close()
		} else if strings.Contains(err.Error(), "connection refused") {
			name = "refused"
		} else {
			f.t.Fatalf("client %d: %v", i+1, err)
		}
		names[i] = name
	}
	return names
}

func countNames(names map[int]string) map[string]int {
	counts := map[string]int{}
	for _, name := range names {
		counts[name]++
	}
	return counts
}

// TestWeightZero drains a server under each scheduler that picks one by load or in turn. The server keeps the connection
// it has, and gets no new one. When every server is drained, clients are refused.
func TestWeightZero(t *testing.T) {
	f := newFarm(t, "rr")
	for _, scheduler := range []string{"rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "lblc", "lblcr"} {
		f.schedule(scheduler)
		held, name := f.mustConnect(f.from(clientAddress(1)))
		f.weigh(name, 0)
		counts := countNames(f.servedBy(10))
		t.Logf("%s: %s drained: %v", scheduler, name, counts)
		if counts[name] != 0 || counts["refused"] != 0 {
			t.Errorf("%s: %s has weight 0, and new connections went so: %v", scheduler, name, counts)
		}
		if err := exchange(held, 5*time.Second); err != nil {
			t.Errorf("%s: a connection that the drained server had: %v", scheduler, err)
		}
		held.Close()
		for _, server := range f.servers {
			f.weigh(server.name, 0)
		}
		if diff := cmp.Diff(map[string]int{"refused": 3}, countNames(f.servedBy(3))); diff != "" {
			t.Errorf("%s: all servers drained (-want +got):\n%s", scheduler, diff)
		}
	}
}

// TestWeightZeroHashed drains a server under the schedulers that hash. Without a fallback flag the clients that hash to
// it are refused, all of them and nobody else. With the flag, and when the server is deleted, nobody is.
func TestWeightZeroHashed(t *testing.T) {
	const clients = 60
	f := newFarm(t, "rr")
	for _, scheduler := range []string{"sh", "mh", "dh", "sh -b sh-fallback", "mh -b mh-fallback"} {
		f.schedule(scheduler)
		before := f.servedBy(clients)
		drained := before[0]
		f.weigh(drained, 0)
		during := f.servedBy(clients)
		if hash, flags, _ := strings.Cut(scheduler, " "); flags == "" && hash != "dh" {
			f.ipvsadm("-E -t " + farmService + " -s " + hash + " -b " + hash + "-fallback")
			if n := countNames(f.servedBy(clients))["refused"]; n != 0 {
				t.Errorf("%s: %d clients are refused after the service was given its fallback flag", scheduler, n)
			}
		}
		f.remove(drained)
		after := f.servedBy(clients)
		t.Logf("%s: %v; %s drained: %v; deleted: %v", scheduler, countNames(before), drained, countNames(during), countNames(after))

		want := maps.Clone(before)
		for client, name := range want {
			if name == drained {
				want[client] = "refused"
			}
		}
		if strings.Contains(scheduler, "fallback") {
			for client, name := range during {
				if want[client] == "refused" && name != drained && name != "refused" {
					want[client] = name // any other server
				}
			}
		}
		if diff := cmp.Diff(want, during); diff != "" {
			t.Errorf("%s: %s drained (-want +got):\n%s", scheduler, drained, diff)
		}
		if n := countNames(after)["refused"]; n != 0 {
			t.Errorf("%s: %d clients are refused after %s was deleted", scheduler, n, drained)
		}
	}
}

// TestWeightZeroPersistent drains the server of a persistent client. The client's next connections follow its template to
// that server, unless expire_quiescent_template is 1. expire_nodest_conn makes no difference.
func TestWeightZeroPersistent(t *testing.T) {
	f := newFarm(t, "rr -p 600")
	for _, expireConnections := range []string{"0", "1"} {
		for expireTemplate, leaves := range map[string]bool{"0": false, "1": true} {
			f.setting("expire_quiescent_template", expireTemplate)
			when := fmt.Sprintf("expire_nodest_conn %s, expire_quiescent_template %s", expireConnections, expireTemplate)
			f.forget()
			f.setting("expire_nodest_conn", expireConnections)
			f.schedule("rr -p 600")
			client := clientAddress(1)
			held, name := f.mustConnect(f.from(client))
			if want := "1 0"; f.countsOf(name) != want { // the template is no connection
				t.Errorf("%s: ActiveConn and InActConn are %s, want %s", when, f.countsOf(name), want)
			}
			f.weigh(name, 0)
			for range 3 {
				if _, next := f.mustConnect(f.from(client)); (next != name) != leaves {
					t.Errorf("%s: the client of %s, which is drained, was served by %s", when, name, next)
				}
			}
			if _, other := f.mustConnect(f.from(clientAddress(2))); other == name {
				t.Errorf("%s: a new client was given to %s, which is drained", when, name)
			}
			if err := exchange(held, 5*time.Second); err != nil {
				t.Errorf("%s: a connection that the drained server had: %v", when, err)
			}
		}
	}
}

// TestPortReused opens a connection from a port whose last connection the director remembers, and whose server has since
// been drained.
func TestPortReused(t *testing.T) {
	f := newFarm(t, "rr")
	// With conn_reuse_mode 0 only a newer kernel (6.1, not 5.10) looks at expire_nodest_conn. The one has run_estimation,
	// and the other lacks it.
	newer := f.director.carriesSetting("run_estimation")
	for _, test := range []struct {
		reuse, expire string
		leaves        bool
	}{
		{"0", "0", false},
		{"0", "1", newer},
		{"1", "0", true},
		{"1", "1", true},
	} {
		f.setting("conn_reuse_mode", test.reuse)
		f.setting("expire_nodest_conn", test.expire)
		for _, state := range []string{"TIME_WAIT", "CLOSE"} {
			f.schedule("rr")
			from := f.from(clientAddress(1))
			conn, name := f.mustConnect(from)
			switch state {
			case "TIME_WAIT": // the server closes first, so the client's port is free at once
				fmt.Fprint(conn, "q")
				io.ReadAll(conn)
			case "CLOSE": // a reset
				conn.(*net.TCPConn).SetLinger(0)
			}
			conn.Close()
			eventually(t, 5*time.Second, state, func() bool { return f.state(from) == state })
			f.weigh(name, 0)
			_, next := f.mustConnect(from)
			t.Logf("conn_reuse_mode %s, expire_nodest_conn %s, %s: %s, then %s", test.reuse, test.expire, state, name, next)
			if (next != name) != test.leaves {
				t.Errorf("leaves the drained server: want %v", test.leaves)
			}
		}
	}
}

// forget clears the director's table and makes it forget all connections.
func (f *farm) forget() {
	f.t.Helper()
	f.setting("expire_nodest_conn", "1")
	f.director.run("ipvsadm", "-C")
	eventually(f.t, 10*time.Second, "no connection in the table", func() bool { return len(f.director.connections()) == 0 })
	f.setting("expire_nodest_conn", "0")
}

// carriesSetting reports whether the kernel has a setting in net.ipv4.vs.
func (h *host) carriesSetting(name string) bool {
	_, status := h.try("test", "-e", "/proc/sys/net/ipv4/vs/"+name)
	return status == 0
}

// state returns the state in which the director lists the connection from an address and port.
func (f *farm) state(from string) string {
	f.t.Helper()
	for _, conn := range f.director.connections() {
		if conn.client == from {
			return conn.state
		}
	}
	return ""
}

// TestServerDeleted deletes the server of an open connection. The connection stays in the table and the client hears
// nothing, until the server is there again; with expire_nodest_conn the connection leaves the table by itself, and what
// the client sends next is answered by a reset.
func TestServerDeleted(t *testing.T) {
	f := newFarm(t, "rr")
	f.setting("expire_nodest_conn", "0")
	from := f.from(clientAddress(1))
	held, name := f.mustConnect(from)
	f.remove(name)
	if err := exchange(held, 2500*time.Millisecond); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("expire_nodest_conn 0: the client of a deleted server: %v, want silence", err)
	}
	if state := f.state(from); state != "ESTABLISHED" {
		t.Errorf("expire_nodest_conn 0: the connection is %q in the table, want ESTABLISHED", state)
	}
	f.ipvsadm("-a -t " + farmService + " -r " + f.address(name) + " -m")
	held.SetDeadline(time.Now().Add(20 * time.Second)) // for TCP to send the byte again
	if _, err := held.Read(make([]byte, 1)); err != nil {
		t.Errorf("expire_nodest_conn 0: the server was added again: %v", err)
	}

	f.setting("expire_nodest_conn", "1")
	from = f.from(clientAddress(2))
	held, name = f.mustConnect(from)
	f.remove(name)
	began := time.Now()
	eventually(t, 10*time.Second, "the connection leaving the table", func() bool { return f.state(from) == "" })
	t.Logf("expire_nodest_conn 1: the connection left after %.1f s", time.Since(began).Seconds())
	if err := exchange(held, 5*time.Second); err == nil || !strings.Contains(err.Error(), "connection reset") {
		t.Errorf("expire_nodest_conn 1: the client of a deleted server: %v, want a reset", err)
	}
}

// TestConnectionForgotten sends on a connection that the director does not know. The client gets a reset, or, with
// sloppy_tcp, a server; that is the one that has the connection if the scheduler hashes.
func TestConnectionForgotten(t *testing.T) {
	f := newFarm(t, "mh")
	for _, test := range []struct{ scheduler, sloppy string }{{"mh", "0"}, {"mh", "1"}, {"sh", "1"}} {
		sloppy := test.sloppy
		f.schedule(test.scheduler)
		f.setting("sloppy_tcp", sloppy)
		from := f.from(clientAddress(1))
		held, _ := f.mustConnect(from)
		f.forget()
		f.schedule(test.scheduler)
		err := exchange(held, 5*time.Second)
		t.Logf("%s, sloppy_tcp %s: %v", test.scheduler, sloppy, err)
		if reset := err != nil && strings.Contains(err.Error(), "connection reset"); sloppy == "0" && !reset || sloppy == "1" && err != nil {
			t.Errorf("sloppy_tcp %s: a connection that the director does not know: %v", sloppy, err)
		}
	}
}

// TestConnectionCounts leads connections into each state that a director can be shown, and looks at the column that
// counts them.
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

// TestConnectionCountsDirect shows what a director of direct routing cannot see: that a server closed its connection, and
// that a server does not take part.
func TestConnectionCountsDirect(t *testing.T) {
	needNetworks(t)
	lan, client, webs, _ := onePlace(t)
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	up("lvsdr", director)
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
	webs[0].ip("addr del 192.0.2.100/32 dev lo") // and so it is deaf to the service
	defer webs[0].ip("addr add 192.0.2.100/32 dev lo label lo:0")
	before := len(director.connections())
	go client.dial("", service)
	eventually(t, 5*time.Second, "the connection", func() bool { return len(director.connections()) > before })
	states := map[string]int{}
	for _, conn := range director.connections() {
		states[conn.state]++
	}
	if states["SYN_RECV"] != 1 {
		t.Errorf("a connection whose server is deaf is none of these: %v", states)
	}
	if got := f.counts("-t", service); got != "1 0" {
		t.Errorf("SYN_RECV: ActiveConn and InActConn are %s, want 1 0", got)
	}
}

// counts returns ActiveConn and InActConn of the first server of a service.
func (f *farm) counts(service ...string) string {
	f.t.Helper()
	return f.countsIn("", service...)
}

// countsOf returns ActiveConn and InActConn of a server by its name.
func (f *farm) countsOf(name string) string {
	f.t.Helper()
	return f.countsIn(f.address(name), "-t", farmService)
}

func (f *farm) countsIn(address string, service ...string) string {
	f.t.Helper()
	for line := range strings.Lines(f.director.run(append([]string{"ipvsadm", "-Ln"}, service...)...)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "  -> "+address) && fields[1] != "RemoteAddress:Port" {
			return strings.Join(fields[len(fields)-2:], " ")
		}
	}
	f.t.Fatalf("%q has no server %s", service, address)
	return ""
}

// TestWeightZeroUDP drains the server of a UDP client. The client stays with it as long as it sends, whatever the
// settings, until the server is deleted with expire_nodest_conn 1.
func TestWeightZeroUDP(t *testing.T) {
	f := newFarm(t, "rr")
	const service = farmAddress + ":53"
	for _, expire := range []string{"0", "1"} {
		f.forget()
		f.setting("expire_nodest_conn", expire)
		f.setting("expire_quiescent_template", expire)
		f.setting("conn_reuse_mode", "1")
		f.ipvsadm("-A -u " + service + " -s rr")
		f.ipvsadm("-a -u " + service + " -r 10.0.0.11:53 -m")
		var conn net.Conn
		err := f.client.do(func() (err error) {
			conn, err = net.Dial("udp4", service)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// sentTo returns the server of the connection after a packet more.
		sentTo := func() (server string) {
			t.Helper()
			fmt.Fprint(conn, "x")
			eventually(t, 5*time.Second, "the UDP connection", func() bool {
				for _, c := range f.director.connections() {
					if c.protocol == "UDP" && c.client == conn.LocalAddr().String() {
						server = c.server
					}
				}
				return server != ""
			})
			return server
		}
		if got := sentTo(); got != "10.0.0.11:53" {
			t.Fatalf("the first packet went to %s", got)
		}
		if got := f.counts("-u", service); got != "0 1" {
			t.Errorf("ActiveConn and InActConn of a UDP client are %s, want 0 1", got)
		}
		f.ipvsadm("-a -u " + service + " -r 10.0.0.12:53 -m")
		f.ipvsadm("-e -u " + service + " -r 10.0.0.11:53 -m -w 0")
		for range 3 {
			if got := sentTo(); got != "10.0.0.11:53" {
				t.Errorf("settings %s: the drained server's client was moved to %s", expire, got)
			}
		}
		f.ipvsadm("-d -u " + service + " -r 10.0.0.11:53")
		want := map[string]string{"0": "10.0.0.11:53", "1": "10.0.0.12:53"}[expire]
		eventually(t, 10*time.Second, "settings "+expire+": a packet to "+want, func() bool { return sentTo() == want })
	}
}
