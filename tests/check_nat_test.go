package tests

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// natFarm is a farm that masquerades, for faults.
type natFarm struct {
	*farm
	*faulty
}

func newNATFarm(t *testing.T) natFarm {
	f := newFarm(t, "rr")
	machines := map[string]*host{}
	for _, server := range f.servers {
		address, _, _ := strings.Cut(f.address(server.name), ":")
		machines[address] = server
	}
	n := natFarm{f, &faulty{f.director, machines, nil}}
	n.healthy = n.served
	wantHealthy("before traffic", f.director)
	return n
}

// served returns an error if the client is not served.
func (f natFarm) served() error { return f.client.ask("", farmService) }

// allServed asks each server in turn.
func (f natFarm) allServed() error { return errors.Join(f.served(), f.served(), f.served()) }

// afresh replaces the table and forgets all connections.
func (f natFarm) afresh(words string) {
	f.forget()
	f.schedule(words)
}

// TestCheckMasquerading breaks a farm that masquerades. Building one for each kind of fault would take longer than many faults.
func TestCheckMasquerading(t *testing.T) {
	f := newNATFarm(t)
	for _, breaks := range []func(*testing.T){f.breakTable, f.breakWays, f.breakConnections, f.breakUnseen} {
		if breaks(t); t.Failed() {
			return
		}
	}
}

// breakTable breaks the table.
func (f natFarm) breakTable(t *testing.T) {
	weigh := func(weight int) func() {
		return func() {
			for _, server := range f.servers {
				f.weigh(server.name, weight)
			}
		}
	}
	manyServed := func() error { // from many addresses
		for client, name := range f.servedBy(20) {
			if name == "refused" {
				return fmt.Errorf("client %d is refused", client)
			}
		}
		return nil
	}
	again := func() { f.schedule("rr") }
	f.try(t, []fault{{
		rule:     "scheduler-missing",
		breaks:   func() { f.ipvsadm("-E -t " + farmService + " -s none") },
		symptom:  f.served,
		findings: []string{"error scheduler-missing tcp " + farmService},
		mend:     again,
	}, {
		rule:     "no-server weight",
		breaks:   weigh(0),
		symptom:  f.served,
		findings: []string{"error no-server tcp " + farmService},
		mend:     weigh(1),
	}, {
		rule:     "no-server empty",
		breaks:   func() { f.ipvsadm("-C"); f.ipvsadm("-A -t " + farmService + " -s rr") },
		symptom:  f.served,
		findings: []string{"error no-server tcp " + farmService},
		advice:   func(command string) { f.follow(strings.Replace(command, "SERVER", f.address("web1")+" -m", 1)) },
		mend:     again,
	}, {
		rule: "over-threshold",
		breaks: func() {
			f.afresh("rr")
			for range 3 {
				f.mustConnect(f.from(clientAddress(1)))
			}
			f.ipvsadm("-e -t " + farmService + " -r 10.0.0.12:80 -m -x 1 -y 1")
		},
		findings: []string{"warning over-threshold 10.0.0.12:80"},
	}, {
		rule: "over-threshold everywhere",
		breaks: func() {
			f.afresh("rr")
			for _, server := range f.servers {
				f.ipvsadm("-e -t " + farmService + " -r " + f.address(server.name) + " -m -x 1 -y 1")
			}
			for range 3 {
				f.mustConnect(f.from(clientAddress(1)))
			}
		},
		symptom: f.served,
		findings: []string{"error over-threshold 10.0.0.11:80", "error over-threshold 10.0.0.12:80",
			"error over-threshold 10.0.0.13:80"},
		mend: func() { f.afresh("rr") },
	}, {
		rule:     "hash-without-fallback mh",
		breaks:   func() { f.schedule("mh"); f.weigh("web2", 0) },
		symptom:  manyServed,
		findings: []string{"error hash-without-fallback tcp " + farmService},
	}, {
		rule:     "hash-without-fallback sh",
		breaks:   func() { f.schedule("sh"); f.weigh("web2", 0) },
		symptom:  manyServed,
		findings: []string{"error hash-without-fallback tcp " + farmService},
		mend:     again,
	}, {
		rule: "hash-by-address-only",
		breaks: func() {
			f.afresh("sh")
			for range 100 {
				if err := f.served(); err != nil {
					t.Fatal(err)
				}
			}
		},
		findings: []string{"warning hash-by-address-only tcp " + farmService},
		mend:     again,
	}})
}

