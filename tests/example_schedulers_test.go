package tests

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// load holds the connection counts and the weight of a real server, by which schedulers choose. A held connection is
// active. A finished one is inactive for two minutes.
type load struct{ active, inactive, weight int }

// scheduling is a service with a scheduler, the connections held through it, and the loads that follow from them.
type scheduling struct {
	t                *testing.T
	director, client *host
	service          string
	loads            map[string]*load
	held             map[string][]net.Conn
}

// hold holds one more connection and returns its server.
func (s *scheduling) hold() string {
	s.t.Helper()
	conn, server := s.client.mustHold(s.director, "", s.service)
	s.loads[server].active++
	s.held[server] = append(s.held[server], conn)
	return server
}

// holds calls hold n times.
func (s *scheduling) holds(n int) (got answers) {
	s.t.Helper()
	for range n {
		got = append(got, s.hold())
	}
	return got
}

// release finishes all connections that are held to a server. That server must answer them.
func (s *scheduling) release(server string) {
	s.t.Helper()
	names := map[string]string{web1: "web1", web2: "web2"}
	for _, conn := range s.held[server] {
		page, err := finish(conn)
		if err != nil || page != names[server] {
			s.t.Fatalf("a connection listed as %s was answered by %q, %v", server, page, err)
		}
		conn.Close()
		s.loads[server].active--
		s.loads[server].inactive++
	}
	s.held[server] = nil
}

// holdByCost holds connections and checks that each goes to a server of the lowest cost.
func (s *scheduling) holdByCost(n int, cost func(*load) float64) (got answers) {
	s.t.Helper()
	for range n {
		costs := map[string]float64{web1: cost(s.loads[web1]), web2: cost(s.loads[web2])}
		server := s.hold()
		got = append(got, server)
		if costs[server] > min(costs[web1], costs[web2]) {
			s.t.Errorf("after %q a connection went to %s, but the costs were %v", got, server, costs)
		}
	}
	return got
}

