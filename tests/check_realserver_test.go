package tests

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// realFault is a way to break a real server, and what check --real-server finds there.
type realFault struct {
	rule    string
	words   string // --forwarding, if nothing on the machine shows it
	breaks  func()
	symptom func() error        // returns how clients notice the fault
	want    string              // the finding
	advice  func(string) string // changes the command of the advice before it runs; an empty one does not run
	mend    func()              // what the advice leaves to do
}

// tryReal breaks a real server in each way in turn. The words name the service.
func tryReal(t *testing.T, server *host, words string, healthy func() error, faults []realFault) {
	t.Helper()
	words = "--real-server " + words
	if err := healthy(); err != nil {
		t.Fatalf("before the faults: %v", err)
	}
	if before := server.check(strings.Fields(words)...).names(); len(before) > 0 {
		t.Fatalf("before the faults: %s", before)
	}
	for _, fault := range faults {
		t.Run(strings.ReplaceAll(fault.rule, " ", "-"), func(t *testing.T) {
			words := strings.Fields(words + " " + fault.words)
			fault.breaks()
			if fault.symptom() == nil {
				t.Error("clients notice nothing")
			}
			broken := server.check(words...)
			if diff := cmp.Diff([]string{fault.want}, broken.names()); diff != "" {
				t.Fatalf("wanted (-) and got (+) findings differ:\n%s", diff)
			}
			t.Logf("%+v", broken.Findings[0])
			command := broken.Findings[0].Advice
			if fault.advice != nil {
				command = fault.advice(command)
			}
			server.run("sh", "-ec", command)
			if fault.mend != nil {
				fault.mend()
			}
			if err := fault.symptom(); err != nil {
				t.Errorf("after the advice: %v", err)
			}
			if after := server.check(words...).names(); len(after) > 0 {
				t.Errorf("after the advice: %s", after)
			}
		})
		if t.Failed() {
			return // the next fault needs a healthy server
		}
	}
}

// hardware returns the MAC address of eth0.
func (h *host) hardware() string {
	h.t.Helper()
	words := strings.Fields(h.ip("link show dev eth0"))
	return words[slices.Index(words, "link/ether")+1]
}

