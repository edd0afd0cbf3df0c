package tests

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ipvsadm/ipvs"
	"ipvsadm/why"
)

// why returns what ipvsadm why prints on the director about a client of the farm's service.
func (f *farm) why(client string) string {
	f.t.Helper()
	return f.director.run("ipvsadm", "why", client, "-t", farmService)
}

// wantWhy fails the test unless ipvsadm why prints some parts.
func (f *farm) wantWhy(client string, parts ...string) {
	f.t.Helper()
	got := f.why(client)
	f.t.Logf("why %s\n%s", client, got)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			f.t.Errorf("%s: no %q in\n%s", client, part, got)
		}
	}
}

// TestWhy compares what ipvsadm why says of the next connection with the connection.
func TestWhy(t *testing.T) {
	f := newFarm(t, "rr")
	web1, web2, web3 := f.address("web1"), f.address("web2"), f.address("web3")
	// served returns who serves the next connections of a client.
	served := func(n int) string {
		names := map[string]int{}
		for range n {
			_, name := f.mustConnect(f.from(clientAddress(1)))
			names[name]++
		}
		return strings.Join(slices.Sorted(maps.Keys(names)), " ")
	}

	held := f.from(clientAddress(1))
	f.wantWhy(held, "1. address    192.0.2.100 is an address of this machine", "2. service    tcp "+farmService+" matches; its scheduler is rr\n",
		"entry      none for port", "=> result     one of the servers "+web1+", "+web2+", "+web3+"\n")
	_, name := f.mustConnect(held)
	f.wantWhy(held, "the connection is in the table: "+f.address(name)+", ESTABLISHED", "the packet follows it\n",
		f.address(name)+" by masquerading: dev eth1, MAC address "+f.servers[name[3]-'1'].hardware()+"\n",
		"the answer must come back through this machine, and goes on via 192.0.2.10 dev eth0\n", "=> result     the server "+f.address(name)+"\n")

	f.weigh("web2", 0)
	f.wantWhy(clientAddress(1), "not "+web2+" (weight 0)", "=> result     one of the servers "+web1+", "+web3+"\n", "1 other connection")
	if got := served(4); got != "web1 web3" {
		t.Errorf("web2 has weight 0, and the servers are %s", got)
	}
	f.remove(name)
	f.wantWhy(held, "the service does not have this server any more, and net.ipv4.vs.expire_nodest_conn = 0\n", "=> result     the kernel drops the packet\n")

	f.schedule("rr -p 60")
	f.wantWhy(clientAddress(2), "none for "+clientAddress(2)+": this connection makes one, for 1m0s\n")
	_, name = f.mustConnect(f.from(clientAddress(2)))
	f.wantWhy(clientAddress(2), "template   "+clientAddress(2)+" has one: "+f.address(name), "=> result     the server "+f.address(name)+"\n")
	f.weigh(name, 0)
	f.wantWhy(clientAddress(2), "=> result     the server "+f.address(name)+"\n")
	if _, again := f.mustConnect(f.from(clientAddress(2))); again != name {
		t.Errorf("%s has the template, and the server is %s", name, again)
	}
	f.setting("expire_quiescent_template", "1")
	f.wantWhy(clientAddress(2), "the server has weight 0, and net.ipv4.vs.expire_quiescent_template = 1, so the kernel chooses another one\n")
	if _, again := f.mustConnect(f.from(clientAddress(2))); again == name {
		t.Errorf("%s is drained, and the client stays", name)
	}

	for _, scheduler := range []string{"sh", "mh"} {
		f.schedule(scheduler)
		for client, name := range f.servedBy(5) {
			f.wantWhy(clientAddress(client+1), "=> result     the server "+f.address(name)+"\n")
		}
	}

	// A service of a mark comes before one of an address.
	f.director.run("tc", "qdisc", "add", "dev", "eth0", "ingress")
	f.director.run(strings.Fields("tc filter add dev eth0 ingress protocol ip flower dst_ip " + farmAddress + " action skbedit mark 5")...)
	f.ipvsadm("-A -f 5 -s rr")
	f.ipvsadm("-a -f 5 -r " + web3 + " -m")
	f.wantWhy(clientAddress(1), "unknown: whether a firewall gives the packet a mark", "the table has mark 5\n")
	if got := served(3); got != "web3" {
		t.Errorf("the mark has the server web3, and the server is %s", got)
	}
	f.ipvsadm("-D -f 5")

	lost := func() error {
		if f.client.ask("", farmService) == nil {
			return errors.New("the client was served")
		}
		return nil
	}
	for _, fault := range []struct {
		breaks func()
		want   string
	}{
		{func() { f.director.set("ip_forward", "0") }, "the client gets no answer"},
		{func() { f.director.set("ip_forward", "1"); f.director.ip("route add blackhole 10.0.0.0/25") }, "the packet does not reach the server"},
		{func() {
			f.director.ip("route del blackhole 10.0.0.0/25")
			f.ipvsadm("-C")
			f.ipvsadm("-A -t " + farmService + " -s rr")
		},
			"the kernel refuses the connection"},
		{func() { f.ipvsadm("-C") }, "IPVS leaves the packet alone"},
		{func() { f.director.ip("addr del " + farmAddress + "/32 dev eth0") }, "IPVS never sees the packet"},
	} {
		fault.breaks()
		f.wantWhy("192.0.2.10", "=> result     "+fault.want)
		if err := lost(); err != nil {
			t.Error(fmt.Errorf("%s: %w", fault.want, err))
		}
	}
}

// TestSourceHash compares the servers that sh chooses for random clients with those that why computes, before and after
// changes of weights and the order of servers.
func TestSourceHash(t *testing.T) {
	d := newMHDirector(t, rand.Uint64())
	for number := range 8 {
		s := d.add(number, 2+d.random.IntN(20))
		s.Scheduler = "sh"
		s.Flags &^= ipvs.FallbackFlag
		d.apply(ipvs.EditService(s.Service))
		d.change(s)
		drained := &s.servers[0]
		drained.Weight = 0
		d.apply(ipvs.EditDestination(s.ServiceID, *drained))
		clients := d.connect(s, 50)
		chosen := d.chosen(s.ServiceID)
		for _, client := range clients {
			want := why.SourceHash(s.Service, s.servers, client)
			got, served := chosen[client]
			if served != (want.Weight > 0) || served && got != want.Address {
				t.Errorf("service %d: %s got %s, want %s with weight %d of %+v", number, client, got, want.Address, want.Weight, s.servers)
			}
		}
	}
}
