package tests

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFailingOutput prints where nothing can be written. The original ignores that.
func TestFailingOutput(t *testing.T) {
	d := newDirector(t)
	d.mustRunWith(t, marks(1, 30), "ipvsadm", "-R")
	before := d.mustRun(t, "ipvsadm", "-Sn")
	const full = "standard output: no space left on device\n"
	for _, test := range []struct {
		line   string
		status int
		stderr string
	}{
		{"$ipvsadm -Ln >/dev/full", 1, full},
		{"$ipvsadm -Ln -f 7 >/dev/full", 1, full},
		{"$ipvsadm -Ln --format json >/dev/full", 1, full},
		{"$ipvsadm -Ln --format table >/dev/full", 1, full},
		{"$ipvsadm -Lnc >/dev/full", 1, full},
		{"$ipvsadm -L --timeout >/dev/full", 1, full},
		{"$ipvsadm -Sn >/dev/full", 1, full},
		{"${ipvsadm}-save -n >/dev/full", 1, full},
		{"${ipvsadm}-save -n -f /dev/full", 1, "cannot save to /dev/full: no space left on device\n"},
		{"$ipvsadm -h >/dev/full", 1, full},
		{"$ipvsadm check --rules >/dev/full", 2, full},
		{"$ipvsadm check >/dev/full", 2, full},
		{"$ipvsadm -v >/dev/full", 1, full},
		{"echo -f 1 | ${ipvsadm}-restore --dry-run >/dev/full; echo -A -f 1 | ${ipvsadm}-restore --dry-run >/dev/full", 1, "stdin:1: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n" + full},
		// A closed descriptor counts as /dev/null. In the original it becomes the socket or a file.
		{"$ipvsadm -Ln >&-", 0, ""},
		{"$ipvsadm -Ln <&- >&- 2>&-", 0, ""},
		{"$ipvsadm -A -f 7 -s rr >&- 2>&-", 255, ""},
		{"$ipvsadm -R <&-", 0, ""},
	} {
		result := d.shell(test.line)
		if result.status != test.status || result.stderr != test.stderr || result.stdout != "" {
			t.Errorf("%s: %s", test.line, result)
		}
	}
	if after := d.mustRun(t, "ipvsadm", "-Sn"); after != before {
		t.Errorf("the table changed:\n%s", after)
	}

	// A closed pipe ends both programs by SIGPIPE. The listing is more than a pipe holds.
	d.mustRunWith(t, marks(31, 3000), "ipvsadm", "-R")
	for _, program := range []string{"$ipvsadm", "$original"} {
		result := d.shell(program + " -Ln | head -1; exit ${PIPESTATUS[0]}")
		if result.status != 128+int(syscall.SIGPIPE) || strings.Count(result.stdout, "\n") != 1 || result.stderr != "" {
			t.Errorf("%s: %s", program, result)
		}
	}
}

// TestSaveStandardOutput saves to standard output that fails, and to some that looks as if it could.
func TestSaveStandardOutput(t *testing.T) {
	d := newDirector(t)
	d.restore(t, manyServices(60, 2, 1))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	read, closed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	defer closed.Close()
	for _, words := range [][]string{{"-save", "-n"}, {"", "-S", "-n"}} {
		for output, want := range map[*os.File]string{full: "exit status 1", closed: "signal: broken pipe"} {
			command, _, _ := d.command("", d.ours+words[0], words[1:]...)
			command.Stdout = output
			if err := d.start(command); err != nil {
				t.Fatal(err)
			}
			command.Wait() // its state says the same as its error
			if got := command.ProcessState.String(); got != want {
				t.Errorf("ipvsadm%s to %s: %s, want %s", words, output.Name(), got, want)
			}
		}
	}
	// These succeed. Python's subprocess.DEVNULL is a /dev/null that is open for reading and writing. Closed standard output
	// looks the same, because the Go runtime opens /dev/null in its place.
	for _, to := range []string{
		">/dev/null", "1<>/dev/null", "<>/dev/null 1<&0", ">&-", "| cat >/dev/null",
		"-f /dev/stdout >/dev/null", "-f /dev/stdout 1<>/dev/null", "-f /dev/stdout | cat",
	} {
		if result := d.exec("", "/bin/bash", "-o", "pipefail", "-c", d.ours+"-save "+to); result.status != 0 || result.stderr != "" {
			t.Errorf("%s: status %d: %s", to, result.status, result.stderr)
		}
	}
	if result := d.run("", "ipvsadm-save", "-n", "-f", "/dev/full"); result.status != 1 {
		t.Errorf("-f /dev/full: %v", result)
	}
}

// TestSaveFullDisk saves to a full disk. The old file stays, and no temporary one.
func TestSaveFullDisk(t *testing.T) {
	d := newDirector(t)
	d.restore(t, manyServices(300, 2, 1))
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16k"); err != nil {
		skipOutsideLab(t, "no small disk: "+err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(disk, 0) })
	rules := filepath.Join(disk, "rules")
	for _, old := range []string{"", "-A -f 1\n"} {
		if old != "" {
			writeFile(t, rules, old)
		}
		result := d.run("", "ipvsadm-save", "-n", "-f", rules)
		if result.status != 1 || result.stdout != "" || !strings.Contains(result.stderr, "no space left on device") {
			t.Errorf("on a full disk: %v", result)
		}
		if old == "" {
			wantFolder(t, disk)
			continue
		}
		wantFolder(t, disk, "rules")
		if got := readFile(t, rules); got != old {
			t.Errorf("the old file is now %q", got)
		}
	}
}
