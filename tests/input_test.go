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

// shell runs a line of bash in the namespace. $restore is ipvsadm-restore, and $ipvsadm this program.
func (d *director) shell(line string) said {
	return d.exec("", "bash", "-c", "restore="+d.ours+"-restore ipvsadm="+d.ours+"\n"+line)
}

// TestRestoreWithoutCommands restores inputs that hold nothing. They do not empty a table.
func TestRestoreWithoutCommands(t *testing.T) {
	d := newDirector(t)
	folder := t.TempDir()
	empty, comments, clear := filepath.Join(folder, "empty"), filepath.Join(folder, "comments"), filepath.Join(folder, "clear")
	write(t, empty, "")
	write(t, comments, "# nothing\n\n \t\n")
	write(t, clear, "# on purpose\n-C\n")
	inputs := map[string]string{ // with the name that messages have for them
		"$restore </dev/null":            "stdin",
		"false | $restore":               "stdin",
		"$restore <&-":                   "stdin",
		"$restore -f /dev/null":          "/dev/null",
		"$restore -f " + empty:           empty,
		"$restore -f " + comments:        comments,
		"$restore --dry-run -f " + empty: empty,
	}
	for line := range inputs { // the table is empty: a first start
		if said := d.shell(line); said.status != 0 || said.stdout+said.stderr != "" {
			t.Errorf("%s, no table: %v", line, said)
		}
	}
	d.restore(t, twoServices)
	for line, source := range inputs {
		want := source + `: no commands, and the table is not empty: nothing was changed (a line "-C" empties the table on purpose)` + "\n"
		if said := d.shell(line); said.status != 1 || said.stdout != "" || said.stderr != want {
			t.Errorf("%s: %v", line, said)
		}
		for _, harmless := range []string{" --noflush", " --test"} {
			if said := d.shell(strings.Replace(line, "$restore", "$restore"+harmless, 1)); said.status != 0 || said.stdout+said.stderr != "" {
				t.Errorf("%s%s: %v", line, harmless, said)
			}
		}
	}
	for _, line := range []string{`$restore -f "$UNSET" </dev/null`, "$restore --file= </dev/null", "echo -C | $restore -f ''"} {
		if said := d.shell(line); said.status != 1 || said.stdout != "" || !strings.Contains(said.stderr, "the name of the file is empty") {
			t.Errorf("%s: %v", line, said)
		}
	}
	// The original's -R does nothing, and so does ours.
	for _, program := range []string{d.ours, original} {
		if said := d.exec("", program, "-R"); said.status != 0 || said.stdout+said.stderr != "" {
			t.Errorf("%s -R: %v", program, said)
		}
	}
	d.wantSaved(t, twoServices)
	if said := d.shell("$restore -f " + clear); said.status != 0 || said.stdout+said.stderr != "" {
		t.Errorf("-C: %v", said)
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
	command.Wait() // its status is what counts
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
		unable(t, err.Error())
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

// TestRestoreUnreadable restores what cannot be read: status 1, the reason, and nothing is changed.
func TestRestoreUnreadable(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	folder := t.TempDir()
	secret, missing := filepath.Join(folder, "secret"), filepath.Join(folder, "missing")
	write(t, secret, "-C\n")
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
		if said := d.shell(line); said.status != 1 || said.stdout != "" || said.stderr != want {
			t.Errorf("%s: %v\nwant %s", line, said, want)
		}
	}
	d.wantSaved(t, twoServices)
}

// TestRestoreAllBadLines has lines that do not parse and lines that cannot apply. All are reported in one run.
func TestRestoreAllBadLines(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices) // TCP 192.0.2.1:80 and FWM 7
	const file = `-A -f 1 -s rr
-A -f 1 -s rr
-a -f 7 -r 10.1.0.9
-a -f 9 -r 10.1.0.1
-A -f 8 -s rr -p x
-a -f 8 -r 10.1.0.1
nonsense
-a -f 10 -r 10.1.0.1
--start-daemon master
--start-daemon master
`
	const bad = "stdin:5: invalid timeout value `x' specified\nstdin:7: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\nstdin:10: Daemon has already run\n"
	for options, want := range map[string]string{
		"":                 "stdin:2: Service already exists\nstdin:3: Service not defined\nstdin:4: Service not defined\n" + bad,
		"--dry-run":        "stdin:2: Service already exists\nstdin:3: Service not defined\nstdin:4: Service not defined\n" + bad,
		"--test":           "stdin:2: Service already exists\nstdin:3: Service not defined\nstdin:4: Service not defined\n" + bad,
		"--noflush":        "stdin:2: Service already exists\nstdin:4: Service not defined\n" + bad,
		"--noflush --test": "stdin:2: Service already exists\n" + bad,
	} {
		said := d.run(file, "ipvsadm-restore", strings.Fields(options)...)
		if said.status != 255 || said.stdout != "" || withoutHints(said.stderr) != want {
			t.Errorf("%q: %v\nwant %s", options, said, want)
		}
	}
	d.wantSaved(t, twoServices)
}
