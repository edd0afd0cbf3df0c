package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
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

// fault is a way to break a farm, and what check finds in it.
type fault struct {
	rule     string               // the name of the rule, and a word behind it if it has several faults
	breaks   func()               // breaks the farm
	symptom  func() error         // returns how clients notice the fault; nil if none can
	findings []string             // of check
	advice   func(command string) // carries out the advice; without it the command runs on the director
	mend     func()               // what the advice leaves to do
}

// tryFaults breaks a healthy farm in each way in turn.
func tryFaults(t *testing.T, director *host, healthy func() error, faults []fault) {
	for _, fault := range faults {
		t.Run(strings.ReplaceAll(fault.rule, " ", "-"), func(t *testing.T) {
			if err := healthy(); err != nil {
				t.Fatalf("before the fault: %v", err)
			}
			fault.breaks()
			if fault.symptom != nil && fault.symptom() == nil {
				t.Error("clients notice nothing")
			}
			broken := director.check()
			slices.Sort(fault.findings)
			found := broken.names()
			slices.Sort(found)
			if diff := cmp.Diff(fault.findings, found); diff != "" {
				t.Errorf("wanted (-) and got (+) findings differ:\n%s%s", diff, director.run("ipvsadm", "check", "--fail-on", "never"))
			}
			for _, f := range broken.Findings {
				if fault.advice != nil {
					fault.advice(f.Advice)
				} else {
					director.run("sh", "-ec", f.Advice)
				}
			}
			if fault.mend != nil {
				fault.mend()
			}
			if after := director.check().names(); len(after) > 0 {
				t.Errorf("after the advice: %s", director.run("ipvsadm", "check", "--fail-on", "never"))
			}
			if err := healthy(); err != nil {
				t.Errorf("after the advice: %v", err)
			}
		})
		if t.Failed() {
			return // the next fault needs a healthy farm
		}
	}
}

// ask makes a connection to a service, and returns an error unless a server sends something.
func (h *host) ask(service string) error {
	dialer := net.Dialer{Timeout: 500 * time.Millisecond}
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
	fmt.Fprint(conn, "q")
	_, err = conn.Read(make([]byte, 1))
	return err
}

// TestCheckMasquerading breaks a farm that masquerades.
func TestCheckMasquerading(t *testing.T) {
	f := newFarm(t, "rr")
	served := func() error { return f.client.ask(farmService) }
	allServed := func() error { // by each server in turn
		return errors.Join(served(), served(), served())
	}
	manyServed := func() error { // from many addresses
		for client, name := range f.servedBy(20) {
			if name == "refused" {
				return fmt.Errorf("client %d is refused", client)
			}
		}
		return nil
	}
	wantHealthy("before traffic", f.director)
	weigh := func(weight int) func() {
		return func() {
			for _, server := range f.servers {
				f.weigh(server.name, weight)
			}
		}
	}
	tryFaults(t, f.director, served, []fault{{
		rule:     "vip-not-local",
		breaks:   func() { f.director.ip("addr del " + farmAddress + "/32 dev eth0") },
		symptom:  served,
		findings: []string{"error vip-not-local tcp " + farmService},
	}, {
		rule:     "no-server weight",
		breaks:   weigh(0),
		symptom:  served,
		findings: []string{"error no-server tcp " + farmService},
		mend:     weigh(1),
	}, {
		rule:     "no-server empty",
		breaks:   func() { f.ipvsadm("-C"); f.ipvsadm("-A -t " + farmService + " -s rr") },
		symptom:  served,
		findings: []string{"error no-server tcp " + farmService},
		advice: func(command string) {
			f.director.run("sh", "-ec", strings.Replace(command, "SERVER", f.address("web1")+" -m", 1))
		},
		mend: func() { f.schedule("rr") },
	}, {
		rule:     "nat-forwarding-off",
		breaks:   func() { f.director.set("ip_forward", "0") },
		symptom:  served,
		findings: []string{"error nat-forwarding-off tcp " + farmService},
	}, {
		rule:     "server-unreachable route",
		breaks:   func() { f.director.ip("route add blackhole 10.0.0.12/32") },
		symptom:  allServed,
		findings: []string{"error server-unreachable 10.0.0.12:80"},
	}, {
		rule:     "server-unreachable device",
		breaks:   func() { f.director.ip("link set eth1 down") },
		symptom:  served,
		findings: []string{"error server-unreachable 10.0.0.11:80", "error server-unreachable 10.0.0.12:80", "error server-unreachable 10.0.0.13:80"},
		advice:   func(string) { f.director.ip("link set eth1 up") },
	}, {
		rule:     "hash-without-fallback mh",
		breaks:   func() { f.schedule("mh"); f.weigh("web2", 0) },
		symptom:  manyServed,
		findings: []string{"error hash-without-fallback tcp " + farmService},
	}, {
		rule:     "hash-without-fallback sh",
		breaks:   func() { f.schedule("sh"); f.weigh("web2", 0) },
		symptom:  manyServed,
		findings: []string{"error hash-without-fallback tcp " + farmService},
		mend:     func() { f.schedule("rr") },
	}})
}
