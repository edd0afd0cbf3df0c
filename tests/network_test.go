package tests

import (
	"bytes"
	"fmt"
	"net"
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
	within *= 5 // a busy machine is that much slower
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
