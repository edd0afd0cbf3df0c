package tests

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRestoreWithoutCommands restores inputs without commands. They do not empty a table.
func TestRestoreWithoutCommands(t *testing.T) {
	d := newDirector(t)
	folder := t.TempDir()
	empty, comments, clear := filepath.Join(folder, "empty"), filepath.Join(folder, "comments"), filepath.Join(folder, "clear")
	writeFile(t, empty, "")
	writeFile(t, comments, "# nothing\n\n \t\n")
	writeFile(t, clear, "# on purpose\n-C\n")
	inputs := map[string]string{ // with the name of each in messages
		"$restore </dev/null":            "stdin",
		"false | $restore":               "stdin",
		"$restore <&-":                   "stdin",
		"$restore -f /dev/null":          "/dev/null",
		"$restore -f " + empty:           empty,
		"$restore -f " + comments:        comments,
		"$restore --dry-run -f " + empty: empty,
	}
	for line := range inputs { // the table is empty: a first start
		if result := d.shell(line); result.status != 0 || result.stdout+result.stderr != "" {
			t.Errorf("%s, no table: %v", line, result)
		}
	}
	d.restore(t, twoServices)
	for line, source := range inputs {
		want := source + `: no commands, and the table is not empty: nothing was changed (a line "-C" empties the table on purpose)` + "\n"
		if result := d.shell(line); result.status != 1 || result.stdout != "" || result.stderr != want {
			t.Errorf("%s: %v", line, result)
		}
		for _, harmless := range []string{" --noflush", " --test"} {
			if result := d.shell(strings.Replace(line, "$restore", "$restore"+harmless, 1)); result.status != 0 || result.stdout+result.stderr != "" {
				t.Errorf("%s%s: %v", line, harmless, result)
			}
		}
	}
	for _, line := range []string{`$restore -f "$UNSET" </dev/null`, "$restore --file= </dev/null", "echo -C | $restore -f ''"} {
		if result := d.shell(line); result.status != 1 || result.stdout != "" || !strings.Contains(result.stderr, "the name of the file is empty") {
			t.Errorf("%s: %v", line, result)
		}
	}
	// The original's -R does nothing, like ours.
	for _, program := range []string{d.ours, original} {
		if result := d.exec("", program, "-R"); result.status != 0 || result.stdout+result.stderr != "" {
			t.Errorf("%s -R: %v", program, result)
		}
	}
	d.wantSaved(t, twoServices)
	if result := d.shell("$restore -f " + clear); result.status != 0 || result.stdout+result.stderr != "" {
		t.Errorf("-C: %v", result)
	}
	d.wantSaved(t, "")
}

// TestRestoreFromTerminal types ^D.
func TestRestoreFromTerminal(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	keyboard, terminal := openTerminal(t)
	if _, err := keyboard.WriteString("\x04"); err != nil {
		t.Fatal(err)
	}
	command, stdout, stderr := d.command("", d.ours+"-restore")
	command.Stdin = terminal
	if err := d.start(command); err != nil {
		t.Fatal(err)
	}
	hangUp := time.AfterFunc(time.Minute, func() { keyboard.Close() })
	defer hangUp.Stop()
	command.Wait() // the status says the same as its error
	const first = "reading rules from standard input, up to Ctrl-D\nstdin: no commands, "
	if status := command.ProcessState.ExitCode(); status != 1 || stdout.Len() > 0 || !bytes.HasPrefix(stderr.Bytes(), []byte(first)) {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	d.wantSaved(t, twoServices)
}

// openTerminal returns the two ends of a terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		skipOutsideLab(t, err.Error())
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// TestRestoreUnreadable restores files that cannot be read. The restore fails with the reason and changes nothing.
func TestRestoreUnreadable(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	folder := t.TempDir()
	secret, missing := filepath.Join(folder, "secret"), filepath.Join(folder, "missing")
	writeFile(t, secret, "-C\n")
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"$restore -f " + missing:                 missing + ": no such file or directory\n",
		"$restore -f " + folder:                  folder + ": is a directory\n",
		"$restore <" + folder:                    "stdin: is a directory\n",
		"$restore --test --noflush -f " + folder: folder + ": is a directory\n",
		"setpriv --bounding-set=-dac_override,-dac_read_search $restore -f " + secret: secret + ": permission denied\n",
	} {
		if result := d.shell(line); result.status != 1 || result.stdout != "" || result.stderr != want {
			t.Errorf("%s: %v\nwant %s", line, result, want)
		}
	}
	d.wantSaved(t, twoServices)
}