func TestExampleSchedulers(t *testing.T) {
	needNetworks(t, "tc")
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	client := newHost(t, "client").join(outside, "eth0", "192.0.2.10/24")
	var clients []string // its addresses
	var lines []string
	for i := range 8 {
		clients = append(clients, fmt.Sprintf("192.0.2.%d", 21+i))
		lines = append(lines, "addr add "+clients[i]+"/24 dev eth0")
	}
	client.ip(lines...)
	director := newHost(t, "director").join(outside, "eth0", "192.0.2.1/24").join(inside, "eth1", "10.0.0.1/24")
	webs := newWebs(t, inside, "10.0.0.")
	for _, web := range webs {
		web.serve(web.name, "0.0.0.0:80")
	}
	startScript("lvsnat-real", webs...)
	alone := []string{"MARK=1", "VIPS=192.0.2.100"} // so that stop removes what start set up
	director.env = alone
	startScript("lvsnat", director)

	// Each scheduler gets its own address, so its servers' counts start at zero.
	vips := 0
	newVIP := func() string {
		vips++
		return fmt.Sprintf("192.0.2.%d", 100+vips)
	}
	schedule := func(t *testing.T, scheduler string, weight1, weight2 int, more ...string) *scheduling {
		t.Helper()
		vip := newVIP()
		director.env = append([]string{"SCHEDULER=" + scheduler, "VIPS=" + vip,
			fmt.Sprint("WEIGHT1=", weight1), fmt.Sprint("WEIGHT2=", weight2)}, more...)
		director.script("lvsnat", "start")
		if vips == 1 { // later ones lose the connections that the tests before held
			wantHealthy(scheduler, director)
		}
		env := director.env
		t.Cleanup(func() {
			director.env = env
			director.script("lvsnat", "stop")
			director.env = alone
		})
		return &scheduling{t, director, client, vip + ":80",
			map[string]*load{web1: {weight: weight1}, web2: {weight: weight2}}, map[string][]net.Conn{}}
	}
	// ask sends requests from one address to another.
	ask := func(t *testing.T, n int, from, to string) (got answers) {
		t.Helper()
		for range n {
			got = append(got, client.mustAsk(from, to))
		}
		return got
	}
	weigh := func(t *testing.T, s *scheduling, server string, weight int) {
		t.Helper()
		director.run("ipvsadm", "-e", "-t", s.service, "-r", server, "-m", "-w", strconv.Itoa(weight))
	}

	t.Run("rr", func(t *testing.T) { // an even share, without regard to weights
		s := schedule(t, "rr", 1, 3)
		got := client.mustGet(8, "http://"+s.service+"/")
		wantCounts(t, "rr", got, map[string]int{"web1": 4, "web2": 4})
		if !got.alternate() {
			t.Error("they did not take turns")
		}
		s.holds(2)
		s.release(web1)
		wantCounts(t, "web2 having a connection", ask(t, 4, "", s.service), map[string]int{"web1": 2, "web2": 2})
	})
	t.Run("wrr", func(t *testing.T) { // a weighted share
		s := schedule(t, "wrr", 1, 3)
		for _, round := range []string{"first round", "second round"} {
			wantCounts(t, round, client.mustGet(4, "http://"+s.service+"/"), map[string]int{"web1": 1, "web2": 3})
		}
		director.show("ipvsadm", "-Ln")
		s.holds(4)
		s.release(web2)
		wantCounts(t, "web1 having a connection", ask(t, 4, "", s.service), map[string]int{"web1": 1, "web2": 3})
	})

	t.Run("lc", func(t *testing.T) { // to the fewest connections, without regard to weights
		cost := func(l *load) float64 { return float64(l.active<<8 + l.inactive) }
		s := schedule(t, "lc", 1, 3)
		wantCounts(t, "held", s.holdByCost(6, cost), map[string]int{web1: 3, web2: 3})
		s.release(web1)
		wantCounts(t, "after web1's ended", s.holdByCost(3, cost), map[string]int{web1: 3})
	})
	t.Run("wlc", func(t *testing.T) { // to the fewest connections for its weight
		cost := func(l *load) float64 { return float64(l.active<<8+l.inactive) / float64(l.weight) }
		s := schedule(t, "wlc", 1, 3)
		wantCounts(t, "held", s.holdByCost(8, cost), map[string]int{web1: 2, web2: 6})
		s.release(web2)
		wantCounts(t, "after web2's ended", s.holdByCost(5, cost), map[string]int{web2: 5})
	})
	t.Run("sed", func(t *testing.T) { // to the shortest expected delay, which counts the new connection
		cost := func(l *load) float64 { return float64(l.active+1) / float64(l.weight) }
		s := schedule(t, "sed", 1, 3)
		wantCounts(t, "the first two", s.holdByCost(2, cost), map[string]int{web2: 2}) // though web1 is idle
		wantCounts(t, "six more", s.holdByCost(6, cost), map[string]int{web1: 2, web2: 4})
	})
	t.Run("nq", func(t *testing.T) { // never queue: to an idle server if there is one, else as sed
		cost := func(l *load) float64 {
			if l.active == 0 {
				return 0
			}
			return float64(l.active+1) / float64(l.weight)
		}
		s := schedule(t, "nq", 1, 3)
		wantCounts(t, "the first two", s.holdByCost(2, cost), map[string]int{web1: 1, web2: 1})
		wantCounts(t, "six more", s.holdByCost(6, cost), map[string]int{web1: 1, web2: 5})
	})

	t.Run("sh", func(t *testing.T) { clientsStay(t, schedule(t, "sh", 1, 1), clients) })
	t.Run("mh", func(t *testing.T) { clientsStay(t, schedule(t, "mh", 1, 1), clients) })

	// Schedulers by destination need a service of many addresses, which a mark has.
	marked := func(t *testing.T, scheduler string, n, weight int) (vips []string, s *scheduling) {
		t.Helper()
		for range n {
			vips = append(vips, newVIP())
		}
		s = schedule(t, scheduler, weight, weight, "MARK="+strconv.Itoa(100+len(scheduler)),
			"VIPS="+strings.Join(vips, " "))
		return vips, s
	}
	t.Run("dh", func(t *testing.T) { // one server for each destination, for every client
		vips, _ := marked(t, "dh", 4, 1)
		servers := map[string]bool{}
		for _, vip := range vips {
			got := answers{}
			for _, from := range clients[:3] {
				got = append(got, client.mustAsk(from, vip+":80"))
			}
			t.Logf("%s: %v", vip, got)
			if len(got.count()) != 1 {
				t.Errorf("%s is served by several", vip)
			}
			servers[got[0]] = true
		}
		if len(servers) != 2 {
			t.Errorf("four destinations are all served by one: %v", servers)
		}
	})
	for _, scheduler := range []string{"lblc", "lblcr"} {
		t.Run(scheduler, func(t *testing.T) { // one server for each destination, until it is overloaded
			vips, s := marked(t, scheduler, 3, 2)
			firsts := answers{}
			for _, vip := range vips[:2] {
				got := ask(t, 3, "", vip+":80")
				t.Logf("%s: %v", vip, got)
				if len(got.count()) != 1 {
					t.Errorf("%s is served by several", vip)
				}
				firsts = append(firsts, got[0])
			}
			wantCounts(t, "two destinations, each to the less loaded server", firsts, map[string]int{"web1": 1, "web2": 1})
			director.show("ipvsadm", "-Ln")

			// A server is overloaded when it has more active connections than its weight, and another has less
			// than half of its own weight. Then the other takes over (lblc) or joins in (lblcr).
			s.service = vips[2] + ":80"
			home := s.hold()
			other := map[string]string{web1: web2, web2: web1}[home]
			wantCounts(t, "up to its weight and one more", s.holds(2), map[string]int{home: 2})
			wantCounts(t, "when it is overloaded", s.holds(2), map[string]int{other: 2})
			s.release(home)
			want := map[string]string{"lblc": other, "lblcr": home}[scheduler]
			wantCounts(t, "when it is idle again", s.holds(1), map[string]int{want: 1})
		})
	}

	t.Run("fo", func(t *testing.T) { // the heaviest, and the next when it is at weight 0
		s := schedule(t, "fo", 3, 1)
		wantCounts(t, "at first", ask(t, 3, "", s.service), map[string]int{"web1": 3})
		weigh(t, s, web1, 0)
		wantCounts(t, "web1 at weight 0", ask(t, 3, "", s.service), map[string]int{"web2": 3})
		weigh(t, s, web1, 3)
		wantCounts(t, "web1 back", ask(t, 3, "", s.service), map[string]int{"web1": 3})
	})
	t.Run("ovf", func(t *testing.T) { // the heaviest, and the next when it has more connections than its weight
		s := schedule(t, "ovf", 3, 1)
		wantCounts(t, "up to web1's weight and one more", s.holds(4), map[string]int{web1: 4})
		wantCounts(t, "overflow", s.holds(2), map[string]int{web2: 2})
		s.release(web1)
		wantCounts(t, "when web1's ended", s.holds(2), map[string]int{web1: 2})
	})

	t.Run("persistence", func(t *testing.T) {
		const seconds = 5
		s := schedule(t, "rr", 1, 1, fmt.Sprint("PERSIST=", seconds))
		director.run("ipvsadm", "--set", "0", "1", "0") // a template outlives its connections, so these must end soon
		stays := func(when string) string {
			t.Helper()
			var got answers
			for range 4 {
				// The client never closes. Otherwise the director keeps the connection for two more minutes.
				conn, err := client.dial(clients[0], s.service)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
				page, err := finish(conn)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page)
			}
			t.Logf("%s: %v", when, got)
			if len(got.count()) != 1 {
				t.Errorf("%s: the client was not held to one server: %v", when, got)
			}
			return got[0]
		}
		first := stays("at first")
		began := time.Now()
		if listing := director.show("ipvsadm", "-Ln"); !strings.Contains(listing, fmt.Sprint("rr persistent ", seconds)) {
			t.Error("the listing does not say that it is persistent")
		}
		template := func() bool {
			return slices.ContainsFunc(director.connections(), func(c connection) bool {
				return c.client == clients[0]+":0" && c.virtual == s.service
			})
		}
		if !template() {
			t.Errorf("no template is listed:\n%s", director.run("ipvsadm", "-lnc"))
		}
		eventually(t, 20*time.Second, "the end of persistence", func() bool { return !template() })
		t.Logf("persistence ended %.1f s after the last request", time.Since(began).Seconds())
		if second := stays("after that"); second == first { // round robin goes on to the other server
			t.Errorf("the client came back to %s, want the other server", first)
		}
		director.run("ipvsadm", "--set", "0", "120", "0")
	})
}

// clientsStay checks that every client has one server, and that both servers have clients.
func clientsStay(t *testing.T, s *scheduling, clients []string) {
	t.Helper()
	servers := map[string]bool{}
	for _, from := range clients {
		var got answers
		for range 3 {
			got = append(got, s.client.mustAsk(from, s.service))
		}
		t.Logf("%s: %v", from, got)
		if len(got.count()) != 1 {
			t.Errorf("%s was served by several", from)
		}
		servers[got[0]] = true
	}
	if len(servers) != 2 {
		t.Errorf("%d clients were all served by one: %v", len(clients), servers)
	}
}
