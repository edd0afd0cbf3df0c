package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// twoDirectors joins two directors for lvskeepalived to the network. The first has priority.
func twoDirectors(t *testing.T, lan *segment, settings ...string) (directors []*host) {
	t.Helper()
	for i, priority := range []int{150, 100} {
		director := newHost(t, fmt.Sprintf("director%d", i+1)).join(lan, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		director.env = append([]string{fmt.Sprint("PRIORITY=", priority), "RUN=" + t.TempDir()}, settings...)
		directors = append(directors, director)
	}
	t.Cleanup(func() { // after a failure too, because keepalived is a daemon
		for _, director := range directors {
			director.try("../examples/lvskeepalived", "stop")
		}
	})
	return directors
}

// hasAddress reports whether a director has the address of the service.
func hasAddress(director *host) bool {
	return strings.Contains(director.ip("addr show dev eth0"), "192.0.2.100/32")
}

// holdsAddress returns a function that reports whether the first of two directors has the address and the other lacks it.
func holdsAddress(want, other *host) func() bool {
	return func() bool { return hasAddress(want) && !hasAddress(other) }
}

// TestExampleKeepalivedPersistence checks that a client keeps its server when the other director takes over, and loses it
// when the server fails.
func TestExampleKeepalivedPersistence(t *testing.T) {
	needNetworks(t, "keepalived")
	lan, client, webs, stops := onePlace(t)
	directors := twoDirectors(t, lan, "PERSIST=600")
	first, second := directors[0], directors[1]
	for _, director := range directors {
		director.script("lvskeepalived", "start")
	}
	eventually(t, 30*time.Second, "the first director having the address", holdsAddress(first, second))
	for _, director := range directors {
		eventually(t, 10*time.Second, director.name+"'s table", func() bool {
			rules := director.run("ipvsadm", "-S", "-n")
			return strings.HasPrefix(rules, "-A -t 192.0.2.100:80 -s rr -p 600\n") && strings.Count(rules, "\n-a ") == 2
		})
	}
	const url = "http://192.0.2.100/"
	name := client.mustGet(1, url)[0]
	same := map[string]int{name: 4}
	wantCounts(t, "by the first director", client.mustGet(4, url), same)
	eventually(t, 10*time.Second, "the client's template on the second director", func() bool {
		return strings.Contains(second.run("ipvsadm", "-Lnc"), "192.0.2.10:0 ")
	})

	first.ip("link set eth0 down")
	eventually(t, 30*time.Second, "an answer by the second director", func() bool {
		_, err := client.curl(1, url, "--connect-timeout", "1")
		return err == nil
	})
	wantCounts(t, "by the second director", client.mustGet(4, url), same)

	other := map[string]string{webs[0].name: webs[1].name, webs[1].name: webs[0].name}[name]
	for i, web := range webs {
		if web.name == name {
			stops[i]()
		}
	}
	eventually(t, 20*time.Second, "the failed server leaving", func() bool {
		return strings.Count(second.run("ipvsadm", "-S", "-n"), "\n-a ") == 1
	})
	wantCounts(t, "when its server has failed", client.mustGet(4, url), map[string]int{other: 4})
}

func TestExampleKeepalived(t *testing.T) {
	needNetworks(t, "keepalived", original)
	lan, client, webs, stops := onePlace(t)
	directors := twoDirectors(t, lan)
	first, second := directors[0], directors[1]
	tables := func(servers ...string) func() bool {
		want := "-A -t 192.0.2.100:80 -s rr\n"
		for _, server := range servers {
			want += "-a -t 192.0.2.100:80 -r " + server + " -g -w 1\n"
		}
		return func() bool {
			return first.run("ipvsadm", "-S", "-n") == want && second.run("ipvsadm", "-S", "-n") == want
		}
	}
	for _, director := range directors {
		if out, status := director.try("../examples/lvskeepalived", "status"); status != 3 {
			t.Fatalf("status before start: status %d, not 3:\n%s", status, out)
		}
		director.script("lvskeepalived", "start")
	}
	eventually(t, 30*time.Second, "the first director having the address", holdsAddress(first, second))
	eventually(t, 10*time.Second, "both tables", tables(web11, web12))
	pid := func() string {
		pid, _ := os.ReadFile(strings.TrimPrefix(first.env[1], "RUN=") + "/keepalived.pid")
		return string(pid)
	}
	before := pid()
	first.script("lvskeepalived", "start")
	if after := pid(); after == "" || after != before {
		t.Errorf("a second start took keepalived from process %q to %q", before, after)
	}

	// Both programs list the table that keepalived made.
	agree := func(when string, listings ...string) {
		t.Helper()
		for _, director := range directors {
			for _, words := range listings {
				line := strings.Fields(words)
				var want, got string
				// The other director's connections arrive at any time and are counted.
				eventually(t, 20*time.Second, director.name+"'s table at rest", func() bool {
					want = director.run(append([]string{original}, line...)...)
					got = director.run(append([]string{"ipvsadm"}, line...)...)
					return want == director.run(append([]string{original}, line...)...)
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s: ipvsadm %s: the original (-) and ours (+) differ:\n%s", when, director.name, words, diff)
				}
			}
		}
	}
	wantHealthy("before traffic", directors...)
	agree("at first", "-Ln", "-L", "-Sn", "-Ln --thresholds", "-L --daemon")

	// Requests, and a connection that stays.
	const url = "http://192.0.2.100/"
	got := client.mustGet(6, url)
	if t.Logf("both servers: %v", got); !got.alternate() {
		t.Error("the servers did not take turns")
	}
	held, heldBy := client.mustHold(first, "", "192.0.2.100:80")
	connections := func(director *host) []string {
		var all []string
		for _, c := range director.connections() {
			all = append(all, c.client+" "+c.virtual+" "+c.server)
		}
		slices.Sort(all)
		return all
	}
	eventually(t, 20*time.Second, "seven connections of the first director on the second", func() bool {
		there := connections(second)
		return len(there) == 7 && slices.Equal(there, connections(first))
	})
	first.show("ipvsadm", "-lnc")
	second.show("ipvsadm", "-lnc")
	second.show("ipvsadm", "-L", "--daemon")
	first.show("../examples/lvskeepalived", "status")
	arrived, own := "", ""
	origins := func(listing *string, director *host, here, received string) func() bool {
		return func() bool {
			n := len(connections(director))
			*listing = director.run("ipvsadm", "-L", "--daemon", "--format", "table")
			lines := fmt.Sprintf(`(?m)^this machine +%s$[^$]*^received +%s$`, here, received)
			return regexp.MustCompile(strings.ReplaceAll(lines, "N", fmt.Sprint(n))).MatchString(*listing)
		}
	}
	if !poll(40*time.Second, origins(&arrived, second, "0", `N +\d+ s ago`)) {
		t.Errorf("the second director has not received its connections:\n%s", arrived)
	}
	if !poll(40*time.Second, origins(&own, first, "N", "0 +none")) {
		t.Errorf("the first director has not only connections of its own:\n%s", own)
	}

	wantHealthyInUse(client, url, directors...)

	// The table of one director, restored on another.
	file := filepath.Join(t.TempDir(), "ipvsadm.rules")
	first.run("ipvsadm-save", "-n", "-f", file)
	spare := newHost(t, "spare")
	spare.startService(file)
	if diff := cmp.Diff(first.run("ipvsadm", "-Sn"), spare.run("ipvsadm", "-Sn")); diff != "" {
		t.Errorf("saved on one (-) and restored on another (+) differ:\n%s", diff)
	}

	// The server without our connection fails, and returns.
	failing, staying := 0, 1
	if heldBy == web11 {
		failing, staying = 1, 0
	}
	addresses := []string{web11, web12}
	stops[failing]()
	began := time.Now()
	eventually(t, 20*time.Second, "the failed server leaving", tables(addresses[staying]))
	t.Logf("the failed server left both tables in %.1f s", time.Since(began).Seconds())
	agree("without a server", "-Ln")
	wantCounts(t, "one server", client.mustGet(3, url), map[string]int{webs[staying].name: 3})
	webs[failing].serve(webs[failing].name, "0.0.0.0:80")
	began = time.Now()
	eventually(t, 20*time.Second, "the server returning", func() bool {
		return tables(web11, web12)() || tables(web12, web11)()
	})
	t.Logf("the server returned to both tables in %.1f s", time.Since(began).Seconds())
	agree("with it again", "-Ln")
	if got := client.mustGet(4, url); len(got.count()) != 2 {
		t.Errorf("the server that returned gets nothing: %v", got)
	}

	// The first director loses its link. Requests go out one by one, with a second each to connect.
	hold := func(n int) (conns []net.Conn) {
		for range n {
			conn, err := client.dial("", "192.0.2.100:80")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
			conns = append(conns, conn)
		}
		return conns
	}
	kept := func(conns []net.Conn) int {
		var n atomic.Int32
		var wait sync.WaitGroup
		for _, conn := range conns {
			wait.Go(func() {
				if _, err := finish(conn); err == nil {
					n.Add(1)
				}
			})
		}
		wait.Wait()
		return int(n.Load())
	}
	const many = 20
	beforeFailover := hold(many)
	knows := func(director *host, conns []net.Conn) bool {
		known := map[string]bool{}
		for _, c := range director.connections() {
			known[c.client] = true
		}
		return !slices.ContainsFunc(conns, func(conn net.Conn) bool { return !known[conn.LocalAddr().String()] })
	}
	eventually(t, 20*time.Second, "the second director knowing the connections", func() bool { return knows(second, beforeFailover) })
	fail := func(director *host) {
		t.Helper()
		director.ip("link set eth0 down")
		began := time.Now()
		lost, took := 0, time.Duration(0)
		for answered := 0; answered < 6; {
			if _, err := client.curl(1, url, "--connect-timeout", "1", "--max-time", "2"); err == nil {
				answered++
				continue
			}
			lost++
			answered, took = 0, time.Since(began)
			if took > 30*time.Second {
				t.Fatalf("no answer for %v after %s lost its link", took, director.name)
			}
		}
		t.Logf("%s lost its link: %d requests were lost in %.1f s, then all were answered", director.name, lost, took.Seconds())
	}
	fail(first)
	if !hasAddress(second) {
		t.Error("the second director lacks the address")
	}
	page, err := finish(held)
	if want := webs[staying].name; err != nil || page != want {
		t.Errorf("a connection that was held across the failover was answered by %q, %v; want %q", page, err, want)
	}
	n := kept(beforeFailover)
	if t.Logf("failover: %d of %d connections were kept", n, many); n != many {
		t.Errorf("failover broke connections")
	}

	// It comes back, does not take the address, and is told of connections that begin now.
	quiet := client.listenToSync()
	without := hold(many)
	quiet()
	first.ip("link set eth0 up")
	with := hold(many)
	eventually(t, 20*time.Second, "the first director knowing the connections", func() bool { return knows(first, with) })
	if !hasAddress(second) || hasAddress(first) {
		t.Error("the director that came back took the address")
	}
	fail(second)
	n = kept(with)
	t.Logf("failback: %d of %d connections were kept that began after the first director had come back, and %d of %d from before",
		n, many, kept(without), many)
	if n != many {
		t.Error("failback broke connections that the first director knew")
	}
	second.ip("link set eth0 up")
	if got := client.mustGet(4, url); len(got.count()) != 2 {
		t.Errorf("not both servers answer by the first director: %v", got)
	}

	for _, director := range directors {
		for range 2 {
			director.script("lvskeepalived", "stop")
		}
		if hasAddress(director) || director.run("ipvsadm", "-S") != "" || director.run("ipvsadm", "-L", "--daemon") != "" {
			t.Errorf("%s: something is left after stop:\n%s%s", director.name, director.state(),
				director.run("ipvsadm", "-L", "--daemon"))
		}
	}
}

// listenToSync listens to the messages of the synchronization daemons. The function that it returns waits until none came
// for three seconds: a daemon keeps what it has to tell for up to two.
func (h *host) listenToSync() (quiet func()) {
	h.t.Helper()
	var conn *net.UDPConn
	err := h.do(func() error {
		dev, err := net.InterfaceByName("eth0")
		if err == nil {
			conn, err = net.ListenMulticastUDP("udp4", dev, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 81), Port: 8848})
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return func() {
		messages := 0
		for {
			conn.SetReadDeadline(time.Now().Add(3 * time.Second))
			if _, err := conn.Read(make([]byte, 1<<16)); err != nil {
				break
			}
			messages++
		}
		if messages == 0 {
			h.t.Error("no synchronization message came")
		}
	}
}

// startService runs init/ipvsadm.init start with a saved file. The script looks where packages put the program and its
// settings, so both are mounted there, for the script only.
func (h *host) startService(file string) {
	h.t.Helper()
	settings := filepath.Join(h.t.TempDir(), "default")
	if err := os.WriteFile(settings, []byte("IPVSADM_RULES="+file+"\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.run("unshare", "--mount", "sh", "-ec", `
		mount --bind "$1" /usr/sbin/ipvsadm
		mount --bind "$1" /usr/sbin/ipvsadm-restore
		mount --bind "$2" /etc/default/ipvsadm
		exec ../init/ipvsadm.init start`, "sh", builtProgram(h.t), settings)
}
