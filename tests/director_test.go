package tests

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// director is a namespace of a test's own, and this program with the names that it goes by.
type director struct {
	namespace
	ours string // the path of ipvsadm, in a folder of its own beside the two links
}

func newDirector(t *testing.T) *director {
	t.Helper()
	needIPVS(t)
	d := &director{ours: filepath.Join(t.TempDir(), "ipvsadm")}
	for link, to := range map[string]string{
		d.ours: builtProgram(t), d.ours + "-save": "ipvsadm", d.ours + "-restore": "ipvsadm",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// command prepares a program, to be started by start.
func (d *director) command(stdin, program string, words ...string) (command *exec.Cmd, stdout, stderr *bytes.Buffer) {
	command = exec.Command(program, words...)
	command.Stdin = strings.NewReader(stdin)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	command.Stdout, command.Stderr = stdout, stderr
	return command, stdout, stderr
}

func (d *director) start(command *exec.Cmd) error { return d.do(command.Start) }

// exec runs any program in the namespace. Status -1 is of one that did not run.
func (d *director) exec(stdin, program string, words ...string) said {
	command, stdout, stderr := d.command(stdin, program, words...)
	if err := d.start(command); err != nil {
		return said{-1, "", err.Error()}
	}
	command.Wait() // its status is what counts
	return said{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run runs this program by one of its three names.
func (d *director) run(stdin, name string, words ...string) said {
	return d.exec(stdin, filepath.Join(filepath.Dir(d.ours), name), words...)
}

// mustOurs runs this program, which must not fail, and returns what it printed.
func (d *director) mustOurs(t *testing.T, name string, words ...string) string {
	t.Helper()
	said := d.run("", name, words...)
	if said.status != 0 || said.stderr != "" {
		t.Fatalf("%s %q: %v", name, words, said)
	}
	return said.stdout
}

// restore makes the table what lines say.
func (d *director) restore(t *testing.T, lines string) {
	t.Helper()
	if said := d.run(lines, "ipvsadm-restore"); said.status != 0 || said.stdout+said.stderr != "" {
		t.Fatalf("ipvsadm-restore: %v", said)
	}
}

// wantSaved compares the table with the lines that ipvsadm-save -n should write for it.
func (d *director) wantSaved(t *testing.T, want string) {
	t.Helper()
	if diff := cmp.Diff(want, d.mustOurs(t, "ipvsadm-save", "-n")); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}

// told returns what the original tells of the table: each service with its servers. It has no order of its own for
// services as far apart as a mark above 2^31-1 is from the others, but lists them by chance of the kernel's order, which
// on 7.2 is another in each table. So this puts them in one. And what that kernel moves to a larger or smaller table
// while the original lists it may be lost to it, so it is asked until it tells the same twice.
func (d *director) told(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, words := range [][]string{{"-Sn"}, {"-Ln", "--thresholds"}} {
		listing := ""
		for {
			said := d.exec("", original, words...)
			if said.status != 0 {
				t.Fatalf("the original's %q: %v", words, said)
			}
			if said.stdout == listing {
				break
			}
			listing = said.stdout
		}
		var entries []string
		for line := range strings.Lines(listing) {
			if server := strings.HasPrefix(line, "-a ") || strings.HasPrefix(line, "  ->"); server && len(entries) > 0 {
				entries[len(entries)-1] += line
			} else {
				entries = append(entries, line)
			}
		}
		slices.Sort(entries)
		all.WriteString(strings.Join(entries, ""))
	}
	return all.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
