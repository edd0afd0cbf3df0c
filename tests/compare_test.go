package tests

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// original is Debian's ipvsadm, the oracle.
const original = "/usr/sbin/ipvsadm"

// TestCompare runs the scripts in testdata/compare. Each has two network namespaces, one for the original and one for
// this program, so that both meet the same table all along. Beside testscript's own commands there are
//
//	both [!] [<FILE] WORD...   run "ipvsadm WORD..." under both programs and compare status, output and tables
//	lines FILE                 the same for each line of a file, to succeed or to fail
//	ours WORD...               run it under this program alone; "stdout" and "stderr" match what it said
//	ours-file FILE WORD...     the same, with a file as its standard input
//	each PROGRAM WORD...       run another program in both namespaces
//
// "both !" is for a line that must fail, "both" for one that must not.
func TestCompare(t *testing.T) {
	needIPVS(t)
	ours := builtProgram(t)
	if _, err := os.Stat(original); err != nil {
		unable(t, fmt.Sprintf("the original is not here: %v", err))
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/compare",
		UpdateScripts: false,
		Setup: func(env *testscript.Env) error {
			pair := &pair{ours: ours}
			env.Values[pairKey{}] = pair
			for _, space := range []*namespace{&pair.oursSpace, &pair.originalSpace} {
				if err := space.open(); err != nil {
					return err
				}
				env.Defer(space.close)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"both":      both,
			"ours":      oursAlone,
			"ours-file": oursWithFile,
			"each":      each,
			"lines":     lines,
		},
	})
}

type pairKey struct{}

// pair is the two programs, each in its namespace.
type pair struct {
	ours                     string
	oursSpace, originalSpace namespace
}

func pairOf(ts *testscript.TestScript) *pair { return ts.Value(pairKey{}).(*pair) }

func both(ts *testscript.TestScript, neg bool, words []string) {
	var stdin string
	mustFail := len(words) > 0 && words[0] == "!"
	if mustFail {
		words = words[1:]
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "<") {
		stdin = ts.ReadFile(words[0][1:])
		words = words[1:]
	}
	if said := pairOf(ts).compare(ts, stdin, words); (said.status != 0) != mustFail {
		ts.Fatalf("ipvsadm %q: status %d of both", words, said.status)
	}
}

func lines(ts *testscript.TestScript, neg bool, words []string) {
	for line := range strings.Lines(ts.ReadFile(words[0])) {
		if words := strings.Fields(line); len(words) > 0 {
			pairOf(ts).compare(ts, "", words)
		}
	}
}

// compare runs a line under both programs and returns what they both did.
func (p *pair) compare(ts *testscript.TestScript, stdin string, words []string) said {
	want := p.originalSpace.run(ts, original, stdin, words)
	got := p.oursSpace.run(ts, p.ours, stdin, words)
	got.stderr = withoutHints(got.stderr)
	ts.Logf("%s", want)
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		ts.Fatalf("ipvsadm %q: the original (-) and ours (+) differ:\n%s", words, diff)
	}
	p.compareTables(ts)
	return want
}

// withoutHints returns what was said without the lines that the original does not have (difference 11).
func withoutHints(stderr string) string {
	var b strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "hint: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// compareTables compares what the original says of both namespaces.
func (p *pair) compareTables(ts *testscript.TestScript) {
	for _, words := range [][]string{{"-Sn"}, {"-Ln", "--thresholds"}} {
		want := p.originalSpace.run(ts, original, "", words)
		got := p.oursSpace.run(ts, original, "", words)
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			ts.Fatalf("the tables left by the original (-) and by ours (+) differ:\n%s", diff)
		}
	}
}

func oursAlone(ts *testscript.TestScript, neg bool, words []string) { runOurs(ts, neg, "", words) }

func oursWithFile(ts *testscript.TestScript, neg bool, words []string) {
	runOurs(ts, neg, ts.ReadFile(words[0]), words[1:])
}

func runOurs(ts *testscript.TestScript, neg bool, stdin string, words []string) {
	p := pairOf(ts)
	program := p.ours
	if len(words) > 0 && (words[0] == "ipvsadm-save" || words[0] == "ipvsadm-restore") {
		program, words = filepath.Join(filepath.Dir(p.ours), words[0]), words[1:]
	}
	said := p.oursSpace.run(ts, program, stdin, words)
	fmt.Fprint(ts.Stdout(), said.stdout)
	fmt.Fprint(ts.Stderr(), said.stderr)
	if (said.status != 0) != neg {
		ts.Fatalf("%q: %s", words, said)
	}
}

func each(ts *testscript.TestScript, neg bool, words []string) {
	p := pairOf(ts)
	for _, space := range []*namespace{&p.originalSpace, &p.oursSpace} {
		said := space.run(ts, words[0], "", words[1:])
		if (said.status != 0) != neg {
			ts.Fatalf("%q: %s", words, said)
		}
	}
}

// said is what a program did.
type said struct {
	status         int
	stdout, stderr string
}

func (s said) String() string {
	return fmt.Sprintf("status %d\nstdout:\n%sstderr:\n%s", s.status, s.stdout, s.stderr)
}

// run runs a program in the namespace, under the bare name that a shell would give it.
func (n *namespace) run(ts *testscript.TestScript, program, stdin string, words []string) said {
	command := exec.Command(program, words...)
	command.Args[0] = filepath.Base(program)
	command.Stdin = strings.NewReader(stdin)
	command.Dir = ts.Getenv("WORK")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := n.do(command.Start)
	if err != nil {
		ts.Fatalf("%s: %v", program, err)
	}
	command.Wait() // its status is looked at below
	return said{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}
