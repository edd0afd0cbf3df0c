package tests

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// finding is a finding of ipvsadm check, as its JSON has it.
type finding struct {
	Name, Severity, Service, Object, Summary, Evidence, Consequence, Advice string
	SideEffects                                                             string `json:"side_effects"`
}

// report is the JSON of ipvsadm check.
type report struct {
	Findings []finding
	RulesRun int                             `json:"rules_run"`
	Skipped  []struct{ Name, Reason string } `json:"rules_skipped"`
}

// check runs ipvsadm check on a host.
func (h *host) check(words ...string) report {
	h.t.Helper()
	out, status := h.try(append([]string{"ipvsadm", "check", "--format", "json"}, words...)...)
	var r report
	err := json.Unmarshal([]byte(out), &r)
	if err == nil {
		err = validReport(out)
	}
	if err != nil || status > 1 {
		h.t.Fatalf("%s: ipvsadm check %q: status %d, %v:\n%s", h.name, words, status, err, out)
	}
	return r
}

// reportSchema is the schema of the JSON.
var reportSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	return jsonschema.NewCompiler().Compile("../man/ipvsadm-check.schema.json")
})

// validReport returns an error if a text does not fit the schema.
func validReport(text string) error {
	schema, err := reportSchema()
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(document)
}

// names lists the findings of a report, such as "error no-server tcp 192.0.2.1:80".
func (r report) names() []string {
	names := []string{}
	for _, f := range r.Findings {
		names = append(names, f.Severity+" "+f.Name+" "+f.Object)
	}
	return names
}

// wantHealthy fails the test if a host has a finding.
func wantHealthy(when string, hosts ...*host) {
	for _, h := range hosts {
		h.t.Helper()
		if r := h.check(); len(r.Findings) > 0 {
			h.t.Errorf("%s: %s: %s", when, h.name, h.run("ipvsadm", "check", "--fail-on", "never"))
		}
	}
}

// wantHealthyInUse fails the test if a host has a finding before, during or after traffic.
func wantHealthyInUse(client *host, url string, hosts ...*host) {
	client.t.Helper()
	wantHealthy("before traffic", hosts...)
	stop := keep(func() { client.curl(1, url) })
	defer stop()
	wantHealthy("during traffic", hosts...)
	stop()
	wantHealthy("after traffic", hosts...)
}

// fault is a way to break a farm, and what check finds in it.
type fault struct {
	rule     string               // the name of the rule, and a word behind it if it has several faults
	breaks   func()               // breaks the farm
	symptom  func() error         // returns how clients notice the fault; nil if they cannot
	lasts    bool                 // the symptom is there after the advice, too: what broke stays broken
	waits    bool                 // check finds it after a moment
	needs    func() bool          // reports whether this kernel can have the fault
	flags    []string             // of check
	findings []string             // of check
	advice   func(command string) // carries out the advice; without it the command runs as it is
	mend     func()               // does what the advice leaves to do
}

// faulty is a healthy farm that faults break.
type faulty struct {
	checked  *host            // has the findings
	machines map[string]*host // by the address that advice has
	healthy  func() error     // makes some traffic
}

// try breaks the farm in each way in turn.
func (f *faulty) try(t *testing.T, faults []fault) {
	for _, fault := range faults {
		if fault.needs != nil && !fault.needs() {
			t.Logf("%s: this kernel cannot have it", fault.rule)
			continue
		}
		t.Run(strings.ReplaceAll(fault.rule, " ", "-"), func(t *testing.T) {
			if err := f.healthy(); err != nil {
				t.Fatalf("before the fault: %v", err)
			}
			fault.breaks()
			if fault.symptom != nil && fault.symptom() == nil {
				t.Error("clients notice nothing")
			}
			broken := f.findings(t, fault)
			for _, finding := range broken.Findings {
				if fault.advice != nil {
					fault.advice(finding.Advice)
				} else {
					f.follow(finding.Advice)
				}
			}
			if fault.mend != nil {
				fault.mend()
			}
			if fault.symptom != nil && !fault.lasts {
				if err := fault.symptom(); err != nil {
					t.Errorf("after the advice: %v", err)
				}
			}
			if err := f.healthy(); err != nil {
				t.Errorf("after the advice: %v", err)
			}
			if after := f.checked.check(fault.flags...).names(); len(after) > 0 {
				t.Errorf("after the advice: %s", f.checked.run(slices.Concat([]string{"ipvsadm", "check", "--fail-on", "never"}, fault.flags)...))
			}
		})
		if t.Failed() {
			return // the next fault needs a healthy farm
		}
	}
}

