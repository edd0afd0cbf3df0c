//go:build long

package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLongDrainKilled is TestDrainKilled at a hundred moments.
func TestLongDrainKilled(t *testing.T) { killDrains(t, 100) }

// TestLongDrainHashed counts where 200 clients go while a server is drained, with and without the fallback flag.
func TestLongDrainHashed(t *testing.T) {
	const clients = 200
	f := newFarm(t, "rr")
	for _, scheduler := range []string{"mh", "sh", "mh -b mh-fallback", "sh -b sh-fallback"} {
		f.schedule(scheduler)
		f.ipvsadm("drain -r 10.0.0.11 --force --timeout 0")
		counts := countNames(f.servedBy(clients))
		t.Logf("%s: %v", scheduler, counts)
		if refused := counts["refused"]; strings.Contains(scheduler, "fallback") != (refused == 0) || counts["web1"] != 0 {
			t.Errorf("%s: %v", scheduler, counts)
		}
	}
}

// TestLongDrainUnderTraffic drains each server in turn, ten times, while clients send requests. None is lost.
func TestLongDrainUnderTraffic(t *testing.T) {
	d := newDirector(t)
	client := d.link(t, 0)
	var servers []*machine
	for n := range 3 {
		servers = append(servers, d.link(t, n+1))
		servers[n].serve(t)
	}
	const vip = "192.0.2.100"
	d.forward(t, vip)
	rules := "-A -t " + vip + ":80 -s wrr\n"
	for n, server := range servers {
		rules += fmt.Sprintf("-a -t %s:80 -r %s:80 -m -w %d\n", vip, server.address, n+1)
	}
	d.restore(t, rules)
	requests := client.startRequests(4, "http://"+vip+"/")
	for i := range 10 {
		requests.wait(t)
		server := servers[i%len(servers)].address
		d.mustRun(t, "ipvsadm", "drain", "-r", server, "--timeout", "1m", "--delete")
		requests.wait(t)
		d.mustRun(t, "ipvsadm", "undrain", "-r", server)
		d.wantSaved(t, rules)
	}
	counts := requests.stop()
	t.Logf("10 drains, %d requests answered (%v), %d lost (%v)", counts.answered(), counts.answers, counts.missing(), counts.lost)
	if counts.missing() != 0 || len(counts.answers) != len(servers) {
		t.Errorf("lost: %v", counts.lost)
	}
}

// TestLongDrainSetBack drains a server of keepalived's table by force, until keepalived sets its weight back because the
// health check succeeds again.
func TestLongDrainSetBack(t *testing.T) {
	needNetworks(t, "keepalived")
	f := newFarm(t, "rr")
	f.director.run("ipvsadm", "-C")
	web1 := f.servers[0]
	// The check asks port 81, so that the open connection to port 80 survives.
	listen := func() net.Listener {
		var listener net.Listener
		err := web1.do(func() (err error) {
			listener, err = net.Listen("tcp4", "0.0.0.0:81")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return listener
	}
	check := listen()
	failed := filepath.Join(t.TempDir(), "failed")
	f.director.startKeepalived(`global_defs {
script_user root
}
virtual_server 192.0.2.100 80 {
delay_loop 1
lb_algo rr
lb_kind NAT
protocol TCP
real_server 10.0.0.11 80 {
weight 1
inhibit_on_failure
notify_down "/usr/bin/touch ` + failed + `"
TCP_CHECK {
connect_port 81
connect_timeout 1
retry 0
delay_before_retry 1
}
}
}
`)
	eventually(t, 30*time.Second, "a server with weight 1", func() bool { return strings.Contains(f.director.rules(), "10.0.0.11:80 -m -w 1") })
	f.mustConnect(f.from(clientAddress(1)))
	d := f.director.drain("-r 10.0.0.11 --force")
	d.prints("1 active")
	check.Close()
	eventually(t, 30*time.Second, "keepalived noticing that the check fails", func() bool {
		_, err := os.Stat(failed)
		return err == nil
	})
	defer listen().Close()
	d.ends("exit status 4", "10.0.0.11:80: someone set the weight to 1\n", "perhaps keepalived (process ")
}