// TestCheckRealServerDirect breaks a real server with direct routing, and then with a tunnel.
func TestCheckRealServerDirect(t *testing.T) {
	needNetworks(t)
	lan := newSegment(t, "network")
	client := newHost(t, "client").join(lan, "eth0", "192.0.2.10/24")
	web := newHost(t, "web1").join(lan, "eth0", "192.0.2.11/24")
	stop := web.serve("web1", "0.0.0.0:80")
	web.script("lvsdr-real", "start")
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	director.env = []string{"RIPS=192.0.2.11"}
	director.script("lvsdr", "start")
	web.ip("route add default via 192.0.2.10")
	const fromAfar, service = "198.51.100.10", "-t 192.0.2.100:80 --director 192.0.2.1"
	client.ip("addr add " + fromAfar + "/32 dev lo")
	client.set("neigh/eth0/locktime", "0") // learns every change at once
	served := func() error { return client.ask("", "192.0.2.100:80") }
	servedAfar := func() error { return client.ask(fromAfar, "192.0.2.100:80") }
	oneAnswersARP := func() error {
		out, _ := client.try("busybox", "arping", "-b", "-c1", "-w1", "-I", "eth0", "192.0.2.100")
		if strings.Contains(strings.ToLower(out), web.hardware()) {
			return errors.New("the real server answers ARP")
		}
		return nil
	}
	directorAnnounced := func() error {
		client.ip("neigh flush dev eth0")
		web.ip("neigh flush dev eth0")
		err := served()
		if strings.Contains(client.ip("neigh show 192.0.2.100"), web.hardware()) {
			return errors.New("the client learned the real server's MAC address")
		}
		return err
	}
	tryReal(t, web, service, served, []realFault{{
		rule:    "vip-missing",
		words:   "--forwarding g",
		breaks:  func() { web.ip("addr del 192.0.2.100/32 dev lo") },
		symptom: served,
		want:    "error vip-missing tcp 192.0.2.100:80",
	}, {
		rule:    "vip-answers-arp",
		breaks:  func() { web.ip("addr del 192.0.2.100/32 dev lo", "addr add 192.0.2.100/32 dev eth0") },
		symptom: oneAnswersARP,
		want:    "error vip-answers-arp eth0",
	}, {
		rule:    "arp-ignore",
		breaks:  func() { web.set("conf/all/arp_ignore", "0"); web.set("conf/lo/arp_ignore", "1") },
		symptom: oneAnswersARP,
		want:    "error arp-ignore net.ipv4.conf.eth0.arp_ignore",
	}, {
		rule:    "arp-announce",
		breaks:  func() { web.set("conf/all/arp_announce", "0") },
		symptom: directorAnnounced,
		want:    "warning arp-announce net.ipv4.conf.eth0.arp_announce",
	}, {
		rule:    "vip-wrong-mask",
		breaks:  func() { web.ip("addr add 192.0.2.100/24 dev lo", "addr del 192.0.2.100/32 dev lo") },
		symptom: served,
		want:    "error vip-wrong-mask lo",
	}, {
		rule:    "not-listening",
		breaks:  func() { stop() },
		symptom: served,
		want:    "error not-listening tcp 192.0.2.100:80",
		advice:  func(string) string { web.serve("web1", "0.0.0.0:80"); return "" },
	}, {
		rule:    "answers-through-director",
		breaks:  func() { director.set("ip_forward", "1"); web.ip("route replace default via 192.0.2.1") },
		symptom: servedAfar,
		want:    "warning answers-through-director 192.0.2.1",
		advice:  func(command string) string { return strings.Replace(command, "ROUTER", "192.0.2.10", 1) },
	}, {
		rule: "loop",
		breaks: func() {
			web.run("ipvsadm", "-A", "-t", "192.0.2.100:80", "-s", "rr")
			web.run("ipvsadm", "-a", "-t", "192.0.2.100:80", "-r", "192.0.2.1", "-g")
			web.run("ipvsadm", "--start-daemon", "backup", "--mcast-interface", "eth0")
		},
		symptom: served,
		want:    "warning loop tcp 192.0.2.100:80",
	}})
	if t.Failed() {
		return
	}
	web.run("sh", "-ec", "ip -6 addr add 2001:db8::11/64 dev eth0 nodad; ip -6 addr add 2001:db8::100 dev lo nodad")
	client.run("ip", "-6", "addr", "add", "2001:db8::10/64", "dev", "eth0", "nodad")
	tryReal(t, web, "--sctp-service [2001:db8::100]:80", func() error { return nil }, []realFault{{
		rule: "vip-answers-arp IPv6",
		breaks: func() {
			web.run("sh", "-ec", "ip -6 addr del 2001:db8::100 dev lo; ip -6 addr add 2001:db8::100 dev eth0 nodad")
		},
		symptom: func() error {
			client.run("ip", "-6", "neigh", "flush", "dev", "eth0")
			if _, status := client.try("busybox", "ping", "-6", "-c1", "-W1", "2001:db8::100"); status == 0 {
				return errors.New("the real server answers neighbour discovery")
			}
			return nil
		},
		want: "error vip-answers-arp eth0",
	}})
	web.run("ipvsadm", "--stop-daemon", "backup")
	web.run("ipvsadm", "-C")
	director.run("ipvsadm", "-e", "-t", "192.0.2.100:80", "-r", "192.0.2.11", "-i")
	web.run("sh", "-c", "modprobe ipip; ip link set tunl0 up")
	web.set("conf/tunl0/rp_filter", "0")
	tryReal(t, web, service+" --forwarding i", served, []realFault{{
		rule:    "tunnel-missing",
		breaks:  func() { web.ip("link set tunl0 down") },
		symptom: served,
		want:    "error tunnel-missing tunl0",
	}, {
		rule:    "tunnel-reverse-path loose",
		breaks:  func() { web.set("conf/tunl0/rp_filter", "2") },
		symptom: served,
		want:    "error tunnel-reverse-path tunl0",
	}, {
		rule:    "tunnel-reverse-path strict",
		breaks:  func() { web.set("conf/all/rp_filter", "1"); web.set("conf/tunl0/rp_filter", "0") },
		symptom: served,
		want:    "error tunnel-reverse-path tunl0",
	}})
}

