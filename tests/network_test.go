package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// host is a machine of an example's network, in a namespace of its own. This repository's ipvsadm is first in its PATH.
type host struct {
	namespace
	t    *testing.T
	name string
	env  []string
}

func newHost(t *testing.T, name string) *host {
	t.Helper()
	h := &host{t: t, name: name}
	if err := h.open(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(h.close)
	return h
}

// segment is a network that hosts join. It is a bridge in a namespace.
type segment struct {
	bridge *host
	ports  int
}

func newSegment(t *testing.T, name string) *segment {
	t.Helper()
	s := &segment{bridge: newHost(t, name)}
	s.bridge.ip("link add bridge type bridge", "link set bridge up")
	return s
}

// join gives the host an interface in the segment, with an address.
func (h *host) join(s *segment, dev, address string) *host {
	h.t.Helper()
	port := fmt.Sprintf("port%d", s.ports)
	s.ports++
	there := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), s.bridge.file.Fd())
	h.ip("link add "+dev+" type veth peer name "+port+" netns "+there, "addr add "+address+" dev "+dev,
		"link set "+dev+" up")
	s.bridge.ip("link set " + port + " master bridge up")
	return h
}

// ip runs several commands of ip(8) in one process, because processes are slow in the lab.
func (h *host) ip(lines ...string) string {
	h.t.Helper()
	command := h.command("ip", "-4", "-batch", "-")
	command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, status := h.carryOut(command)
	if status != 0 {
		h.t.Fatalf("%s: ip %q: status %d:\n%s", h.name, lines, status, out)
	}
	return out
}

// command prepares a program to run on the host, with the host's environment.
func (h *host) command(words ...string) *exec.Cmd {
	here, err := filepath.Abs("..")
	if err != nil {
		h.t.Fatal(err)
	}
	command := exec.Command(words[0], words[1:]...)
	switch words[0] { // LookPath searches the test's own PATH
	case "ipvsadm", "ipvsadm-save", "ipvsadm-restore":
		command = exec.Command(filepath.Join(here, words[0]), words[1:]...)
	}
	command.Env = append(os.Environ(), "PATH="+here+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	command.Env = append(command.Env, h.env...)
	return command
}

// carryOut runs a program on the host and returns its output and its status.
func (h *host) carryOut(command *exec.Cmd) (string, int) {
	h.t.Helper()
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := h.do(command.Start); err != nil {
		h.t.Fatalf("%s: %q: %v", h.name, command.Args, err)
	}
	command.Wait() // the caller checks the status
	return out.String(), command.ProcessState.ExitCode()
}

func (h *host) try(words ...string) (string, int) {
	h.t.Helper()
	return h.carryOut(h.command(words...))
}

// run runs a program, which must succeed, and returns its output.
func (h *host) run(words ...string) string {
	h.t.Helper()
	out, status := h.try(words...)
	if status != 0 {
		h.t.Fatalf("%s: %q: status %d:\n%s", h.name, words, status, out)
	}
	return out
}

// show runs a program, and logs it as a person would see it.
func (h *host) show(words ...string) string {
	h.t.Helper()
	out := h.run(words...)
	h.t.Logf("%s# %s\n%s", h.name, strings.Join(words, " "), out)
	return out
}

// start runs a program in the background until stop is called or the test ends.
func (h *host) start(words ...string) (stop func()) {
	h.t.Helper()
	command := h.command(words...)
	if err := h.do(command.Start); err != nil {
		h.t.Fatalf("%s: %q: %v", h.name, words, err)
	}
	stop = sync.OnceFunc(func() {
		command.Process.Kill()
		command.Wait()
	})
	h.t.Cleanup(stop)
	return stop
}

// script runs one of the examples' scripts.
func (h *host) script(name, verb string) string {
	h.t.Helper()
	return h.run("../examples/"+name, verb)
}

// startScript starts a script on hosts. On the first host it checks that a second start changes nothing, and that two stops
// at the end of the test leave nothing behind.
func startScript(script string, hosts ...*host) {
	h := hosts[0]
	h.t.Helper()
	before := h.state()
	if out, status := h.try("../examples/"+script, "status"); status != 3 {
		h.t.Fatalf("%s: %s status before start: status %d, not 3:\n%s", h.name, script, status, out)
	}
	for _, host := range hosts {
		host.script(script, "start")
	}
	once := h.state()
	h.script(script, "start")
	if diff := cmp.Diff(once, h.state()); diff != "" {
		h.t.Fatalf("%s: after one %s start (-) and after two (+):\n%s", h.name, script, diff)
	}
	h.script(script, "status")
	h.t.Cleanup(func() {
		if h.t.Failed() {
			return
		}
		for range 2 {
			h.script(script, "stop")
			if diff := cmp.Diff(before, h.state()); diff != "" {
				h.t.Fatalf("%s: before %s start (-) and after stop (+):\n%s", h.name, script, diff)
			}
		}
	})
}

// state returns everything on a host that scripts change.
func (h *host) state() string {
	h.t.Helper()
	state := h.run("ipvsadm", "-S", "-n") + h.ip("addr show", "rule show", "route show table all") +
		h.run("tc", "qdisc", "show") + h.run("tc", "filter", "show", "dev", "eth0", "ingress")
	err := h.do(func() error {
		for _, name := range []string{"ip_forward", "conf/all/arp_ignore", "conf/all/arp_announce"} {
			value, err := os.ReadFile("/proc/sys/net/ipv4/" + name)
			if err != nil {
				return err
			}
			state += name + " " + string(value)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return state
}

// set writes to a file under /proc/sys/net/ipv4.
func (h *host) set(name, value string) {
	h.t.Helper()
	if err := h.do(func() error { return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0) }); err != nil {
		h.t.Fatal(err)
	}
}

// serve runs a web server on the host. It has one page.
func (h *host) serve(page, address string) (stop func()) {
	h.t.Helper()
	root := h.t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte(page), 0o644); err != nil {
		h.t.Fatal(err)
	}
	stop = h.start("busybox", "httpd", "-f", "-p", address, "-h", root)
	address = strings.Replace(address, "0.0.0.0", "127.0.0.1", 1)
	eventually(h.t, 10*time.Second, "a web server on "+h.name, func() bool {
		conn, err := h.dial("", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return stop
}

// serveTLS is serve for HTTPS.
func (h *host) serveTLS(page, address string) {
	h.t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, page)
	}))
	err := h.do(func() (err error) {
		server.Listener.Close()
		server.Listener, err = net.Listen("tcp4", address)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	server.StartTLS()
	h.t.Cleanup(server.Close)
}

// curl sends n requests in turn, each on its own connection, and returns the pages.
func (h *host) curl(n int, url string, words ...string) (answers, error) {
	words = append([]string{"curl", "--silent", "--show-error", "--fail", "--insecure", "--noproxy", "*",
		"--header", "Connection: close", "--write-out", "\n", "--connect-timeout", "3", "--max-time", "5"}, words...)
	for range n {
		words = append(words, url)
	}
	out, status := h.try(words...)
	if status != 0 {
		return nil, fmt.Errorf("curl %s: status %d: %s", url, status, out)
	}
	return strings.Fields(out), nil
}

// mustGet sends n requests, which must all be answered, and returns the pages.
func (h *host) mustGet(n int, url string) answers {
	h.t.Helper()
	got, err := h.curl(n, url)
	if err != nil || len(got) != n {
		h.t.Fatalf("%s: %d requests: %v, %v", h.name, n, got, err)
	}
	return got
}

// answers lists who answered, request by request.
type answers []string

func (a answers) count() map[string]int {
	counts := map[string]int{}
	for _, who := range a {
		counts[who]++
	}
	return counts
}

// alternate reports whether two servers took turns.
func (a answers) alternate() bool {
	for i := 2; i < len(a); i++ {
		if a[i] != a[i-2] {
			return false
		}
	}
	return len(a.count()) == 2
}

func wantCounts(t *testing.T, what string, got answers, want map[string]int) {
	t.Helper()
	t.Logf("%s: %s", what, strings.Join(got, " "))
	if diff := cmp.Diff(want, got.count()); diff != "" {
		t.Errorf("%s: wanted (-) and got (+) differ:\n%s", what, diff)
	}
}

// dial connects from the host, by default from any of its addresses.
func (h *host) dial(from, to string) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: 3 * time.Second}
	if from != "" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	}
	err = h.do(func() error {
		conn, err = dialer.Dial("tcp4", to)
		return err
	})
	return conn, err
}

