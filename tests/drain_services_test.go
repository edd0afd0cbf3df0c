package tests

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDrainServices drains a server of five services, by mark and by address, with one command. undrain gives each its own
// weight.
func TestDrainServices(t *testing.T) {
	f := newFarm(t, "rr")
	f.director.ip("addr add 192.0.2.101/32 dev eth0")
	f.director.run("ipvsadm", "-C")
	for i, service := range []string{"-t " + farmService, "-t 192.0.2.102:443", "-u 192.0.2.102:53", "-f 7", "-f 8 -6"} {
		f.ipvsadm("-A " + service + " -s rr")
		for n, server := range []string{"10.0.0.11:80", "10.0.0.12:80"} {
			method := " -m"
			if strings.Contains(service, "-6") {
				server, method = "[2001:db8::"+fmt.Sprint(n+1)+"]:80", " -g -x 9"
			}
			f.ipvsadm(fmt.Sprint("-a ", service, " -r ", server, method, " -w ", 10*i+n+1))
		}
	}
	before := f.director.rules()
	// The director itself is the client, because its own packets can have a mark without a firewall.
	marked := net.Dialer{Timeout: 5 * time.Second, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_MARK, 7) })
		return errors.Join(err, controlErr)
	}}
	var conn net.Conn
	name := make([]byte, len("web1"))
	for string(name) != "web1" {
		err := f.director.do(func() (err error) {
			conn, err = marked.Dial("tcp4", "192.0.2.101:80")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Read(name)
	}
	d := f.director.drain("-r 10.0.0.11")
	d.prints("draining 10.0.0.11 in 4 services, for up to 15m\n")
	d.prints("FWM 7 -> 10.0.0.11:80: 1 active")
	d.prints("TCP 192.0.2.102:443 -> 10.0.0.11:80: drained after ")
	conn.Close()
	d.ends("exit status 0", "FWM 7 -> 10.0.0.11:80: drained after ")
	f.ipvsadm("drain -r 2001:db8::1 -f 8 -6")
	if rules := f.director.rules(); strings.Count(rules, "-w 0") != 5 || strings.Count(rules, "10.0.0.11:80 -m -w 0") != 4 {
		t.Errorf("the table during the drain: %s", rules)
	}
	f.ipvsadm("undrain -r 10.0.0.11 -t 192.0.2.102:443")
	if rules := f.director.rules(); strings.Count(rules, "-w 0") != 4 {
		t.Errorf("one service was put back: %s", rules)
	}
	f.ipvsadm("undrain --all")
	f.director.wantRules("undrain", before)

	// weight changes the weight and nothing else.
	if out := f.director.run("ipvsadm", "weight", "-r", "2001:db8::2", "5", "-f", "8", "-6"); out != "FWM 8 IPv6 -> [2001:db8::2]:80: weight 42 -> 5\n" {
		t.Errorf("weight printed %s", out)
	}
	f.director.wantRules("weight", strings.Replace(before, "-g -w 42 -x 9", "-g -w 5 -x 9", 1))
	f.director.refuses(1, "weight -r 10.0.0.11 -1", "")
	f.director.refuses(1, "weight -r 10.0.0.11 2147483648", `the weight is "2147483648", not a number from 0 to 2147483647`)
	// A weight ends a drain.
	f.ipvsadm("drain -r 10.0.0.11 -t 192.0.2.102:443")
	f.ipvsadm("weight -r 10.0.0.11 -t 192.0.2.102:443 3")
	f.ipvsadm("weight -r 10.0.0.11 -t 192.0.2.102:443 0")
	f.director.refuses(1, "undrain -r 10.0.0.11", "is not drained", "has weight 0, but not from a drain: type ipvsadm weight -r 10.0.0.11:80 -t 192.0.2.102:443 WEIGHT")
}

// TestDrainIPv6 drains a server of an IPv6 service that has a connection.
func TestDrainIPv6(t *testing.T) {
	needNetworks(t)
	h := newHost(t, "director")
	h.run("ip", "-6", "-batch", h.file6(t, "addr add 2001:db8::80/128 dev lo nodad\naddr add 2001:db8::1/128 dev lo nodad\naddr add 2001:db8::2/128 dev lo nodad\n"))
	var listeners [2]net.Listener
	for i := range listeners {
		err := h.do(func() (err error) {
			listeners[i], err = net.Listen("tcp6", fmt.Sprintf("[2001:db8::%d]:80", i+1))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer listeners[i].Close()
	}
	const service = "[2001:db8::80]:80"
	h.run("ipvsadm", "-A", "-t", service, "-s", "rr")
	h.run("ipvsadm", "-a", "-t", service, "-r", "[2001:db8::1]:80", "-m")
	before := h.rules() + "-a -t " + service + " -r [2001:db8::2]:80 -m -w 1\n"
	var conn net.Conn
	err := h.do(func() (err error) {
		conn, err = net.Dial("tcp6", service)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.run("ipvsadm", "-a", "-t", service, "-r", "[2001:db8::2]:80", "-m")
	d := h.drain("-r 2001:db8::1 --timeout 1s")
	d.ends("exit status 3", "TCP "+service+" -> [2001:db8::1]:80: 1 active, 0 inactive: 1 of 2001:db8::80\n")
	d = h.drain("-r [2001:db8::1]:80 -t " + service)
	d.prints("the weight was 0 already\n")
	d.prints("1 active")
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	d.ends("exit status 0")
	h.run("ipvsadm", "undrain", "-r", "2001:db8::1")
	h.wantRules("undrain", before)
}

// file6 writes a file and returns its name.
func (h *host) file6(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "batch")
	writeFile(t, path, text)
	return path
}
