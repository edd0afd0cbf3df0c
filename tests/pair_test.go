package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
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

// original is Debian's ipvsadm, the oracle.
const original = "/usr/sbin/ipvsadm"

// space is a network namespace and a socket of its kernel's IPVS.
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

// state is what the kernel keeps of IPVS in a namespace. The order of its own differs from one to the next.
type state struct {
	Table    []ipvs.Entry
	Timeouts ipvs.Timeouts
	Daemons  []ipvs.Daemon
}

func (s *space) state() (state, error) {
	ctx := context.Background()
	table, tableErr := s.client.Table(ctx)
	ipvs.SortTable(table)
	timeouts, timeoutsErr := s.client.Timeouts(ctx)
	daemons, daemonsErr := s.client.Daemons(ctx)
	return state{table, timeouts, daemons}, errors.Join(tableErr, timeoutsErr, daemonsErr)
}

// pair is the original and this program, each in a network namespace of its own, so that both meet the same table all
// along.
type pair struct {
	ours                     string
	oursSpace, originalSpace space
	directory                string // in which programs are run
}

// needPair skips the test where there is nothing to compare. Open the pair before use.
func needPair(t *testing.T) pair {
	t.Helper()
	needIPVS(t)
	ours := builtProgram(t)
	if _, err := os.Stat(original); err != nil {
		unable(t, fmt.Sprintf("the original is not here: %v", err))
	}
	return pair{ours: ours}
}

func (p *pair) open() error {
	return errors.Join(p.oursSpace.open(), p.originalSpace.open())
}

func (p *pair) close() {
	p.oursSpace.close()
	p.originalSpace.close()
}

// compare runs a line under both programs and returns what the original did, and an error if ours did something else
// or left another table. Of what they print, settle keeps what must be the same, if there is such a function.
func (p *pair) compare(stdin string, settle func(string) string, words ...string) (said, error) {
	want, err := p.run(&p.originalSpace, original, stdin, words...)
	if err != nil {
		return want, err
	}
	got, err := p.run(&p.oursSpace, p.ours, stdin, words...)
	if err != nil {
		return want, err
	}
	got.stderr, want.stderr = withoutHints(got.stderr), printable(want.stderr)
	if settle != nil {
		want.stdout, got.stdout = settle(want.stdout), settle(got.stdout)
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		return want, fmt.Errorf("ipvsadm %q: the original (-) and ours (+) differ:\n%s", words, diff)
	}
	if err := p.compareTables(); err != nil {
		return want, fmt.Errorf("ipvsadm %q: %w", words, err)
	}
	return want, nil
}

// compareTables compares what the kernel says of both namespaces. It asks with our client, which is quick; what the
// original reads there, the scripts ask.
func (p *pair) compareTables() error {
	want, err := p.originalSpace.state()
	if err != nil {
		return err
	}
	got, err := p.oursSpace.state()
	if err != nil {
		return err
	}
	if diff := differ(want, got); diff != "" {
		return fmt.Errorf("the tables left by the original (-) and by ours (+) differ:\n%s", diff)
	}
	return nil
}

// differ tells how two states differ but for their counters.
func differ(want, got state) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, ipvs.Netmask{}), cmpopts.IgnoreTypes(ipvs.Counters{}), cmpopts.EquateEmpty())
}

// hints are the lines that ours may add to an error.
var hints = regexp.MustCompile(`(?m)^hint: .*\n`)

func withoutHints(stderr string) string { return hints.ReplaceAllString(stderr, "") }

// printable returns the original's messages with control characters written as ours writes them.
func printable(stderr string) string {
	lines := strings.Split(stderr, "\n")
	for i := range lines {
		lines[i] = command.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// said is what a program did.
type said struct {
	status         int
	stdout, stderr string
}

func (s said) String() string {
	return fmt.Sprintf("status %d\nstdout:\n%sstderr:\n%s", s.status, s.stdout, s.stderr)
}

// run runs a program in one of the namespaces, under the bare name that a shell would give it.
func (p *pair) run(space *space, program, stdin string, words ...string) (said, error) {
	command := exec.Command(program, words...)
	command.Args[0] = filepath.Base(program)
	command.Stdin = strings.NewReader(stdin)
	command.Dir = p.directory
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := space.do(command.Start); err != nil {
		return said{}, err
	}
	command.Wait() // its status is what counts
	return said{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}, nil
}
