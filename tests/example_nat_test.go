package tests

import (
	"strings"
	"testing"
)

func TestExampleNATAndDirectRouting(t *testing.T) {
	needNetworks(t)
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	client := newHost(t, "client").join(outside, "eth0", "192.0.2.10/24")
	router := newHost(t, "router").join(outside, "eth0", "192.0.2.254/24").join(inside, "eth1", "10.0.0.254/24")
	router.set("ip_forward", "1")
	director := newHost(t, "director").join(outside, "eth0", "192.0.2.1/24").join(inside, "eth1", "10.0.0.1/24")
	webs := newWebs(t, inside, "10.0.0.")
	for _, web := range webs {
		web.serve(web.name, "0.0.0.0:80")
		web.serveTLS(web.name+"-tls", "0.0.0.0:443")
	}
	webs[1].serve("web2-8080", "0.0.0.0:8080")
	startScript("lvsboth-real", webs...)
	startScript("lvsboth", director)
	wantHealthyInUse(client, "http://192.0.2.101/", director)
	wantHealthyInUse(client, "http://192.0.2.102/", director)

	for url, want := range map[string]map[string]int{
		"http://192.0.2.101/":  {"web1": 3, "web2-8080": 3},
		"https://192.0.2.101/": {"web1-tls": 3, "web2-tls": 3},
		"http://192.0.2.102/":  {"web1": 3, "web2": 3},
		"https://192.0.2.102/": {"web1-tls": 3, "web2-tls": 3},
	} {
		wantCounts(t, url, client.mustGet(6, url), want)
	}
	director.show("ipvsadm", "-Ln")

	// A port that direct routing ignores: the listing has the port that is used.
	director.run("ipvsadm", "-d", "-t", "192.0.2.102:80", "-r", "10.0.0.12")
	director.run("ipvsadm", "-a", "-t", "192.0.2.102:80", "-r", "10.0.0.12:8080", "-g")
	if listing := director.run("ipvsadm", "-Ln", "-t", "192.0.2.102:80"); strings.Contains(listing, "8080") {
		t.Errorf("direct routing to another port than the service's is listed:\n%s", listing)
	}
	wantCounts(t, "another port by direct routing", client.mustGet(4, "http://192.0.2.102/"),
		map[string]int{"web1": 2, "web2": 2})
}

// The web servers behind a director that masquerades.
const (
	web1 = "10.0.0.11:80"
	web2 = "10.0.0.12:80"
)

// firewall is the iptables of the lab's kernel, which has no nf_tables for IPv4.
const firewall = "iptables-legacy"

// TestExampleNAT runs the scripts with their defaults, and then with MASQUERADE, which lets the real servers reach the
// outside.
func TestExampleNAT(t *testing.T) {
	needNetworks(t, firewall)
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	client := newHost(t, "client").join(outside, "eth0", "192.0.2.10/24")
	director := newHost(t, "director").join(outside, "eth0", "192.0.2.1/24").join(inside, "eth1", "10.0.0.1/24")
	webs := newWebs(t, inside, "10.0.0.")
	for _, web := range webs {
		web.serveClients("0.0.0.0:80")
	}
	client.serveClients("0.0.0.0:80")
	startScript("lvsnat-real", webs...)
	startScript("lvsnat", director)
	direct := map[string]int{"web1:192.0.2.10": 2, "web2:192.0.2.10": 2}
	wantCounts(t, "the defaults", client.mustGet(4, "http://192.0.2.102/"), direct)
	if got, err := webs[0].curl(1, "http://192.0.2.10/", "--connect-timeout", "1"); err == nil {
		t.Errorf("a real server reached the outside without MASQUERADE: %v", got)
	}

	director.env = []string{"MASQUERADE=10.0.0.0/24", "IPTABLES=" + firewall}
	for range 2 {
		director.script("lvsnat", "start")
	}
	for _, web := range webs {
		wantCounts(t, web.name+" reaches the outside", web.mustGet(2, "http://192.0.2.10/"),
			map[string]int{"client:192.0.2.1": 2})
	}
	wantCounts(t, "the service beside it", client.mustGet(4, "http://192.0.2.102/"), direct)
	wantHealthyInUse(client, "http://192.0.2.102/", director)
	director.show(firewall, "-t", "nat", "-S", "POSTROUTING")

	// The firewall's rules apply to the connections of IPVS only if conntrack is 1.
	for conntrack, seen := range map[string]string{"0": "192.0.2.10", "1": "10.0.0.1"} {
		director.set("vs/conntrack", conntrack)
		director.run(firewall, "-t", "nat", "-A", "POSTROUTING", "-o", "eth1", "-j", "MASQUERADE")
		wantCounts(t, "conntrack "+conntrack, client.mustGet(4, "http://192.0.2.102/"),
			map[string]int{"web1:" + seen: 2, "web2:" + seen: 2})
		director.run(firewall, "-t", "nat", "-D", "POSTROUTING", "-o", "eth1", "-j", "MASQUERADE")
	}
	director.set("vs/conntrack", "0")

	director.script("lvsnat", "stop")
	if rules := director.run(firewall, "-t", "nat", "-S", "POSTROUTING"); rules != "-P POSTROUTING ACCEPT\n" {
		t.Errorf("after stop there are rules left:\n%s", rules)
	}
}

// TestExampleNATOneCard puts the director, the real servers and a client into one network, and another client behind a
// router.
func TestExampleNATOneCard(t *testing.T) {
	needNetworks(t)
	lan, beyond := newSegment(t, "lan"), newSegment(t, "beyond")
	neighbour := newHost(t, "neighbour").join(lan, "eth0", "192.0.2.10/24")
	router := newHost(t, "router").join(lan, "eth0", "192.0.2.254/24").join(beyond, "eth1", "198.51.100.1/24")
	router.set("ip_forward", "1")
	distant := newHost(t, "distant").join(beyond, "eth0", "198.51.100.10/24")
	distant.ip("route add default via 198.51.100.1")
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	director.ip("route add default via 192.0.2.254")
	director.env = []string{"INSIDE=eth0", "SCHEDULER=rr", "RIP1=192.0.2.11", "RIP2=192.0.2.12"}
	webs := newWebs(t, lan, "192.0.2.")
	for _, web := range webs {
		web.serveClients("0.0.0.0:80")
		web.env = []string{"DIRECTOR=192.0.2.1"}
	}
	startScript("lvsnat", director)
	const url = "http://192.0.2.102/"
	for _, web := range webs {
		web.script("lvsnat-real", "start")
	}
	wantCounts(t, "a client behind the router", distant.mustGet(4, url),
		map[string]int{"web1:198.51.100.10": 2, "web2:198.51.100.10": 2})
	if got, err := neighbour.curl(1, url, "--connect-timeout", "1"); err == nil {
		t.Errorf("a client beside the servers is served without LOCAL: %v", got)
	}
	for _, web := range webs {
		web.script("lvsnat-real", "stop")
		web.env = append(web.env, "LOCAL=192.0.2.0/24")
	}

	startScript("lvsnat-real", webs...)
	for range 2 { // twice, because an ICMP redirect would break the second round
		for client, address := range map[*host]string{distant: "198.51.100.10", neighbour: "192.0.2.10"} {
			wantCounts(t, client.name, client.mustGet(4, url), map[string]int{"web1:" + address: 2, "web2:" + address: 2})
		}
	}
	for _, client := range []*host{distant, neighbour} {
		wantHealthyInUse(client, url, director)
	}
}