// findings returns the report of a broken farm, and compares it with what is wanted.
func (f *faulty) findings(t *testing.T, fault fault) (r report) {
	slices.Sort(fault.findings)
	found := func() bool {
		r = f.checked.check(fault.flags...)
		names := r.names()
		slices.Sort(names)
		return slices.Equal(names, fault.findings)
	}
	if found() || fault.waits && poll(40*time.Second, found) {
		return r
	}
	t.Errorf("wanted (-) and got (+) findings differ:\n%s%s", cmp.Diff(fault.findings, r.names()),
		f.checked.run(slices.Concat([]string{"ipvsadm", "check", "--fail-on", "never"}, fault.flags)...))
	return r
}

// follow carries out advice: a command, or several for some machines such as "on 10.0.0.11: a && b; here: c".
func (f *faulty) follow(advice string) {
	for part := range strings.SplitSeq(advice, "; ") {
		host := f.checked
		if rest, ok := strings.CutPrefix(part, "on "); ok {
			address, command, _ := strings.Cut(rest, ": ")
			host, part = f.machines[address], strings.ReplaceAll(command, "DEVICE", "eth0")
		}
		host.run("sh", "-ec", strings.TrimPrefix(part, "here: "))
	}
}

// ask makes a connection to a service from an address, or from any. It returns an error unless a server sends something.
func (h *host) ask(from, service string) error {
	dialer := net.Dialer{Timeout: 500 * time.Millisecond}
	if from != "" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	}
	var conn net.Conn
	err := h.do(func() (err error) {
		conn, err = dialer.Dial("tcp", service)
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, "q\r\n\r\n") // the server of echo ends, and so does that of serve
	_, err = conn.Read(make([]byte, 1))
	return err
}

// keep calls a function again and again until stop is called.
func keep(call func()) (stop func()) {
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				call()
			}
		}
	})
	return sync.OnceFunc(func() {
		close(ended)
		running.Wait()
	})
}

// startAs runs a program under another name on the host.
func (h *host) startAs(name string) (stop func()) {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), name)
	h.run("cp", "/bin/sleep", path)
	return h.start(path, "1000")
}

// TestCheckReadme runs the README's commands up to the finding, and compares the finding.
func TestCheckReadme(t *testing.T) {
	needNetworks(t)
	director := newHost(t, "director").join(newSegment(t, "lan"), "eth0", "192.0.2.1/24")
	_, text, _ := strings.Cut(readFile(t, "../README.md"), "## One minute of use\n")
	_, text, _ = strings.Cut(text, "\n\n    ")
	commands, want, _ := strings.Cut("    "+text, "    # ipvsadm check\n")
	for line := range strings.Lines(commands) {
		if command := strings.TrimPrefix(line, "    # "); !strings.Contains(command, "ipvsadm-save") {
			director.run("sh", "-ec", command)
		}
	}
	want, _, _ = strings.Cut(want, "1 error: ") // the number of rules grows
	got := director.run("ipvsadm", "check", "--fail-on", "never")
	t.Log(got)
	got, _, _ = strings.Cut(got, "1 error: ")
	if diff := cmp.Diff(strings.ReplaceAll("\n"+want, "\n    ", "\n"), "\n"+got); diff != "" {
		t.Errorf("the README (-) and the program (+) differ:\n%s", diff)
	}
}