// connection is a line of ipvsadm -lnc.
type connection struct{ protocol, state, client, virtual, server string }

func (h *host) connections() []connection {
	h.t.Helper()
	var conns []connection
	for line := range strings.Lines(h.run("ipvsadm", "-lnc")) {
		if f := strings.Fields(line); len(f) == 6 && f[0] != "pro" {
			conns = append(conns, connection{f[0], f[2], f[3], f[4], f[5]})
		}
	}
	return conns
}

// eventually polls until something has happened, and fails the test after a limit.
func eventually(t *testing.T, within time.Duration, what string, happened func() bool) {
	t.Helper()
	if !poll(within, happened) {
		t.Fatalf("%s: not within %v", what, within)
	}
}

// poll calls happened until it returns true, and reports whether it did so within the limit.
func poll(within time.Duration, happened func() bool) bool {
	limit := time.After(within)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !happened() {
		select {
		case <-again.C:
		case <-limit:
			return happened()
		}
	}
	return true
}

// needNetworks skips a test outside the lab, or without the programs that it needs.
func needNetworks(t *testing.T, programs ...string) {
	t.Helper()
	needIPVS(t)
	builtProgram(t)
	for _, program := range append(programs, "ip", "busybox", "curl") {
		if _, err := exec.LookPath(program); err != nil {
			skipOutsideLab(t, err.Error())
		}
	}
}

// mustHold opens a connection that stays open, because its request lacks the last line. It returns the connection and the
// real server that the director lists for it.
func (h *host) mustHold(director *host, from, to string) (net.Conn, string) {
	h.t.Helper()
	conn, err := h.dial(from, to)
	if err != nil {
		h.t.Fatalf("a connection to hold: %v", err)
	}
	h.t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
	for _, c := range director.connections() {
		if c.client == conn.LocalAddr().String() && c.virtual == to {
			return conn, c.server
		}
	}
	h.t.Fatalf("the listing lacks the connection of %s to %s", conn.LocalAddr(), to)
	return nil, ""
}

// finish sends the last line of a held request and returns the page.
func finish(conn net.Conn) (string, error) {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	page, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(page), err
}

// mustAsk sends a request without curl, which is quicker, and from a chosen address.
func (h *host) mustAsk(from, to string) string {
	h.t.Helper()
	conn, err := h.dial(from, to)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
	page, err := finish(conn)
	if err != nil {
		h.t.Fatalf("request from %s to %s: %v", from, to, err)
	}
	return page
}
