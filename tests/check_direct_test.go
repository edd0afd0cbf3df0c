package tests

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// directService is the service of the script lvsdr.
const directService = "192.0.2.100:80"

// TestCheckDirectRouting breaks a farm with direct routing.
func TestCheckDirectRouting(t *testing.T) {
	needNetworks(t)
	lan, client, webs, _ := onePlace(t)
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	director.script("lvsdr", "start")
	client.ip("addr add 198.51.100.10/32 dev lo")
	for _, web := range webs {
		web.ip("route add 198.51.100.10 via 192.0.2.10")
		t.Cleanup(func() { web.ip("route del 198.51.100.10") }) // the example's script leaves nothing behind
	}
	served := func() error { return client.ask("", directService) }
	bothServed := func() error { return errors.Join(served(), served()) }
	f := &faulty{director, map[string]*host{"192.0.2.11": webs[0], "192.0.2.12": webs[1]}, served}
	wantHealthy("before traffic", director)
	afresh := func() {
		director.set("vs/expire_nodest_conn", "1")
		director.run("ipvsadm", "-C")
		eventually(t, 10*time.Second, "no connection in the table", func() bool { return len(director.connections()) == 0 })
		director.set("vs/expire_nodest_conn", "0")
		director.script("lvsdr", "start")
	}
	distantServed := func() error { return client.ask("198.51.100.10", directService) }
	var stop func()
	f.try(t, []fault{{
		rule:     "dr-behind-gateway",
		breaks:   func() { director.ip("route add 192.0.2.12/32 via 192.0.2.10") },
		symptom:  bothServed,
		findings: []string{"error dr-behind-gateway 192.0.2.12:80"},
	}, {
		rule: "dr-port-ignored",
		breaks: func() {
			director.run("ipvsadm", "-A", "-t", "192.0.2.100:81", "-s", "rr")
			director.addServer("192.0.2.100:81", ipvs.Destination{
				Address: netip.MustParseAddrPort("192.0.2.11:8081"), Forwarding: ipvs.DirectRouting, Weight: 1})
			webs[0].serve("web1", "0.0.0.0:8081")
		},
		symptom:  func() error { return client.ask("", "192.0.2.100:81") },
		findings: []string{"error dr-port-ignored 192.0.2.11:8081"},
		mend:     func() { webs[0].serve("web1", "0.0.0.0:81") },
	}, {
		rule: "dr-no-answer",
		breaks: func() {
			afresh()
			webs[1].ip("addr del 192.0.2.100/32 dev lo")
		},
		symptom:  func() error { return errors.Join(bothServed(), bothServed()) },
		findings: []string{"warning dr-no-answer 192.0.2.12:80"},
		waits:    true,
	}, {
		rule: "reverse-path",
		breaks: func() {
			director.ip("link add dummy0 type dummy", "link set dummy0 up", "route add 198.51.100.0/24 dev dummy0")
			director.set("conf/eth0/rp_filter", "1")
			stop = keep(func() { distantServed() })
			t.Cleanup(stop)
		},
		symptom:  distantServed,
		findings: []string{"error reverse-path eth0"},
		mend:     func() { stop() },
	}, {
		rule: "dr-mac-of-server",
		breaks: func() {
			stop = director.startAs("keepalived") // so that nothing says that the address is missing
			director.ip("addr del 192.0.2.100/32 dev eth0", "neigh flush dev eth0")
			client.ip("neigh flush dev eth0")
			webs[0].set("conf/all/arp_ignore", "0")
			webs[0].run("busybox", "ping", "-c1", "-W1", "192.0.2.1")
			director.run("busybox", "ping", "-c1", "-W1", "192.0.2.100")
		},
		symptom: func() error {
			if served() == nil {
				return errors.New("a server answered past the director")
			}
			return nil
		},
		findings: []string{"error dr-mac-of-server 192.0.2.11:80"},
		mend: func() {
			client.ip("neigh flush dev eth0")
			if served() == nil {
				t.Error("a server still answers")
			}
			stop()
			director.ip("addr add 192.0.2.100/32 dev eth0")
			client.ip("neigh flush dev eth0")
		},
		lasts: true,
	}, {
		rule: "sync-roles",
		breaks: func() {
			director.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "eth0")
			director.run("ipvsadm", "--stop-daemon", "master")
			director.ip("link set dummy0 up multicast on")
			director.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "dummy0")
			director.ip("link set dummy0 down")
		},
		findings: []string{"error sync-roles master"},
	}, {
		rule: "sync-short",
		breaks: func() {
			director.set("vs/sync_threshold", "10 50")
		},
		findings: []string{"information sync-short net.ipv4.vs.sync_threshold"},
		mend:     func() { director.run("ipvsadm", "--stop-daemon", "master") },
	}, {
		rule:     "sync-loop",
		breaks:   func() { director.run("ipvsadm", "--start-daemon", "backup", "--mcast-interface", "eth0") },
		findings: []string{"warning sync-loop tcp " + directService}, // the first service of the address
		mend:     func() { director.run("ipvsadm", "--stop-daemon", "backup"); director.set("vs/backup_only", "0") },
	}, {
		rule: "scale-out-resets",
		breaks: func() {
			director.ip("addr del 192.0.2.100/32 dev eth0", "addr add 192.0.2.100/32 dev lo")
			director.run("ipvsadm", "-E", "-t", directService, "-s", "mh")
			stop = director.startAs("bird")
		},
		findings: []string{"warning scale-out-resets net.ipv4.vs.sloppy_tcp"},
	}})
}

