package tests

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// anycast is the network of lvsanycast: a client, a router, two directors and three real servers.
type anycast struct {
	t              *testing.T
	client, router *host
	directors      []*host
	servers        []*host
}

const (
	anycastVIP     = "192.0.2.80"
	anycastService = anycastVIP + ":80"
)

func newAnycast(t *testing.T, sloppy int) *anycast {
	t.Helper()
	needNetworks(t, "bird", "birdc")
	a := &anycast{t: t}
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	a.client = newHost(t, "client").join(outside, "eth0", "198.51.100.10/24")
	a.client.ip("route add default via 198.51.100.1")
	a.router = newHost(t, "router").join(outside, "eth0", "198.51.100.1/24").join(inside, "eth1", "203.0.113.1/24")
	a.router.env = []string{"RUN=" + t.TempDir()}
	for i := 1; i <= 3; i++ {
		server := newHost(t, fmt.Sprintf("web%d", i)).join(inside, "eth0", fmt.Sprintf("203.0.113.1%d/24", i))
		server.script("lvsanycast-real", "start")
		server.echo()
		a.servers = append(a.servers, server)
	}
	a.router.script("lvsanycast-router", "start")
	for i := 1; i <= 2; i++ {
		address := fmt.Sprintf("203.0.113.%d", i+1)
		director := newHost(t, fmt.Sprintf("director%d", i)).join(inside, "eth0", address+"/24")
		director.ip("route add default via 203.0.113.1")
		director.env = []string{"ADDRESS=" + address, "RUN=" + t.TempDir(), fmt.Sprint("SLOPPY_TCP=", sloppy), "DRAIN=1"}
		director.script("lvsanycast", "start")
		a.directors = append(a.directors, director)
	}
	t.Cleanup(func() { // after a failure too, because bird is a daemon
		for _, host := range append(a.directors, a.router) {
			host.try("birdc", "-s", strings.TrimPrefix(a.run(host), "RUN=")+"/bird.ctl", "down")
		}
	})
	a.await(2)
	return a
}

// run returns the setting RUN of a host.
func (a *anycast) run(h *host) string {
	for _, setting := range h.env {
		if strings.HasPrefix(setting, "RUN=") {
			return setting
		}
	}
	return ""
}

func (a *anycast) birdc(h *host, words ...string) string {
	a.t.Helper()
	return h.run(append([]string{"birdc", "-s", strings.TrimPrefix(a.run(h), "RUN=") + "/bird.ctl"}, words...)...)
}

// await waits until the router has the routes of so many directors. It returns how long that took.
func (a *anycast) await(directors int) time.Duration {
	a.t.Helper()
	began := time.Now()
	eventually(a.t, 60*time.Second, fmt.Sprintf("the routes of %d directors", directors), func() bool {
		route := a.router.ip("route show " + anycastVIP + "/32")
		return strings.Count(route, "via ") == directors
	})
	return time.Since(began)
}

// hold opens n connections and returns each with the name of its server.
func (a *anycast) hold(n int) map[net.Conn]string {
	a.t.Helper()
	conns := make(map[net.Conn]string, n)
	for range n {
		conn, name, err := a.open()
		if err != nil {
			a.t.Fatalf("connection %d of %d: %v", len(conns)+1, n, err)
		}
		a.t.Cleanup(func() { conn.Close() })
		conns[conn] = name
	}
	return conns
}

// open opens a connection and reads the name of its server.
func (a *anycast) open() (net.Conn, string, error) {
	conn, err := a.client.dial("", anycastService)
	if err != nil {
		return nil, "", err
	}
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	name := make([]byte, len("web1"))
	if _, err := conn.Read(name); err != nil {
		conn.Close()
		return nil, "", err
	}
	return conn, string(name), nil
}

// broken sends a byte on each connection. It returns how many are broken, which it forgets, of all and of those to servers
// other than the one that left.
func broken(conns map[net.Conn]string, left string) (all, others int) {
	var wait sync.WaitGroup
	var lock sync.Mutex
	var dead []net.Conn
	for conn := range conns {
		wait.Go(func() {
			if exchange(conn, 5*time.Second) != nil {
				lock.Lock()
				dead = append(dead, conn)
				lock.Unlock()
			}
		})
	}
	wait.Wait()
	for _, conn := range dead {
		if conns[conn] != left {
			others++
		}
		delete(conns, conn)
	}
	return len(dead), others
}

