package tests

import (
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The tests in this file hold what ipvsadm(8) says about the kernel in DRAINING A SERVER. Where one fails on a newer
// kernel, the manual is wrong.

// TestWeightZero drains a server under each scheduler that picks one by load or in turn. The server keeps the connection
// it has and gets no new one. When every server is drained, clients are refused.
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

// TestWeightZeroHashed drains a server under the schedulers that hash. Without a fallback flag exactly the clients that
// hash to it are refused. With the flag, or after the server is deleted, no client is.
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

// TestWeightZeroUDP drains the server of a UDP client. With any settings, the client stays with it as long as it sends,
// until the server is deleted with expire_nodest_conn 1.
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
		// sentTo sends one more packet and returns the server of the connection.
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

// TestPortReused opens a connection from a port whose last connection the director remembers, and whose server has since
// been drained.
func TestPortReused(t *testing.T) {
	f := newFarm(t, "rr")
	// With conn_reuse_mode 0 only newer kernels (6.1, not 5.10) read expire_nodest_conn. Those have run_estimation too.
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

// TestServerDeleted deletes the server of an open connection. The connection stays in the table, and the client gets no
// answer until the server is added again. With expire_nodest_conn the connection leaves the table by itself, and the
// client's next packet is answered by a reset.
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

// TestConnectionForgotten sends on a connection that the director does not know. The client gets a reset. With sloppy_tcp
// it gets a server, and a scheduler that hashes chooses the one that has the connection.
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
