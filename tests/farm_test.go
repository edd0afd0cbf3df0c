package tests

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The tests in this file hold what ipvsadm(8) says about the kernel in DRAINING A SERVER, CONNECTION COUNTS and KERNEL
// SETTINGS. Where one fails on a newer kernel, the manual is wrong.

// farm is a director that masquerades three servers, and a client in another network that has many addresses.
type farm struct {
	t                *testing.T
	director, client *host
	servers          []*host
	outside, inside  *segment // of the client, and of the servers
	port             int      // the last source port that the client used
}

const (
	farmAddress = "192.0.2.100"
	farmService = farmAddress + ":80"
)

// newFarm returns a farm of servers of weight 1. The words are the scheduler of its service, with flags and persistence.
func newFarm(t *testing.T, words string) *farm {
	t.Helper()
	needNetworks(t)
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	f := &farm{t: t, outside: outside, inside: inside, port: 20000}
	f.client = newHost(t, "client").join(outside, "eth0", "192.0.2.10/24")
	f.client.ip("route add local 198.51.100.0/24 dev lo")
	f.director = newHost(t, "director").join(outside, "eth0", "192.0.2.1/24").join(inside, "eth1", "10.0.0.1/24")
	f.director.ip("addr add "+farmAddress+"/32 dev eth0", "route add 198.51.100.0/24 via 192.0.2.10")
	f.director.set("ip_forward", "1")
	for i := 1; i <= 3; i++ {
		server := newHost(t, fmt.Sprintf("web%d", i)).join(inside, "eth0", fmt.Sprintf("10.0.0.1%d/24", i))
		server.ip("route add default via 10.0.0.1")
		server.echo()
		f.servers = append(f.servers, server)
	}
	f.schedule(words)
	return f
}

// schedule replaces the director's table.
func (f *farm) schedule(words string) {
	f.t.Helper()
	f.director.run("ipvsadm", "-C")
	f.ipvsadm("-A -t " + farmService + " -s " + words)
	for _, server := range f.servers {
		f.ipvsadm("-a -t " + farmService + " -r " + f.address(server.name) + " -m")
	}
}

func (f *farm) ipvsadm(line string) {
	f.t.Helper()
	f.director.run(append([]string{"ipvsadm"}, strings.Fields(line)...)...)
}

// address returns where the server of a name listens.
func (f *farm) address(name string) string {
	return "10.0.0.1" + strings.TrimPrefix(name, "web") + ":80"
}

func (f *farm) weigh(name string, weight int) {
	f.t.Helper()
	f.ipvsadm(fmt.Sprintf("-e -t %s -r %s -m -w %d", farmService, f.address(name), weight))
}

func (f *farm) remove(name string) {
	f.t.Helper()
	f.ipvsadm("-d -t " + farmService + " -r " + f.address(name))
}

// setting writes a sysctl under net.ipv4.vs on the director.
func (f *farm) setting(name, value string) {
	f.t.Helper()
	f.director.set("vs/"+name, value)
}

// forget clears the director's table and its connections.
func (f *farm) forget() {
	f.t.Helper()
	f.setting("expire_nodest_conn", "1")
	f.director.run("ipvsadm", "-C")
	eventually(f.t, 10*time.Second, "no connection in the table", func() bool { return len(f.director.connections()) == 0 })
	f.setting("expire_nodest_conn", "0")
}

// echo serves TCP connections on port 80: it sends the host's name, and then every byte back. A byte q ends the
// connection.
func (h *host) echo() {
	h.t.Helper()
	var listener net.Listener
	err := h.do(func() (err error) {
		listener, err = net.Listen("tcp4", "0.0.0.0:80")
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { listener.Close() })
	serve := func(conn net.Conn) {
		defer conn.Close()
		io.WriteString(conn, h.name)
		for letter := make([]byte, 1); letter[0] != 'q'; {
			if _, err := conn.Read(letter); err != nil {
				return
			}
			conn.Write(letter)
		}
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
}

// clientAddress returns an address of the client. N is 1 to 200.
func clientAddress(n int) string { return fmt.Sprintf("198.51.100.%d", n) }

// from returns an endpoint at an address of the client. No two have the same port.
func (f *farm) from(address string) string {
	f.port++
	return fmt.Sprintf("%s:%d", address, f.port)
}

// connect opens a connection and returns it with the name of the server that took it.
func (f *farm) connect(from string) (net.Conn, string, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	var conn net.Conn
	err := f.client.do(func() (err error) {
		conn, err = dialer.Dial("tcp4", farmService)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	name := make([]byte, len("web1"))
	_, err = io.ReadFull(conn, name)
	return conn, string(name), err
}

func (f *farm) mustConnect(from string) (net.Conn, string) {
	f.t.Helper()
	conn, name, err := f.connect(from)
	if err != nil {
		f.t.Fatalf("a connection from %s: %v", from, err)
	}
	return conn, name
}

// exchange reports whether a byte that is sent on a connection comes back.
func exchange(conn net.Conn, patience time.Duration) error {
	conn.SetDeadline(time.Now().Add(patience))
	letter := []byte{'x'}
	if _, err := conn.Write(letter); err != nil {
		return err
	}
	_, err := conn.Read(letter)
	return err
}

// servedBy opens a connection from each of the client's first n addresses. It returns the name of each one's server, or
// "refused".
func (f *farm) servedBy(n int) map[int]string {
	f.t.Helper()
	names := map[int]string{}
	for i := range n {
		conn, name, err := f.connect(clientAddress(i+1) + ":0")
		if err == nil {
			conn.Close()
		} else if strings.Contains(err.Error(), "connection refused") {
			name = "refused"
		} else {
			f.t.Fatalf("client %d: %v", i+1, err)
		}
		names[i] = name
	}
	return names
}

func countNames(names map[int]string) map[string]int {
	counts := map[string]int{}
	for _, name := range names {
		counts[name]++
	}
	return counts
}

// carriesSetting reports whether the kernel has a sysctl under net.ipv4.vs.
func (h *host) carriesSetting(name string) bool {
	_, status := h.try("test", "-e", "/proc/sys/net/ipv4/vs/"+name)
	return status == 0
}

// state returns the state in which the director lists the connection from an address and port.
func (f *farm) state(from string) string {
	f.t.Helper()
	for _, conn := range f.director.connections() {
		if conn.client == from {
			return conn.state
		}
	}
	return ""
}

// counts returns ActiveConn and InActConn of the first server of a service.
func (f *farm) counts(service ...string) string {
	f.t.Helper()
	return f.countsIn("", service...)
}

// countsOf returns ActiveConn and InActConn of a server by its name.
func (f *farm) countsOf(name string) string {
	f.t.Helper()
	return f.countsIn(f.address(name), "-t", farmService)
}

func (f *farm) countsIn(address string, service ...string) string {
	f.t.Helper()
	for line := range strings.Lines(f.director.run(append([]string{"ipvsadm", "-Ln"}, service...)...)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "  -> "+address) && fields[1] != "RemoteAddress:Port" {
			return strings.Join(fields[len(fields)-2:], " ")
		}
	}
	f.t.Fatalf("%q has no server %s", service, address)
	return ""
}