// TestCheckRealServerMasqueraded breaks a masqueraded real server in the network of its director.
func TestCheckRealServerMasqueraded(t *testing.T) {
	needNetworks(t)
	lan := newSegment(t, "lan")
	client := newHost(t, "client").join(lan, "eth0", "192.0.2.10/24")
	client.ip("addr add 198.51.100.10/32 dev lo")
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	director.ip("route add default via 192.0.2.10")
	director.env = []string{"INSIDE=eth0", "SCHEDULER=rr", "RIP1=192.0.2.11", "RIP2=192.0.2.12", "WEIGHT2=0"}
	director.script("lvsnat", "start")
	web := newWebs(t, lan, "192.0.2.")[0]
	web.serve("web1", "0.0.0.0:80")
	web.env = []string{"DIRECTOR=192.0.2.1"}
	web.script("lvsnat-real", "start")
	const distant = "198.51.100.10"
	served := func() error { return client.ask(distant, "192.0.2.102:80") }
	tryReal(t, web, "-t 192.0.2.102:80 --forwarding m --director 192.0.2.1", served, []realFault{{
		rule:    "gateway-not-director",
		breaks:  func() { web.ip("route replace default via 192.0.2.10") },
		symptom: served,
		want:    "error gateway-not-director 192.0.2.1",
	}, {
		rule: "nat-accepts-redirects",
		breaks: func() {
			web.set("conf/all/accept_redirects", "1")
			director.set("conf/eth0/send_redirects", "1")
			web.run("busybox", "ping", "-c", "1", "192.0.2.10") // the kernel ignores a redirect to an unknown neighbour
			eventually(t, 10*time.Second, "a redirect", func() bool {
				web.try("busybox", "ping", "-c", "1", "-W", "1", distant)
				return strings.Contains(web.ip("route get "+distant), "redirected")
			})
		},
		symptom: func() error { return errors.Join(served(), served(), served()) },
		want:    "warning nat-accepts-redirects net.ipv4.conf.eth0.accept_redirects",
		mend:    func() { web.ip("route flush cache") },
	}})
}

// TestCheckRealServerScripts checks what the examples' scripts build on real servers, before, during and after traffic.
func TestCheckRealServerScripts(t *testing.T) {
	needNetworks(t)
	for script, test := range map[string]struct{ network, words string }{
		"lvsdr-real":     {"192.0.2.", "-t 192.0.2.100:80 --director 192.0.2.1"},
		"lvsboth-real":   {"10.0.0.", "-t 192.0.2.102:80 --director 10.0.0.1"},
		"lvsnat-real":    {"10.0.0.", "-t 192.0.2.102:80 --director 10.0.0.1 --forwarding m"},
		"lvsrouted-real": {"203.0.113.", "-t 192.0.2.80:80 --director 203.0.113.2"},
	} {
		web := newHost(t, script).join(newSegment(t, "network"), "eth0", test.network+"11/24")
		web.serve("web", "0.0.0.0:80")
		web.script(script, "start")
		words := append([]string{"--real-server"}, strings.Fields(test.words)...)
		if r := web.check(words...); len(r.Findings) > 0 {
			t.Errorf("%s: %+v", script, r.Findings)
		}
	}
}
