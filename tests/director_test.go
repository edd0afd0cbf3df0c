package tests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
)

// director runs this program in a network namespace of a test's own.
type director struct {
	namespace
	ours      string // the path of ipvsadm. Its other two names are beside it.
	directory string // the working directory of shell
}

func newDirector(t *testing.T) *director {
	t.Helper()
	return &director{*newNamespace(t), builtProgram(t), t.TempDir()}
}

// outcome is the exit status and output of a program.
type outcome struct {
	status         int
	stdout, stderr string
}

func (o outcome) String() string {
	return fmt.Sprintf("status %d\nstdout:\n%sstderr:\n%s", o.status, o.stdout, o.stderr)
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

// exec runs any program in the namespace. Status -1 means that it did not start.
func (d *director) exec(stdin, program string, words ...string) outcome {
	command, stdout, stderr := d.command(stdin, program, words...)
	return d.finish(command, stdout, stderr)
}

func (d *director) finish(command *exec.Cmd, stdout, stderr *bytes.Buffer) outcome {
	if err := d.start(command); err != nil {
		return outcome{-1, "", err.Error()}
	}
	command.Wait() // the status says the same as its error
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// run runs this program by one of its three names.
func (d *director) run(stdin, name string, words ...string) outcome {
	return d.exec(stdin, filepath.Join(filepath.Dir(d.ours), name), words...)
}

// shell runs a line of bash in the namespace. The line reads the programs from $ipvsadm, $restore and $original.
func (d *director) shell(line string) outcome {
	command, stdout, stderr := d.command("", "bash", "-c", line)
	command.Dir = d.directory
	command.Env = append(os.Environ(), "ipvsadm="+d.ours, "restore="+d.ours+"-restore", "original="+original)
	return d.finish(command, stdout, stderr)
}

// mustRun runs this program, which must succeed without a message, and returns what it printed.
func (d *director) mustRun(t *testing.T, name string, words ...string) string {
	t.Helper()
	return d.mustRunWith(t, "", name, words...)
}

// mustRunWith is mustRun with a standard input.
func (d *director) mustRunWith(t *testing.T, stdin, name string, words ...string) string {
	t.Helper()
	result := d.run(stdin, name, words...)
	if result.status != 0 || result.stderr != "" {
		t.Fatalf("%s %q: %v", name, words, result)
	}
	return result.stdout
}

// restore replaces the table.
func (d *director) restore(t *testing.T, rules string) {
	t.Helper()
	if output := d.mustRunWith(t, rules, "ipvsadm-restore"); output != "" {
		t.Fatalf("ipvsadm-restore printed %s", output)
	}
}

// wantSaved compares the table with the rules that ipvsadm-save -n should write for it.
func (d *director) wantSaved(t *testing.T, want string) {
	t.Helper()
	if diff := cmp.Diff(want, d.mustRun(t, "ipvsadm-save", "-n")); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}

// inside calls f in the namespace, with a client of its kernel's IPVS.
func (d *director) inside(t *testing.T, f func(*ipvs.Client) error) {
	t.Helper()
	err := d.do(func() error {
		client, err := ipvs.Dial()
		if err != nil {
			return err
		}
		defer client.Close()
		return f(client)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// table reads the table with counters and connections, but without the rates, which change by themselves.
func (d *director) table(t *testing.T) (entries []ipvs.Entry) {
	t.Helper()
	d.inside(t, func(client *ipvs.Client) (err error) {
		entries, err = client.Table(t.Context())
		return err
	})
	for i := range entries {
		entries[i].Rates = ipvs.Counters{}
		for j := range entries[i].Destinations {
			entries[i].Destinations[j].Rates = ipvs.Counters{}
		}
	}
	ipvs.Sort(entries)
	return entries
}

// waitFor waits until the kernel has a service.
func (d *director) waitFor(t *testing.T, id ipvs.ServiceID) {
	t.Helper()
	d.inside(t, func(client *ipvs.Client) error {
		for deadline := time.Now().Add(10 * time.Second); ; {
			_, err := client.Service(t.Context(), id)
			if !errors.Is(err, syscall.ESRCH) || time.Now().After(deadline) {
				return err
			}
		}
	})
}

// originalListings returns the original's listings of the table, sorted by service. The original sorts a mark above
// 2^31-1 by the order of the kernel, which on 7.2 differs between tables. It may also miss a service that 7.2 moves to a
// larger table during the listing, so each listing is repeated until it is the same twice.
func (d *director) originalListings(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, words := range [][]string{{"-Sn"}, {"-Ln", "--thresholds"}} {
		listing := ""
		for {
			result := d.exec("", original, words...)
			if result.status != 0 {
				t.Fatalf("the original's %q: %v", words, result)
			}
			if result.stdout == listing {
				break
			}
			listing = result.stdout
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
