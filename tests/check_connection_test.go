package tests

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// breakConnections breaks connections, and the settings that decide about them.
func (f natFarm) breakConnections(t *testing.T) {
	again := func() { f.afresh("rr") }
	hold := func(name string) (conn net.Conn, from string) {
		for {
			from = f.from(clientAddress(1))
			if conn, by := f.mustConnect(from); by == name {
				return conn, from
			}
		}
	}
	conntrack := func(most string) {
		if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_max", []byte(most), 0); err != nil {
			t.Fatal(err)
		}
	}
	most := strings.TrimSpace(readFile(t, "/proc/sys/net/netfilter/nf_conntrack_max"))
	var conn net.Conn
	var from string
	var talk *datagrams
	var stop func()
	f.try(t, []fault{{
		rule: "reuse-never",
		breaks: func() {
			f.setting("conn_reuse_mode", "0")
			conn, from = hold("web2")
			fmt.Fprint(conn, "q")
			io.ReadAll(conn)
			conn.Close()
			f.weigh("web2", 0)
		},
		symptom: func() error {
			conn, name := f.mustConnect(from)
			fmt.Fprint(conn, "q")
			io.ReadAll(conn)
			conn.Close()
			if name == "web2" {
				return errors.New("the drained server took a connection")
			}
			return nil
		},
		findings: []string{"warning reuse-never net.ipv4.vs.conn_reuse_mode"},
		mend:     again,
	}, {
		rule:     "reuse-never healthy",
		breaks:   func() { f.setting("conn_reuse_mode", "0") },
		findings: []string{"information reuse-never net.ipv4.vs.conn_reuse_mode"},
	}, {
		rule: "connections-to-nowhere",
		breaks: func() {
			conn, _ = hold("web2")
			f.remove("web2")
		},
		symptom: func() error {
			if err := exchange(conn, 300*time.Millisecond); err != nil && os.IsTimeout(err) {
				return err
			}
			return nil
		},
		findings: []string{"error connections-to-nowhere 10.0.0.12:80"},
		mend: func() {
			eventually(t, 5*time.Second, "the connection is gone", func() bool { return f.state(conn.LocalAddr().String()) == "" })
			f.afresh("rr")
		},
	}, {
		rule: "template-to-drained",
		breaks: func() {
			f.afresh("rr -p 600")
			f.weigh("web1", 0)
			f.weigh("web3", 0)
			f.mustConnect(clientAddress(1) + ":0")
			f.weigh("web1", 1)
			f.weigh("web2", 0)
		},
		symptom: func() error {
			if _, name := f.mustConnect(clientAddress(1) + ":0"); name == "web2" {
				return errors.New("the drained server took a connection")
			}
			return nil
		},
		findings: []string{"warning template-to-drained 10.0.0.12:80"},
		mend: func() {
			f.setting("expire_quiescent_template", "0")
			f.afresh("rr -p 600")
		},
	}, {
		rule: "udp-to-drained",
		breaks: func() {
			f.afresh("rr")
			for _, server := range f.servers {
				server.echoUDP()
			}
			f.ipvsadm("-A -u " + farmService + " -s rr")
			f.ipvsadm("-a -u " + farmService + " -r 10.0.0.11:80 -m -w 0")
			f.ipvsadm("-a -u " + farmService + " -r 10.0.0.12:80 -m")
			talk = f.client.talkUDP(farmService)
			eventually(t, 5*time.Second, "an answer by UDP", func() bool { return talk.last.Load() != nil })
			f.ipvsadm("-a -u " + farmService + " -r 10.0.0.13:80 -m")
			f.ipvsadm("-e -u " + farmService + " -r 10.0.0.12:80 -m -w 0")
		},
		symptom: func() error {
			talk.last.Store(nil)
			eventually(t, 5*time.Second, "an answer by UDP", func() bool { return talk.last.Load() != nil })
			if by := *talk.last.Load(); by == "web2" {
				return errors.New("the drained server gets packets")
			}
			return nil
		},
		findings: []string{"error udp-to-drained 10.0.0.12:80"},
		mend: func() {
			eventually(t, 5*time.Second, "another server", func() bool { return *talk.last.Load() == "web3" })
		},
	}, {
		rule: "idle-timeout",
		breaks: func() {
			talk.stop()
			f.afresh("rr")
			f.ipvsadm("--set 2 0 0")
			conn, _ = f.mustConnect(f.from(clientAddress(1)))
			eventually(t, 5*time.Second, "a forgotten connection", func() bool { return f.state(conn.LocalAddr().String()) == "" })
			f.ipvsadm("--set 5 0 0")
			f.mustConnect(f.from(clientAddress(1)))
		},
		symptom:  func() error { return exchange(conn, time.Second) },
		lasts:    true,
		findings: []string{"warning idle-timeout tcp " + farmService},
		waits:    true,
	}, {
		rule: "conntrack-full",
		needs: func() bool { // some kernels have only nftables
			_, status := f.director.try(firewall, "-t", "nat", "-S")
			return status == 0
		},
		breaks: func() {
			f.director.run(firewall, "-t", "nat", "-A", "POSTROUTING", "-o", "lo", "-j", "MASQUERADE") // tracking begins
			f.served()
			conntrack("2")
			stop = keep(func() { f.director.ask("", "10.0.0.11:80") })
			t.Cleanup(stop)
		},
		symptom: func() error {
			return errors.Join(f.director.ask("", "10.0.0.12:80"), f.director.ask("", "10.0.0.13:80"))
		},
		findings: []string{"error conntrack-full net.netfilter.nf_conntrack_max"},
		waits:    true,
		advice: func(command string) { // only the kernel's first namespace may write it
			if !strings.HasPrefix(command, "sysctl -w net.netfilter.nf_conntrack_max=") {
				t.Errorf("advice: %s", command)
			}
			stop()
			conntrack(most)
		},
		mend: func() { f.director.run(firewall, "-t", "nat", "-F", "POSTROUTING") },
	}, {
		rule: "defence-mode",
		breaks: func() {
			f.setting("drop_packet", "3")
		},
		symptom: func() error { // one packet of ten
			var all error
			for range 12 {
				all = errors.Join(all, f.served())
			}
			return all
		},
		findings: []string{"warning defence-mode net.ipv4.vs.drop_packet"},
	}, {
		rule:     "estimation-off",
		needs:    func() bool { return f.director.carriesSetting("run_estimation") },
		breaks:   func() { f.setting("run_estimation", "0") },
		findings: []string{"warning estimation-off net.ipv4.vs.run_estimation"},
	}})
}

// echoUDP answers each datagram to port 80 with the host's name.
func (h *host) echoUDP() {
	h.t.Helper()
	var socket net.PacketConn
	err := h.do(func() (err error) {
		socket, err = net.ListenPacket("udp4", "0.0.0.0:80")
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { socket.Close() })
	go func() {
		for b := make([]byte, 100); ; {
			_, from, err := socket.ReadFrom(b)
			if err != nil {
				return
			}
			socket.WriteTo([]byte(h.name), from)
		}
	}()
}

// datagrams are sent from one port until stop is called.
type datagrams struct {
	last atomic.Pointer[string] // who answered last
	stop func()
}

func (h *host) talkUDP(service string) *datagrams {
	h.t.Helper()
	var conn net.Conn
	err := h.do(func() (err error) {
		conn, err = net.Dial("udp4", service)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	c := new(datagrams)
	c.stop = keep(func() {
		conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
		conn.Write([]byte{'x'})
		b := make([]byte, 100)
		if n, err := conn.Read(b); err == nil {
			name := string(b[:n])
			c.last.Store(&name)
			<-time.After(50 * time.Millisecond) // it is no test of speed
		}
	})
	h.t.Cleanup(func() { c.stop(); conn.Close() })
	return c
}