// stream opens one connection after the other until stop is called, which returns how many were opened and how many
// failed.
func (a *anycast) stream() (stop func() (opened, failed int)) {
	var end atomic.Bool
	var opened, failed int
	var wait sync.WaitGroup
	wait.Go(func() {
		for !end.Load() {
			opened++
			conn, _, err := a.open()
			if err != nil {
				failed++
				continue
			}
			conn.Close()
		}
	})
	return func() (int, int) {
		end.Store(true)
		wait.Wait()
		return opened, failed
	}
}

// disaster is a way in which the first director goes and comes back.
type disaster struct {
	name       string
	goes, back func(a *anycast, d *host)
}

var disasters = []disaster{
	{"route withdrawn", func(a *anycast, d *host) { a.birdc(d, "disable", "service") }, func(a *anycast, d *host) { a.birdc(d, "enable", "service") }},
	{"bird killed", func(a *anycast, d *host) {
		pid := strings.TrimSpace(readFile(a.t, strings.TrimPrefix(a.run(d), "RUN=")+"/bird.pid"))
		if _, err := strconv.Atoi(pid); err != nil {
			a.t.Fatal(err)
		}
		d.run("kill", "-9", pid)
	}, func(a *anycast, d *host) { d.script("lvsanycast", "start") }},
	{"link down", func(_ *anycast, d *host) { d.ip("link set eth0 down") }, func(_ *anycast, d *host) {
		d.ip("link set eth0 up", "route add default via 203.0.113.1")
	}},
}

// suffer lets the first director go and come back, and returns how many of n open connections broke.
func (a *anycast) suffer(way disaster, n int) (all int) {
	a.t.Helper()
	conns := a.hold(n)
	stop := a.stream()
	way.goes(a, a.directors[0])
	noticed := a.await(1)
	gone, _ := broken(conns, "")
	way.back(a, a.directors[0])
	a.await(2)
	returned, _ := broken(conns, "")
	opened, failed := stop()
	a.t.Logf("%s: %d of %d connections broke when it went (noticed in %.1f s), %d when it came back; %d of %d new ones failed",
		way.name, gone, n, noticed.Seconds(), returned, failed, opened)
	return gone + returned
}

// checkFinds breaks the first director and expects a finding of ipvsadm check.
func (a *anycast) checkFinds(finding string, spoil func(d *host)) {
	a.t.Helper()
	spoil(a.directors[0])
	if out, _ := a.directors[0].try("ipvsadm", "check"); !strings.Contains(out, finding) {
		a.t.Errorf("check lacks %q:\n%s", finding, out)
	}
}

func TestExampleAnycast(t *testing.T) {
	a := newAnycast(t, 1)
	a.router.show("../examples/lvsanycast-router", "status")
	for _, d := range a.directors {
		d.show("../examples/lvsanycast", "status")
	}
	one, other := a.directors[0].run("ipvsadm", "maglev", "-t", anycastService), a.directors[1].run("ipvsadm", "maglev", "-t", anycastService)
	if one != other {
		t.Errorf("the directors' tables differ:\n%s%s", one, other)
	}
	saved := t.TempDir() + "/rules"
	a.directors[1].run("ipvsadm-save", "-n", "-f", saved)
	a.directors[0].run("ipvsadm", "diff", saved)
	if out, status := a.directors[0].try("ipvsadm", "check"); status != 0 || !strings.HasPrefix(out, "no problems found") {
		t.Errorf("check of a healthy director: status %d\n%s", status, out)
	}
	if n := a.suffer(disasters[0], 30); n > 0 {
		t.Errorf("%d connections broke", n)
	}
	wantHealthy("after traffic", a.directors...)
	a.checkFinds("warning scale-out-resets", func(d *host) { d.set("vs/sloppy_tcp", "0") })
	a.checkFinds("error hash-without-fallback", func(d *host) {
		d.run("ipvsadm", "-E", "-t", anycastService, "-s", "mh", "-b", "mh-port")
		d.run("ipvsadm", "-e", "-t", anycastService, "-r", "203.0.113.11:80", "-i", "-w", "0")
	})
	a.checkFinds("error vip-not-local", func(d *host) { d.ip("addr del 192.0.2.80/32 dev lo") })
	for _, d := range a.directors {
		for range 2 {
			d.script("lvsanycast", "stop")
		}
		if out, status := d.try("../examples/lvsanycast", "status"); status != 3 {
			t.Errorf("status after stop: %d\n%s", status, out)
		}
	}
	a.await(0)
}
