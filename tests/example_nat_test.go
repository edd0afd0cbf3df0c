package tests

import (
	"fmt"
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
	var webs []*host
	for i := 1; i <= 2; i++ {
		web := newHost(t, fmt.Sprintf("web%d", i)).join(inside, "eth0", fmt.Sprintf("10.0.0.1%d/24", i))
		web.serve(web.name, "0.0.0.0:80")
		web.serveTLS(web.name+"-tls", "0.0.0.0:443")
		if i == 2 {
			web.serve(web.name+"-8080", "0.0.0.0:8080")
		}
		webs = append(webs, web)
	}
	up("lvsboth-real", webs...)
	up("lvsboth", director)

	for url, want := range map[string]map[string]int{
		"http://192.0.2.101/":  {"web1": 3, "web2-8080": 3},
		"https://192.0.2.101/": {"web1-tls": 3, "web2-tls": 3},
		"http://192.0.2.102/":  {"web1": 3, "web2": 3},
		"https://192.0.2.102/": {"web1-tls": 3, "web2-tls": 3},
	} {
		wantCounts(t, url, client.mustGet(6, url), want)
	}
	director.show("ipvsadm", "-Ln")

	// Another port by direct routing: the listing tells what really happens.
	director.run("ipvsadm", "-d", "-t", "192.0.2.102:80", "-r", "10.0.0.12")
	director.run("ipvsadm", "-a", "-t", "192.0.2.102:80", "-r", "10.0.0.12:8080", "-g")
	if listing := director.run("ipvsadm", "-Ln", "-t", "192.0.2.102:80"); strings.Contains(listing, "8080") {
		t.Errorf("direct routing to another port than the service's is listed:\n%s", listing)
	}
	wantCounts(t, "another port by direct routing", client.mustGet(4, "http://192.0.2.102/"),
		map[string]int{"web1": 2, "web2": 2})
}

// Two web servers behind a director that translates.
const (
	web1 = "10.0.0.11:80"
	web2 = "10.0.0.12:80"
)
