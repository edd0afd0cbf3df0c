package tests

import (
	"bufio"
	"bytes"
	"errors"
	"slices"
	"strconv"
	"sync"

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

// start runs a program in the background, for as long as the test runs or until it is told to stop.
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

// serve runs a web server on the host, whose one page says what it is called.
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

// curl makes requests one after the other, each by a connection of its own. It returns the pages, or an error.
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

// mustGet is a number of requests that must be answered; it returns who did.
func (h *host) mustGet(n int, url string) answers {
	h.t.Helper()
	got, err := h.curl(n, url)
	if err != nil || len(got) != n {
		h.t.Fatalf("%s: %d requests: %v, %v", h.name, n, got, err)
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

// onePlace is a client and two web servers on one network, which lacks a director or two. The web servers stop when told.
func onePlace(t *testing.T) (lan *segment, client *host, webs []*host, stops []func()) {
	lan = newSegment(t, "network")
	client = newHost(t, "client").join(lan, "eth0", "192.0.2.10/24")
	for i := 1; i <= 2; i++ {
		web := newHost(t, fmt.Sprintf("web%d", i)).join(lan, "eth0", fmt.Sprintf("192.0.2.1%d/24", i))
		stops = append(stops, web.serve(web.name, "0.0.0.0:80"))
		webs = append(webs, web)
	}
	up("lvsdr-real", webs...)
	return lan, client, webs, stops
}

func TestExampleDirectRouting(t *testing.T) {
	needNetworks(t)
	lan, client, _, _ := onePlace(t)
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
	held, _ := client.mustHold(director, "", "192.0.2.80:80")
	director.run("ip", "route", "del", "default")
	if page, err := finish(held); err != nil {
		t.Errorf("a connection made before the default gateway went: %q, %v", page, err)
	}
	alternate("without the director's default gateway")
	if out, status := client.try("busybox", "ping", "-c1", "-W1", "192.0.2.80"); status == 0 {
		t.Errorf("the director answers ping without a way to the client:\n%s", out)
	}
	for _, mode := range []string{"2", "1"} {
		director.set("conf/all/rp_filter", mode)
		page, err := client.curl(1, url, "--connect-timeout", "1")
		t.Logf("without the director's default gateway, rp_filter %s: %q, %v", mode, page, err)
		if err == nil {
			t.Errorf("rp_filter %s accepted a packet from a sender without a route back", mode)
		}
	}
	director.run("ip", "route", "add", "default", "via", "203.0.113.1")
	alternate("with it again, and rp_filter 1")
}

// mustHold is a connection that stays open: a request but for its last line. It returns the connection, and the real
// server that the director's listing says it goes to.
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

// finish ends a request that was held, and returns the page.
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

// mustAsk is a request without curl, for one of the host's addresses and quickly.
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

// Two web servers behind a director that translates.
const (
	web1 = "10.0.0.11:80"
	web2 = "10.0.0.12:80"
)

// load is what a scheduler that counts connections knows of a real server. What tests do with servers leaves
// the director in no doubt: a held connection is active, and one whose page has come is inactive for two minutes.
type load struct{ active, inactive, weight int }

// scheduling is a director with a scheduler, the connections held through it and the loads they make.
type scheduling struct {
	t                *testing.T
	director, client *host
	service          string
	loads            map[string]*load
	held             map[string][]net.Conn
}

// hold holds another connection and returns where it went.
func (s *scheduling) hold() string {
	s.t.Helper()
	conn, server := s.client.mustHold(s.director, "", s.service)
	s.loads[server].active++
	s.held[server] = append(s.held[server], conn)
	return server
}

// holds is hold several times.
func (s *scheduling) holds(n int) (got answers) {
	s.t.Helper()
	for range n {
		got = append(got, s.hold())
	}
	return got
}

// release ends all connections held to a server, which must be the one to answer them.
func (s *scheduling) release(server string) {
	s.t.Helper()
	names := map[string]string{web1: "web1", web2: "web2"}
	for _, conn := range s.held[server] {
		page, err := finish(conn)
		if err != nil || page != names[server] {
			s.t.Fatalf("a connection listed as %s was answered by %q, %v", server, page, err)
		}
		conn.Close()
		s.loads[server].active--
		s.loads[server].inactive++
	}
	s.held[server] = nil
}

// holdByCost holds connections and checks that each goes to a server whose cost is least.
func (s *scheduling) holdByCost(n int, cost func(*load) float64) (got answers) {
	s.t.Helper()
	for range n {
		costs := map[string]float64{web1: cost(s.loads[web1]), web2: cost(s.loads[web2])}
		server := s.hold()
		got = append(got, server)
		if costs[server] > min(costs[web1], costs[web2]) {
			s.t.Errorf("after %q a connection went to %s, but the costs were %v", got, server, costs)
		}
	}
	return got
}

func TestExampleSchedulers(t *testing.T) {
	needNetworks(t, "tc")
	outside, inside := newSegment(t, "outside"), newSegment(t, "inside")
	client := newHost(t, "client").join(outside, "eth0", "192.0.2.10/24")
	var clients []string // its addresses
	var lines []string
	for i := range 8 {
		clients = append(clients, fmt.Sprintf("192.0.2.%d", 21+i))
		lines = append(lines, "addr add "+clients[i]+"/24 dev eth0")
	}
	client.ip(lines...)
	director := newHost(t, "director").join(outside, "eth0", "192.0.2.1/24").join(inside, "eth1", "10.0.0.1/24")
	var webs []*host
	for i := 1; i <= 2; i++ {
		web := newHost(t, fmt.Sprintf("web%d", i)).join(inside, "eth0", fmt.Sprintf("10.0.0.1%d/24", i))
		web.serve(web.name, "0.0.0.0:80")
		webs = append(webs, web)
	}
	up("lvsnat-real", webs...)
	alone := []string{"MARK=1"} // for what it sets up to be put back too
	director.env = alone
	up("lvsnat", director)

	// Each scheduler gets an address of its own, and with it servers whose counts begin at zero.
	vips := 0
	newVIP := func() string {
		vips++
		return fmt.Sprintf("192.0.2.%d", 100+vips)
	}
	schedule := func(t *testing.T, scheduler string, weight1, weight2 int, more ...string) *scheduling {
		t.Helper()
		vip := newVIP()
		director.env = append([]string{"SCHEDULER=" + scheduler, "VIPS=" + vip,
			fmt.Sprint("WEIGHT1=", weight1), fmt.Sprint("WEIGHT2=", weight2)}, more...)
		director.script("lvsnat", "start")
		env := director.env
		t.Cleanup(func() {
			director.env = env
			director.script("lvsnat", "stop")
			director.env = alone
		})
		return &scheduling{t, director, client, vip + ":80",
			map[string]*load{web1: {weight: weight1}, web2: {weight: weight2}}, map[string][]net.Conn{}}
	}
	// ask sends requests from one address to another.
	ask := func(t *testing.T, n int, from, to string) (got answers) {
		t.Helper()
		for range n {
			got = append(got, client.mustAsk(from, to))
		}
		return got
	}
	weigh := func(t *testing.T, s *scheduling, server string, weight int) {
		t.Helper()
		director.run("ipvsadm", "-e", "-t", s.service, "-r", server, "-m", "-w", strconv.Itoa(weight))
	}

	t.Run("rr", func(t *testing.T) { // an even share, whatever the weights
		s := schedule(t, "rr", 1, 3)
		got := client.mustGet(8, "http://"+s.service+"/")
		wantCounts(t, "rr", got, map[string]int{"web1": 4, "web2": 4})
		if !got.alternate() {
			t.Error("they did not take turns")
		}
		s.holds(2)
		s.release(web1)
		wantCounts(t, "web2 having a connection", ask(t, 4, "", s.service), map[string]int{"web1": 2, "web2": 2})
	})
	t.Run("wrr", func(t *testing.T) { // a weighted share
		s := schedule(t, "wrr", 1, 3)
		for _, round := range []string{"first round", "second round"} {
			wantCounts(t, round, client.mustGet(4, "http://"+s.service+"/"), map[string]int{"web1": 1, "web2": 3})
		}
		director.show("ipvsadm", "-Ln")
		s.holds(4)
		s.release(web2)
		wantCounts(t, "web1 having a connection", ask(t, 4, "", s.service), map[string]int{"web1": 1, "web2": 3})
	})

	t.Run("lc", func(t *testing.T) { // to the fewest connections, whatever the weights
		cost := func(l *load) float64 { return float64(l.active<<8 + l.inactive) }
		s := schedule(t, "lc", 1, 3)
		wantCounts(t, "held", s.holdByCost(6, cost), map[string]int{web1: 3, web2: 3})
		s.release(web1)
		wantCounts(t, "after web1's ended", s.holdByCost(3, cost), map[string]int{web1: 3})
	})
	t.Run("wlc", func(t *testing.T) { // to the fewest connections for its weight
		cost := func(l *load) float64 { return float64(l.active<<8+l.inactive) / float64(l.weight) }
		s := schedule(t, "wlc", 1, 3)
		wantCounts(t, "held", s.holdByCost(8, cost), map[string]int{web1: 2, web2: 6})
		s.release(web2)
		wantCounts(t, "after web2's ended", s.holdByCost(5, cost), map[string]int{web2: 5})
	})
	t.Run("sed", func(t *testing.T) { // to the shortest expected delay: with this connection counted
		cost := func(l *load) float64 { return float64(l.active+1) / float64(l.weight) }
		s := schedule(t, "sed", 1, 3)
		wantCounts(t, "the first two", s.holdByCost(2, cost), map[string]int{web2: 2}) // though web1 is idle
		wantCounts(t, "six more", s.holdByCost(6, cost), map[string]int{web1: 2, web2: 4})
	})
	t.Run("nq", func(t *testing.T) { // never queue: to an idle server if there is one, else as sed
		cost := func(l *load) float64 {
			if l.active == 0 {
				return 0
			}
			return float64(l.active+1) / float64(l.weight)
		}
		s := schedule(t, "nq", 1, 3)
		wantCounts(t, "the first two", s.holdByCost(2, cost), map[string]int{web1: 1, web2: 1})
		wantCounts(t, "six more", s.holdByCost(6, cost), map[string]int{web1: 1, web2: 5})
	})

	t.Run("sh", func(t *testing.T) { clientsStay(t, schedule(t, "sh", 1, 1), clients) })
	t.Run("mh", func(t *testing.T) { clientsStay(t, schedule(t, "mh", 1, 1), clients) })

	// Schedulers by destination are for a service of many addresses: a mark.
	marked := func(t *testing.T, scheduler string, n, weight int) (vips []string, s *scheduling) {
		t.Helper()
		for range n {
			vips = append(vips, newVIP())
		}
		s = schedule(t, scheduler, weight, weight, "MARK="+strconv.Itoa(100+len(scheduler)),
			"VIPS="+strings.Join(vips, " "))
		return vips, s
	}
	t.Run("dh", func(t *testing.T) { // one server a destination, whoever asks
		vips, _ := marked(t, "dh", 4, 1)
		servers := map[string]bool{}
		for _, vip := range vips {
			got := answers{}
			for _, from := range clients[:3] {
				got = append(got, client.mustAsk(from, vip+":80"))
			}
			t.Logf("%s: %v", vip, got)
			if len(got.count()) != 1 {
				t.Errorf("%s is served by several", vip)
			}
			servers[got[0]] = true
		}
		if len(servers) != 2 {
			t.Errorf("four destinations are all served by one: %v", servers)
		}
	})
	for _, scheduler := range []string{"lblc", "lblcr"} {
		t.Run(scheduler, func(t *testing.T) { // one server a destination, until it has too much to do
			vips, s := marked(t, scheduler, 3, 2)
			firsts := answers{}
			for _, vip := range vips[:2] {
				got := ask(t, 3, "", vip+":80")
				t.Logf("%s: %v", vip, got)
				if len(got.count()) != 1 {
					t.Errorf("%s is served by several", vip)
				}
				firsts = append(firsts, got[0])
			}
			wantCounts(t, "two destinations, each to the less loaded server", firsts, map[string]int{"web1": 1, "web2": 1})
			director.show("ipvsadm", "-Ln")

			// A server has too much to do when it has more active connections than its weight, and another has
			// less than half of its own. Then another takes over (lblc) or helps out (lblcr).
			s.service = vips[2] + ":80"
			home := s.hold()
			other := map[string]string{web1: web2, web2: web1}[home]
			wantCounts(t, "up to its weight and one more", s.holds(2), map[string]int{home: 2})
			wantCounts(t, "when it has too much to do", s.holds(2), map[string]int{other: 2})
			s.release(home)
			want := map[string]string{"lblc": other, "lblcr": home}[scheduler]
			wantCounts(t, "when it is idle again", s.holds(1), map[string]int{want: 1})
		})
	}

	t.Run("fo", func(t *testing.T) { // the heaviest, and the next when it is at weight 0
		s := schedule(t, "fo", 3, 1)
		wantCounts(t, "at first", ask(t, 3, "", s.service), map[string]int{"web1": 3})
		weigh(t, s, web1, 0)
		wantCounts(t, "web1 at weight 0", ask(t, 3, "", s.service), map[string]int{"web2": 3})
		weigh(t, s, web1, 3)
		wantCounts(t, "web1 back", ask(t, 3, "", s.service), map[string]int{"web1": 3})
	})
	t.Run("ovf", func(t *testing.T) { // the heaviest, and the next when it has more connections than its weight
		s := schedule(t, "ovf", 3, 1)
		wantCounts(t, "up to web1's weight and one more", s.holds(4), map[string]int{web1: 4})
		wantCounts(t, "overflow", s.holds(2), map[string]int{web2: 2})
		s.release(web1)
		wantCounts(t, "when web1's ended", s.holds(2), map[string]int{web1: 2})
	})

	t.Run("persistence", func(t *testing.T) {
		const seconds = 5
		s := schedule(t, "rr", 1, 1, fmt.Sprint("PERSIST=", seconds))
		director.run("ipvsadm", "--set", "0", "1", "0") // a template outlives its connections, so let them end soon
		stays := func(when string) string {
			t.Helper()
			var got answers
			for range 4 {
				// A client that never closes: else the director keeps the connection for two minutes more.
				conn, err := client.dial(clients[0], s.service)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				fmt.Fprint(conn, "GET / HTTP/1.0\r\n")
				page, err := finish(conn)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page)
			}
			t.Logf("%s: %v", when, got)
			if len(got.count()) != 1 {
				t.Errorf("%s: the client was not held to one server: %v", when, got)
			}
			return got[0]
		}
		first := stays("at first")
		began := time.Now()
		if listing := director.show("ipvsadm", "-Ln"); !strings.Contains(listing, fmt.Sprint("rr persistent ", seconds)) {
			t.Error("the listing does not say that it is persistent")
		}
		template := func() bool {
			return slices.ContainsFunc(director.connections(), func(c connection) bool {
				return c.client == clients[0]+":0" && c.virtual == s.service
			})
		}
		if !template() {
			t.Errorf("no template is listed:\n%s", director.run("ipvsadm", "-lnc"))
		}
		eventually(t, 20*time.Second, "the end of persistence", func() bool { return !template() })
		t.Logf("it was let go %.1f s after its last request", time.Since(began).Seconds())
		if second := stays("after that"); second == first { // round robin goes on where it was
			t.Errorf("let go by %s, the client was not taken by the other", first)
		}
		director.run("ipvsadm", "--set", "0", "120", "0")
	})
}

// clientsStay checks that every client is served by one server, and that there is work for both.
func clientsStay(t *testing.T, s *scheduling, clients []string) {
	t.Helper()
	servers := map[string]bool{}
	for _, from := range clients {
		var got answers
		for range 3 {
			got = append(got, s.client.mustAsk(from, s.service))
		}
		t.Logf("%s: %v", from, got)
		if len(got.count()) != 1 {
			t.Errorf("%s was served by several", from)
		}
		servers[got[0]] = true
	}
	if len(servers) != 2 {
		t.Errorf("%d clients were all served by one: %v", len(clients), servers)
	}
}

func TestExampleKeepalived(t *testing.T) {
	needNetworks(t, "keepalived", original)
	lan, client, webs, stops := onePlace(t)
	var directors []*host
	for i, priority := range []int{150, 100} {
		director := newHost(t, fmt.Sprintf("director%d", i+1)).join(lan, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		director.env = []string{fmt.Sprint("PRIORITY=", priority), "RUN=" + t.TempDir()}
		directors = append(directors, director)
	}
	first, second := directors[0], directors[1]
	t.Cleanup(func() { // also when the test failed, for keepalived is a daemon
		for _, director := range directors {
			director.try("../examples/lvskeepalived", "stop")
		}
	})

	has := func(director *host) bool {
		return strings.Contains(director.ip("addr show dev eth0"), "192.0.2.100/32")
	}
	holder := func(want, other *host) func() bool {
		return func() bool { return has(want) && !has(other) }
	}
	tables := func(servers ...string) func() bool {
		want := "-A -t 192.0.2.100:80 -s rr\n"
		for _, server := range servers {
			want += "-a -t 192.0.2.100:80 -r " + server + " -g -w 1\n"
		}
		return func() bool {
			return first.run("ipvsadm", "-S", "-n") == want && second.run("ipvsadm", "-S", "-n") == want
		}
	}
	for _, director := range directors {
		if out, status := director.try("../examples/lvskeepalived", "status"); status != 3 {
			t.Fatalf("status before start: status %d, not 3:\n%s", status, out)
		}
		director.script("lvskeepalived", "start")
	}
	eventually(t, 30*time.Second, "the first director having the address", holder(first, second))
	eventually(t, 10*time.Second, "both tables", tables(web11, web12))
	pid := func() string {
		pid, _ := os.ReadFile(strings.TrimPrefix(first.env[1], "RUN=") + "/keepalived.pid")
		return string(pid)
	}
	before := pid()
	first.script("lvskeepalived", "start")
	if after := pid(); after == "" || after != before {
		t.Errorf("a second start took keepalived from process %q to %q", before, after)
	}

	// What keepalived programmed, by the original and by us.
	agree := func(when string, listings ...string) {
		t.Helper()
		for _, director := range directors {
			for _, words := range listings {
				line := strings.Fields(words)
				var want, got string
				// One director's connections arrive at the other when they like, and are counted there.
				eventually(t, 20*time.Second, director.name+"'s table being left alone", func() bool {
					want = director.run(append([]string{original}, line...)...)
					got = director.run(append([]string{"ipvsadm"}, line...)...)
					return want == director.run(append([]string{original}, line...)...)
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s: ipvsadm %s: the original (-) and ours (+) differ:\n%s", when, director.name, words, diff)
				}
			}
		}
	}
	agree("at first", "-Ln", "-L", "-Sn", "-Ln --thresholds", "-L --daemon")

	// Requests, and a connection that stays.
	const url = "http://192.0.2.100/"
	got := client.mustGet(6, url)
	if t.Logf("both servers: %v", got); !got.alternate() {
		t.Error("the servers did not take turns")
	}
	held, heldBy := client.mustHold(first, "", "192.0.2.100:80")
	connections := func(director *host) []string {
		var all []string
		for _, c := range director.connections() {
			all = append(all, c.client+" "+c.virtual+" "+c.server)
		}
		slices.Sort(all)
		return all
	}
	eventually(t, 20*time.Second, "seven connections of the first director on the second", func() bool {
		there := connections(second)
		return len(there) == 7 && slices.Equal(there, connections(first))
	})
	first.show("ipvsadm", "-lnc")
	second.show("ipvsadm", "-lnc")
	second.show("ipvsadm", "-L", "--daemon")
	first.show("../examples/lvskeepalived", "status")

	// The table of one on another.
	file := filepath.Join(t.TempDir(), "ipvsadm.rules")
	first.run("ipvsadm-save", "-n", "-f", file)
	spare := newHost(t, "spare")
	spare.startService(file)
	if diff := cmp.Diff(first.run("ipvsadm", "-Sn"), spare.run("ipvsadm", "-Sn")); diff != "" {
		t.Errorf("saved on one (-) and restored on another (+) differ:\n%s", diff)
	}

	// A server fails, and returns. The one that holds our connection shall not.
	failing, staying := 0, 1
	if heldBy == web11 {
		failing, staying = 1, 0
	}
	addresses := []string{web11, web12}
	stops[failing]()
	began := time.Now()
	eventually(t, 20*time.Second, "the failed server leaving", tables(addresses[staying]))
	t.Logf("the failed server left both tables in %.1f s", time.Since(began).Seconds())
	agree("without a server", "-Ln")
	wantCounts(t, "one server", client.mustGet(3, url), map[string]int{webs[staying].name: 3})
	webs[failing].serve(webs[failing].name, "0.0.0.0:80")
	began = time.Now()
	eventually(t, 20*time.Second, "the server returning", func() bool {
		return tables(web11, web12)() || tables(web12, web11)()
	})
	t.Logf("the server returned to both tables in %.1f s", time.Since(began).Seconds())
	agree("with it again", "-Ln")
	if got := client.mustGet(4, url); len(got.count()) != 2 {
		t.Errorf("the server that returned gets nothing: %v", got)
	}

	// The first director dies: its cable is cut. Requests are made one by one, each given a second.
	first.ip("link set eth0 down")
	began = time.Now()
	lost, took := 0, time.Duration(0)
	for answered := 0; answered < 6; {
		if _, err := client.curl(1, url, "--connect-timeout", "1", "--max-time", "2"); err == nil {
			answered++
			continue
		}
		lost++
		answered, took = 0, time.Since(began)
		if took > 30*time.Second {
			t.Fatalf("no answer for %v after the first director died", took)
		}
	}
	t.Logf("the first director died: %d requests were lost in %.1f s, then all were answered", lost, took.Seconds())
	if !has(second) {
		t.Error("the second director has not got the address")
	}
	page, err := finish(held)
	if want := webs[staying].name; err != nil || page != want {
		t.Errorf("a connection held since before that was answered by %q, %v; want %q", page, err, want)
	}
	first.ip("link set eth0 up")
	eventually(t, 30*time.Second, "the first director taking the address back", holder(first, second))
	if got := client.mustGet(4, url); len(got.count()) != 2 {
		t.Errorf("not both servers answer by the first director: %v", got)
	}

	for _, director := range directors {
		for range 2 {
			director.script("lvskeepalived", "stop")
		}
		if has(director) || director.run("ipvsadm", "-S") != "" || director.run("ipvsadm", "-L", "--daemon") != "" {
			t.Errorf("%s: something is left after stop:\n%s%s", director.name, director.state(),
				director.run("ipvsadm", "-L", "--daemon"))
		}
	}
}

// The web servers of onePlace.
const (
	web11 = "192.0.2.11:80"
	web12 = "192.0.2.12:80"
)

// startService starts the service of init/ipvsadm.init with a saved file. The script goes by where packages put
// things, so this program is mounted there, and its settings, for the script alone.
func (h *host) startService(file string) {
	h.t.Helper()
	settings := filepath.Join(h.t.TempDir(), "default")
	if err := os.WriteFile(settings, []byte("IPVSADM_RULES="+file+"\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.run("unshare", "--mount", "sh", "-ec", `
		mount --bind "$1" /usr/sbin/ipvsadm
		mount --bind "$1" /usr/sbin/ipvsadm-restore
		mount --bind "$2" /etc/default/ipvsadm
		exec ../init/ipvsadm.init start`, "sh", builtProgram(h.t), settings)
}