// breakWays breaks the ways to the service and to its servers.
func (f natFarm) breakWays(t *testing.T) {
	up := func() {
		f.servers[1].ip("link set eth0 up", "route replace default via 10.0.0.1")
		f.weigh("web2", 1)
		f.director.ip("neigh flush dev eth1")
	}
	beside := newHost(t, "beside").join(f.inside, "eth0", "10.0.0.50/24")
	beside.ip("route add " + farmAddress + " via 10.0.0.1")
	besideServed := func() error {
		ask := func() error { return beside.ask("", farmService) }
		return errors.Join(ask(), ask(), ask())
	}
	f.try(t, []fault{{
		rule:     "vip-not-local",
		breaks:   func() { f.director.ip("addr del " + farmAddress + "/32 dev eth0") },
		symptom:  f.served,
		findings: []string{"error vip-not-local tcp " + farmService},
	}, {
		rule: "vip-wrong-mask",
		breaks: func() {
			f.director.ip("addr del "+farmAddress+"/32 dev eth0", "addr add "+farmAddress+"/24 dev lo")
		},
		symptom:  f.served,
		findings: []string{"warning vip-wrong-mask tcp " + farmService},
		mend: func() {
			f.director.ip("addr del "+farmAddress+"/32 dev lo", "addr add "+farmAddress+"/32 dev eth0")
		},
	}, {
		rule:     "nat-forwarding-off",
		breaks:   func() { f.director.set("ip_forward", "0") },
		symptom:  f.served,
		findings: []string{"error nat-forwarding-off tcp " + farmService},
	}, {
		rule:     "server-unreachable route",
		breaks:   func() { f.director.ip("route add blackhole 10.0.0.12/32") },
		symptom:  f.allServed,
		findings: []string{"error server-unreachable 10.0.0.12:80"},
		mend:     func() { f.director.ip("route del 10.0.0.12/32") },
	}, {
		rule:    "server-unreachable device",
		breaks:  func() { f.director.ip("link set eth1 down") },
		symptom: f.served,
		findings: []string{"error server-unreachable 10.0.0.11:80", "error server-unreachable 10.0.0.12:80",
			"error server-unreachable 10.0.0.13:80"},
		advice: func(string) { f.director.ip("link set eth1 up") },
	}, {
		rule:     "neighbour-failed",
		breaks:   func() { f.servers[1].ip("link set eth0 down"); f.director.ip("neigh flush dev eth1") },
		symptom:  f.allServed,
		findings: []string{"error neighbour-failed 10.0.0.12:80"},
		waits:    true,
		mend:     up,
		lasts:    true,
	}, {
		rule:     "nat-no-answer",
		breaks:   func() { f.afresh("rr"); f.servers[1].ip("route del default") },
		symptom:  func() error { return errors.Join(f.allServed(), f.allServed()) },
		findings: []string{"warning nat-no-answer 10.0.0.12:80"},
		waits:    true,
	}, {
		rule:    "nat-client-beside-server and nat-redirects",
		breaks:  func() { f.afresh("rr") },
		symptom: besideServed,
		findings: []string{"error nat-client-beside-server 10.0.0.11:80", "error nat-client-beside-server 10.0.0.12:80",
			"error nat-client-beside-server 10.0.0.13:80", "warning nat-redirects eth1"},
		waits: true,
		mend: func() {
			for _, server := range f.servers {
				server.ip("route flush cache")
			}
			f.afresh("rr") // the old connections stay SYN_RECV for a minute
		},
	}, {
		rule:     "local-server-deaf masquerading",
		breaks:   func() { f.ipvsadm("-a -t " + farmService + " -r 10.0.0.1:81 -m") },
		symptom:  func() error { return errors.Join(f.allServed(), f.served()) },
		findings: []string{"error local-server-deaf 10.0.0.1:81"},
	}, {
		rule:     "local-server-deaf direct",
		breaks:   func() { f.ipvsadm("-a -t " + farmService + " -r 10.0.0.1 -g") },
		symptom:  func() error { return errors.Join(f.allServed(), f.served()) },
		findings: []string{"error local-server-deaf 10.0.0.1:80"},
	}, {
		rule: "tunnel-mtu",
		breaks: func() {
			f.ipvsadm("-A -t " + farmAddress + ":82 -s rr")
			f.ipvsadm("-a -t " + farmAddress + ":82 -r 10.0.0.11 -i")
		},
		findings: []string{"information tunnel-mtu 10.0.0.11:82"},
		mend:     func() { f.director.ip("link set eth1 mtu 1500"); f.ipvsadm("-D -t " + farmAddress + ":82") },
	}})
}

// breakUnseen breaks servers so that only packets to them show it.
func (f natFarm) breakUnseen(t *testing.T) {
	probe := []string{"--probe"}
	other := newHost(t, "other").join(f.outside, "eth0", "192.0.2.66/24")
	f.machines["192.0.2.66"] = other
	f.try(t, []fault{{
		rule:     "server-refuses",
		breaks:   func() { f.ipvsadm("-a -t " + farmService + " -r 10.0.0.11:81 -m") },
		symptom:  func() error { return errors.Join(f.allServed(), f.served()) },
		flags:    probe,
		findings: []string{"error server-refuses 10.0.0.11:81"},
		mend:     func() { f.ipvsadm("-d -t " + farmService + " -r 10.0.0.11:81") },
	}, {
		rule: "vip-answered-elsewhere",
		breaks: func() {
			other.ip("addr add " + farmAddress + "/32 dev lo")
			f.director.run("busybox", "ping", "-c1", "-W1", "192.0.2.66") // so that the neighbour table names the machine
		},
		flags:    probe,
		findings: []string{"error vip-answered-elsewhere tcp " + farmService},
	}, {
		rule: "tunnel-too-small",
		breaks: func() {
			f.ipvsadm("-A -t " + farmAddress + ":82 -s rr")
			f.ipvsadm("-a -t " + farmAddress + ":82 -r 10.0.0.12 -i")
			f.director.ip("link set eth1 mtu 1520")
			f.servers[1].ip("link set eth0 mtu 1400")
		},
		flags:    probe,
		findings: []string{"error tunnel-too-small 10.0.0.12:82"},
		mend: func() {
			f.director.ip("route del 10.0.0.12/32", "link set eth1 mtu 1500")
			f.servers[1].ip("link set eth0 mtu 1500")
			f.ipvsadm("-D -t " + farmAddress + ":82")
		},
	}})
	if f.director.check().RulesRun == f.director.check(probe...).RulesRun {
		t.Error("--probe runs no more rules")
	}
}
