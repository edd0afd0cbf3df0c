package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// draining is a run of ipvsadm drain in the background.
type draining struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr string // files
	ended          chan struct{}
}

// drain starts ipvsadm drain on a host. It is killed when the test ends.
func (h *host) drain(line string) *draining {
	h.t.Helper()
	folder := h.t.TempDir()
	d := &draining{
		Cmd: h.command(append([]string{"ipvsadm", "drain"}, strings.Fields(line)...)...), t: h.t,
		stdout: filepath.Join(folder, "stdout"), stderr: filepath.Join(folder, "stderr"), ended: make(chan struct{}),
	}
	stdout, err := os.Create(d.stdout)
	if err != nil {
		h.t.Fatal(err)
	}
	defer stdout.Close()
	stderr, err := os.Create(d.stderr)
	if err != nil {
		h.t.Fatal(err)
	}
	defer stderr.Close()
	d.Stdout, d.Stderr = stdout, stderr
	if err := h.do(d.Start); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		d.Wait() // its state says the same as its error
		close(d.ended)
	}()
	h.t.Cleanup(d.kill)
	forgetDrains(h.t)
	return d
}

// forgetDrains deletes the records of drains when the test ends. Before Linux 5.14 a later namespace may get its number.
func forgetDrains(t *testing.T) { t.Cleanup(func() { os.RemoveAll("/run/ipvsadm") }) }

func (d *draining) kill() {
	d.Process.Kill()
	<-d.ended
}

// prints waits until the drain has printed a text.
func (d *draining) prints(text string) {
	d.t.Helper()
	if !poll(60*time.Second, func() bool { return strings.Contains(readFile(d.t, d.stdout), text) }) {
		d.t.Fatalf("drain does not print %q, but %s%s", text, readFile(d.t, d.stdout), readFile(d.t, d.stderr))
	}
}

// ends waits for the end of the drain and compares its exit status or signal, as in "exit status 3". Each text must be in
// its output or its messages.
func (d *draining) ends(status string, texts ...string) {
	d.t.Helper()
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		d.t.Fatalf("drain does not end, and printed %s%s", readFile(d.t, d.stdout), readFile(d.t, d.stderr))
	}
	all := readFile(d.t, d.stdout) + readFile(d.t, d.stderr)
	if got := d.ProcessState.String(); got != status {
		d.t.Errorf("drain: %s, want %s, after %s", got, status, all)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			d.t.Errorf("drain printed %s, which lacks %q", all, text)
		}
	}
}

// waits fails the test if the drain has ended.
func (d *draining) waits() {
	d.t.Helper()
	select {
	case <-d.ended:
		d.t.Fatalf("drain has ended: %s, %s%s", d.ProcessState, readFile(d.t, d.stdout), readFile(d.t, d.stderr))
	default:
	}
}

// events returns the events that a drain printed as JSON, each of which the schema allows.
func events(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../man/ipvsadm-drain.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		event, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = schema.Validate(event)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		all = append(all, event.(map[string]any))
	}
	return all
}

// eventNames returns the names of events, with each repetition once.
func eventNames(all []map[string]any) string {
	var names []string
	for _, event := range all {
		if name := event["event"].(string); len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
