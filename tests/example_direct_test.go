package tests

import (
	"strings"
	"testing"
)

// onePlace returns a client and two web servers in one network, to which a test adds directors. Each of stops ends a server.
func onePlace(t *testing.T) (lan *segment, client *host, webs []*host, stops []func()) {
	lan = newSegment(t, "network")
	client = newHost(t, "client").join(lan, "eth0", "192.0.2.10/24")
	webs = newWebs(t, lan, "192.0.2.")
	for _, web := range webs {
		stops = append(stops, web.serve(web.name, "0.0.0.0:80"))
	}
	startScript("lvsdr-real", webs...)
	return lan, client, webs, stops
}

func TestExampleDirectRouting(t *testing.T) {
	needNetworks(t)
	lan, client, _, _ := onePlace(t)
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	startScript("lvsdr", director)

	wantHealthy("before traffic", director)
	got := client.mustGet(9, "http://192.0.2.100/")
	t.Logf("nine requests: %s", strings.Join(got, " "))
	if !got.alternate() {
		t.Errorf("round robin of two servers, and they did not take turns")
	}

	listing := director.show("ipvsadm")
	for _, server := range []string{"192.0.2.11", "192.0.2.12"} {
		if !strings.Contains(listing, "  -> "+server+":http") || strings.Count(listing, "Route") != 2 {
			t.Errorf("%s is not in the listing", server)
		}
	}

	director.show("ipvsadm", "-lnc")
	conns := director.connections()
	if len(conns) != 9 {
		t.Errorf("%d connections are listed, not 9", len(conns))
	}
	servers := answers{}
	for _, conn := range conns {
		// The director sees only the client's packets, so it does not know who closed first.
		if conn.protocol != "TCP" || conn.state != "FIN_WAIT" || !strings.HasPrefix(conn.client, "192.0.2.10:") ||
			conn.virtual != "192.0.2.100:80" {
			t.Errorf("an unexpected connection: %+v", conn)
		}
		servers = append(servers, conn.server)
	}
	byName := got.count()
	wantCounts(t, "the connections' servers", servers,
		map[string]int{"192.0.2.11:80": byName["web1"], "192.0.2.12:80": byName["web2"]})
	wantHealthyInUse(client, "http://192.0.2.100/", director)
}

// The web servers of onePlace.
const (
	web11 = "192.0.2.11:80"
	web12 = "192.0.2.12:80"
)

func TestExampleAcrossNetworks(t *testing.T) {
	needNetworks(t)
	near, far := newSegment(t, "near"), newSegment(t, "far")
	client := newHost(t, "client").join(near, "eth0", "198.51.100.10/24")
	client.run("ip", "route", "add", "default", "via", "198.51.100.1")
	router := newHost(t, "router").join(near, "eth0", "198.51.100.1/24").join(far, "eth1", "203.0.113.1/24")
	router.set("ip_forward", "1")
	router.run("ip", "route", "add", "192.0.2.80/32", "via", "203.0.113.2")
	director := newHost(t, "director").join(far, "eth0", "203.0.113.2/24")
	webs := newWebs(t, far, "203.0.113.")
	for _, web := range webs {
		web.serve(web.name, "0.0.0.0:80")
	}
	startScript("lvsrouted-real", webs...)
	startScript("lvsrouted", director)

	const url = "http://192.0.2.80/"
	wantHealthyInUse(client, url, director)
	alternate := func(when string) {
		t.Helper()
		got := client.mustGet(6, url)
		t.Logf("%s: %s", when, strings.Join(got, " "))
		if !got.alternate() {
			t.Errorf("%s: wrr of equal weights, and the servers did not take turns", when)
		}
	}
	alternate("at first")
	director.show("ipvsadm", "-Ln")

	director.env = []string{"SERVERS=203.0.113.11=1 203.0.113.12=3"}
	director.script("lvsrouted", "start")
	wantCounts(t, "weights 1 and 3", client.mustGet(8, url), map[string]int{"web1": 2, "web2": 6})
	director.env = nil
	director.script("lvsrouted", "start")

	// The puzzle of examples/README.md.
	held, _ := client.mustHold(director, "", "192.0.2.80:80")
	director.run("ip", "route", "del", "default")
	if page, err := finish(held); err != nil {
		t.Errorf("a connection made before the default gateway went: %q, %v", page, err)
	}
	alternate("without the director's default gateway")
	if out, status := client.try("busybox", "ping", "-c1", "-W1", "192.0.2.80"); status == 0 {
		t.Errorf("the director answers ping without a way to the client:\n%s", out)
	}
	for _, mode := range []string{"2", "1"} {
		director.set("conf/all/rp_filter", mode)
		page, err := client.curl(1, url, "--connect-timeout", "1")
		t.Logf("without the director's default gateway, rp_filter %s: %q, %v", mode, page, err)
		if err == nil {
			t.Errorf("rp_filter %s accepted a packet from a sender without a route back", mode)
		}
	}
	director.run("ip", "route", "add", "default", "via", "203.0.113.1")
	alternate("with it again, and rp_filter 1")
}