// TestCheckSync gives the daemons of two directors different sync IDs.
func TestCheckSync(t *testing.T) {
	needNetworks(t)
	lan, client, _, _ := onePlace(t)
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	standby := newHost(t, "standby").join(lan, "eth0", "192.0.2.2/24")
	for _, host := range []*host{director, standby} {
		host.script("lvsdr", "start")
	}
	standby.ip("addr del 192.0.2.100/32 dev eth0")
	standby.startAs("keepalived") // which moves the address
	director.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "eth0", "--syncid", "7")
	daemon := func(id string) {
		standby.run("ipvsadm", "--start-daemon", "backup", "--mcast-interface", "eth0", "--syncid", id)
	}
	daemon("7")
	served := func() error { return client.ask("", directService) }
	stop := keep(func() { served() })
	defer stop()
	synchronized := func() error {
		if !poll(time.Second, func() bool { return len(standby.connections()) > 0 }) {
			return errors.New("the director that stands by knows no connections")
		}
		return nil
	}
	(&faulty{standby, nil, served}).try(t, []fault{{
		rule: "sync-silent",
		breaks: func() {
			standby.run("ipvsadm", "--stop-daemon", "backup")
			standby.set("vs/expire_nodest_conn", "1")
			standby.run("ipvsadm", "-C")
			eventually(t, 10*time.Second, "no connections", func() bool { return len(standby.connections()) == 0 })
			standby.script("lvsdr", "start")
			standby.ip("addr del 192.0.2.100/32 dev eth0")
			daemon("5")
		},
		symptom:  synchronized,
		findings: []string{"warning sync-silent backup"},
	}})
}

// TestCheckOwners lets two programs keep one table.
func TestCheckOwners(t *testing.T) {
	needNetworks(t, "keepalived")
	director := newHost(t, "director").join(newSegment(t, "lan"), "eth0", "10.0.0.1/24")
	director.set("ip_forward", "1")
	director.startKeepalived(balanced)
	eventually(t, 20*time.Second, "a table", func() bool { return director.run("ipvsadm", "-Sn") != "" })
	other := filepath.Join(t.TempDir(), "ldirectord")
	writeFile(t, other, "while :; do sleep 1; done\n")
	(&faulty{director, nil, func() error { return nil }}).try(t, []fault{{
		rule:     "other-owner",
		breaks:   func() { director.start("sh", other) },
		findings: []string{"warning other-owner keepalived"},
		waits:    true,
	}})
}

// addServer adds a server as other programs can.
func (h *host) addServer(service string, server ipvs.Destination) {
	h.t.Helper()
	err := h.do(func() error {
		client, err := ipvs.Dial()
		if err != nil {
			return err
		}
		defer client.Close()
		id := ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort(service))
		return client.Apply(h.t.Context(), ipvs.AddDestination(id, server))
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestCheckMark takes away the route that makes marked packets local.
func TestCheckMark(t *testing.T) {
	needNetworks(t)
	f := newFarm(t, "rr")
	const address = "203.0.113.5:80"
	f.client.ip("route add 203.0.113.5 via 192.0.2.1")
	f.director.run("ipvsadm", "-C")
	f.director.ip("addr del " + farmAddress + "/32 dev eth0")
	f.director.run("tc", "qdisc", "add", "dev", "eth0", "ingress")
	f.director.run(strings.Fields("tc filter add dev eth0 ingress protocol ip flower dst_ip 203.0.113.5 action skbedit mark 5")...)
	rule, route := "rule add fwmark 5 lookup 100", "route add local default dev lo table 100"
	f.director.ip(rule, route)
	f.ipvsadm("-A -f 5 -s rr")
	f.ipvsadm("-a -f 5 -r 10.0.0.11:80 -m")
	served := func() error { return f.client.ask("", address) }
	(&faulty{f.director, nil, served}).try(t, []fault{{
		rule: "mark-not-local",
		breaks: func() {
			f.director.ip(strings.Replace(rule, "add", "del", 1), strings.Replace(route, "add", "del", 1))
			f.ipvsadm("-Z")
		},
		symptom:  served,
		findings: []string{"warning mark-not-local mark 5"},
	}})
}

// TestCheckDuplicate gives a service an IPv6 address that another machine has.
func TestCheckDuplicate(t *testing.T) {
	needNetworks(t)
	lan := newSegment(t, "lan")
	other := newHost(t, "other").join(lan, "eth0", "192.0.2.2/24")
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	const vip = "2001:db8::100/128"
	director.run("ip", "-6", "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
	director.run("ipvsadm", "-A", "-t", "[2001:db8::100]:80", "-s", "rr")
	director.run("ipvsadm", "-a", "-t", "[2001:db8::100]:80", "-r", "2001:db8::11", "-g")
	director.run("ip", "-6", "addr", "add", vip, "dev", "eth0", "nodad")
	pings := func() error {
		if _, status := other.try("busybox", "ping", "-6", "-c1", "-W1", "2001:db8::100"); status != 0 {
			return errors.New("no answer")
		}
		return nil
	}
	other.run("ip", "-6", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
	(&faulty{director, nil, pings}).try(t, []fault{{
		rule: "vip-tentative",
		breaks: func() {
			director.run("ip", "-6", "addr", "del", vip, "dev", "eth0")
			other.run("ip", "-6", "addr", "add", vip, "dev", "eth0", "nodad")
			director.run("ip", "-6", "addr", "add", vip, "dev", "eth0")
			eventually(t, 10*time.Second, "the duplicate", func() bool {
				return strings.Contains(director.run("ip", "-6", "addr", "show", "dev", "eth0"), "dadfailed")
			})
			other.run("ip", "-6", "addr", "del", vip, "dev", "eth0")
		},
		symptom:  pings,
		findings: []string{"error vip-tentative tcp [2001:db8::100]:80"},
		mend:     func() { other.run("ip", "-6", "neigh", "flush", "dev", "eth0") },
	}})
}
