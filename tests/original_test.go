package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// space is a network namespace and a client of its kernel's IPVS.
type space struct {
	namespace
	client *ipvs.Client
}

func (s *space) open() error {
	if err := s.namespace.open(); err != nil {
		return err
	}
	return s.do(func() (err error) {
		s.client, err = ipvs.Dial()
		return err
	})
}

func (s *space) close() {
	s.client.Close()
	s.namespace.close()
}

// state is everything that IPVS keeps in a namespace, sorted: the kernel's order differs between namespaces.
type state struct {
	Table    []ipvs.Entry
	Timeouts ipvs.Timeouts
	Daemons  []ipvs.Daemon
}

func (s *space) state() (state, error) {
	ctx := context.Background()
	table, tableErr := s.client.Table(ctx)
	ipvs.Sort(table)
	timeouts, timeoutsErr := s.client.Timeouts(ctx)
	daemons, daemonsErr := s.client.Daemons(ctx)
	return state{table, timeouts, daemons}, errors.Join(tableErr, timeoutsErr, daemonsErr)
}

// pair is the original and this program, each in a network namespace of its own, so that both work on the same table.
type pair struct {
	ours                     string
	oursSpace, originalSpace space
	directory                string // the working directory of both programs
}

// newPair returns a pair that ends with the test.
func newPair(t *testing.T) *pair {
	t.Helper()
	needOriginal(t)
	p, err := openPair(builtProgram(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

func openPair(ours, directory string) (*pair, error) {
	p := &pair{ours: ours, directory: directory}
	return p, errors.Join(p.oursSpace.open(), p.originalSpace.open())
}

func (p *pair) close() {
	p.oursSpace.close()
	p.originalSpace.close()
}

// compare runs a command line under both programs and returns the original's outcome. It fails if this program has
// another outcome or leaves another table. A normalize function replaces the parts of stdout that may differ.
func (p *pair) compare(stdin string, normalize func(string) string, words ...string) (outcome, error) {
	want, _, err := p.compareBoth(stdin, normalize, words...)
	return want, err
}

// compareBoth is compare that also returns the outcome of this program, with its hints.
func (p *pair) compareBoth(stdin string, normalize func(string) string, words ...string) (want, ours outcome, err error) {
	if want, err = p.run(&p.originalSpace, original, stdin, words...); err != nil {
		return want, ours, err
	}
	if ours, err = p.run(&p.oursSpace, p.ours, stdin, words...); err != nil {
		return want, ours, err
	}
	got := ours
	got.stderr, want.stderr = withoutHints(got.stderr), printable(want.stderr)
	if normalize != nil {
		want.stdout, got.stdout = normalize(want.stdout), normalize(got.stdout)
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		return want, ours, fmt.Errorf("ipvsadm %q: the original (-) and ours (+) differ:\n%s", words, diff)
	}
	if err := p.compareTables(); err != nil {
		return want, ours, fmt.Errorf("ipvsadm %q: %w", words, err)
	}
	return want, ours, nil
}

// compareTables compares the state of both namespaces. It reads them with our own client, which is quick; the scripts in
// testdata/compare list them with the original.
func (p *pair) compareTables() error {
	want, err := p.originalSpace.state()
	if err != nil {
		return err
	}
	got, err := p.oursSpace.state()
	if err != nil {
		return err
	}
	if diff := diffStates(want, got); diff != "" {
		return fmt.Errorf("the tables left by the original (-) and by ours (+) differ:\n%s", diff)
	}
	return nil
}

// diffStates compares two states without their counters.
func diffStates(want, got state) string {
	return cmp.Diff(want, got, equateAddresses, cmpopts.IgnoreTypes(ipvs.Counters{}), cmpopts.EquateEmpty())
}

var equateAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, ipvs.Netmask{})

// hints matches the lines that only this program adds to an error.
var hints = regexp.MustCompile(`(?m)^hint: .*\n`)

func withoutHints(stderr string) string { return hints.ReplaceAllString(stderr, "") }

// printable writes control characters in the original's messages as this program does.
func printable(stderr string) string {
	lines := strings.Split(stderr, "\n")
	for i := range lines {
		lines[i] = command.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// run runs a program in one of the namespaces, with the bare name in argv[0] that a shell would put there.
func (p *pair) run(space *space, program, stdin string, words ...string) (outcome, error) {
	command := exec.Command(program, words...)
	command.Args[0] = filepath.Base(program)
	command.Stdin = strings.NewReader(stdin)
	command.Dir = p.directory
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := space.do(command.Start); err != nil {
		return outcome{}, err
	}
	command.Wait() // the status says the same as its error
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}, nil
}
