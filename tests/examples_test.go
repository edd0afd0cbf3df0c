package tests

import (
	"bytes"

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

	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// host is a machine of an example's network: a namespace of the test's own. Every program run on it finds this
// repository's ipvsadm first.
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

// segment is a network that hosts join: a bridge in a namespace.
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

// join gives the host an interface in the segment, with the address as its own.
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

// ip runs several commands of ip in one process, for processes are slow in the lab.
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

// command prepares a program to run on the host, where there is what the variables say.
func (h *host) command(words ...string) *exec.Cmd {
	here, err := filepath.Abs("..")
	if err != nil {
		h.t.Fatal(err)
	}
	command := exec.Command(words[0], words[1:]...)
	switch words[0] { // LookPath went by the test's own PATH
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
	command.Wait() // the caller looks at its status
	return out.String(), command.ProcessState.ExitCode()
}

func (h *host) try(words ...string) (string, int) {
	h.t.Helper()
	return h.carryOut(h.command(words...))
}

// run runs a program that must not fail and returns its output.
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

// start runs a program in the background for as long as the test runs.
func (h *host) start(words ...string) {
	h.t.Helper()
	command := h.command(words...)
	if err := h.do(command.Start); err != nil {
		h.t.Fatalf("%s: %q: %v", h.name, words, err)
	}
	h.t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
}

// script runs one of the examples' scripts.
func (h *host) script(name, verb string) string {
	h.t.Helper()
	return h.run("../examples/"+name, verb)
}

// up starts a script on hosts. On the first it does so twice, which is to be as good as once, and when the test ends
// stops it twice, after which nothing is to be left of it.
func up(script string, hosts ...*host) {
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

// state is what scripts change of a host.
func (h *host) state() string {
	h.t.Helper()
	state := h.run("ipvsadm", "-S", "-n") + h.ip("addr show", "rule show", "route show table all")
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

// serve runs a web server on the host, whose one page says what it is called.
func (h *host) serve(page, address string) {
	h.t.Helper()
	root := h.t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.html"), []byte(page), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.start("busybox", "httpd", "-f", "-p", address, "-h", root)
	address = strings.Replace(address, "0.0.0.0", "127.0.0.1", 1)
	eventually(h.t, 10*time.Second, "a web server on "+h.name, func() bool {
		conn, err := h.dial("", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// serveTLS is serve for https.
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

// get is one request by curl; it returns the page, or an error.
func (h *host) get(url string, words ...string) (string, error) {
	words = append([]string{"curl", "--silent", "--show-error", "--fail", "--insecure", "--noproxy", "*",
		"--connect-timeout", "3", "--max-time", "5", url}, words...)
	out, status := h.try(words...)
	if status != 0 {
		return "", fmt.Errorf("curl %s: status %d: %s", url, status, out)
	}
	return out, nil
}

// mustGet is a number of requests that must be answered; it returns who did.
func (h *host) mustGet(n int, url string, words ...string) answers {
	h.t.Helper()
	var got answers
	for range n {
		page, err := h.get(url, words...)
		if err != nil {
			h.t.Fatalf("%s: after %d of %d requests: %v", h.name, len(got), n, err)
		}
		got = append(got, page)
	}
	return got
}

// answers is who answered, request by request.
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

// dial connects from the host, from one of its addresses if one is named.
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

// eventually waits for something that is bound to happen.
func eventually(t *testing.T, within time.Duration, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}

// needNetworks is what every example needs.
func needNetworks(t *testing.T, programs ...string) {
	t.Helper()
	needIPVS(t)
	builtProgram(t)
	for _, program := range append(programs, "ip", "busybox", "curl") {
		if _, err := exec.LookPath(program); err != nil {
			unable(t, err.Error())
		}
	}
}

// onePlace is a client, a director and two web servers on one network.
func onePlace(t *testing.T) (lan *segment, client *host, webs []*host) {
	lan = newSegment(t, "network")
	client = newHost(t, "client").join(lan, "eth0", "192.0.2.10/24")
	for i := 1; i <= 2; i++ {
		web := newHost(t, fmt.Sprintf("web%d", i)).join(lan, "eth0", fmt.Sprintf("192.0.2.1%d/24", i))
		web.serve(web.name, "0.0.0.0:80")
		webs = append(webs, web)
	}
	up("lvsdr-real", webs...)
	return lan, client, webs
}

func TestExampleDirectRouting(t *testing.T) {
	needNetworks(t)
	lan, client, _ := onePlace(t)
	director := newHost(t, "director").join(lan, "eth0", "192.0.2.1/24")
	up("lvsdr", director)

	got := client.mustGet(9, "http://192.0.2.100/")
	t.Logf("nine requests: %s", strings.Join(got, " "))
	if !got.alternate() {
		t.Errorf("round robin of two servers, and they did not take turns")
	}

	listing := director.show("ipvsadm")
	for _, server := range []string{"192.0.2.11", "192.0.2.12"} {
		if !strings.Contains(listing, "  -> "+server+":http") || strings.Count(listing, "Route") != 2 {
			t.Errorf("%s is not in the listing", server)
		}
	}

	director.show("ipvsadm", "-lnc")
	conns := director.connections()
	if len(conns) != 9 {
		t.Errorf("%d connections are listed, not 9", len(conns))
	}
	servers := answers{}
	for _, conn := range conns {
		// The director sees the client's half only: who closed first it cannot know.
		if conn.protocol != "TCP" || conn.state != "FIN_WAIT" || !strings.HasPrefix(conn.client, "192.0.2.10:") ||
			conn.virtual != "192.0.2.100:80" {
			t.Errorf("a connection that nobody made: %+v", conn)
		}
		servers = append(servers, conn.server)
	}
	byName := got.count()
	wantCounts(t, "the connections' servers", servers,
		map[string]int{"192.0.2.11:80": byName["web1"], "192.0.2.12:80": byName["web2"]})
}

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

func TestExampleAcrossNetworks(t *testing.T) {
	needNetworks(t)
	near, far := newSegment(t, "near"), newSegment(t, "far")
	client := newHost(t, "client").join(near, "eth0", "198.51.100.10/24")
	client.run("ip", "route", "add", "default", "via", "198.51.100.1")
	router := newHost(t, "router").join(near, "eth0", "198.51.100.1/24").join(far, "eth1", "203.0.113.1/24")
	router.set("ip_forward", "1")
	router.run("ip", "route", "add", "192.0.2.80/32", "via", "203.0.113.2")
	director := newHost(t, "director").join(far, "eth0", "203.0.113.2/24")
	var webs []*host
	for i := 1; i <= 2; i++ {
		web := newHost(t, fmt.Sprintf("web%d", i)).join(far, "eth0", fmt.Sprintf("203.0.113.1%d/24", i))
		web.serve(web.name, "0.0.0.0:80")
		webs = append(webs, web)
	}
	up("lvsrouted-real", webs...)
	up("lvsrouted", director)

	const url = "http://192.0.2.80/"
	alternate := func(when string) {
		t.Helper()
		got := client.mustGet(6, url)
		t.Logf("%s: %s", when, strings.Join(got, " "))
		if !got.alternate() {
			t.Errorf("%s: wrr of equal weights, and the servers did not take turns", when)
		}
	}
	alternate("at first")
	director.show("ipvsadm", "-Ln")

	director.env = []string{"SERVERS=203.0.113.11=1 203.0.113.12=3"}
	director.script("lvsrouted", "start")
	wantCounts(t, "weights 1 and 3", client.mustGet(8, url), map[string]int{"web1": 2, "web2": 6})
	director.env = nil
	director.script("lvsrouted", "start")

	// The puzzle.
	director.run("ip", "route", "del", "default")
	alternate("without the director's default gateway")
	if out, status := client.try("busybox", "ping", "-c1", "-W1", "192.0.2.80"); status == 0 {
		t.Errorf("the director answers ping without a way to the client:\n%s", out)
	}
	for _, mode := range []string{"2", "1"} {
		director.set("conf/all/rp_filter", mode)
		page, err := client.get(url, "--connect-timeout", "1")
		t.Logf("without the director's default gateway, rp_filter %s: %q, %v", mode, page, err)
		if err == nil {
			t.Errorf("rp_filter %s accepted a packet from a sender without a route back", mode)
		}
	}
	director.run("ip", "route", "add", "default", "via", "203.0.113.1")
	alternate("with it again, and rp_filter 1")
}
