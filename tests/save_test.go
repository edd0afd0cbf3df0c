package tests

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSaveEverything restores and saves a table that holds everything that a table can hold, and back.
func TestSaveEverything(t *testing.T) {
	d := newDirector(t)
	everything := readFile(t, "testdata/everything.rules")
	d.restore(t, everything)
	d.wantSaved(t, everything)
	told := d.told(t)

	folder := t.TempDir()
	numeric, named := filepath.Join(folder, "numeric"), filepath.Join(folder, "named")
	ways := []struct{ save, restore func() }{
		{func() { d.mustOurs(t, "ipvsadm-save", "-n", "-f", numeric) }, func() { d.mustOurs(t, "ipvsadm-restore", "-f", numeric) }},
		{func() { d.mustOurs(t, "ipvsadm-save", "-f", named) }, func() { d.mustOurs(t, "ipvsadm-restore", "-f", named) }},
		{func() { write(t, numeric, d.mustOurs(t, "ipvsadm", "save", "--numeric")) }, func() { d.mustOurs(t, "ipvsadm", "restore", "--file", numeric) }},
		{func() { write(t, numeric, d.mustOurs(t, "ipvsadm", "-Sn")) }, func() {
			if said := d.run(readFile(t, numeric), "ipvsadm", "-R"); said.status != 0 || said.stdout+said.stderr != "" {
				t.Errorf("ipvsadm -R: %v", said)
			}
		}},
		{func() { write(t, named, d.mustOurs(t, "ipvsadm", "-S")) }, func() { d.restore(t, readFile(t, named)) }},
	}
	for i, way := range ways {
		way.save()
		if plan := d.mustOurs(t, "ipvsadm-restore", "--dry-run", "-f", []string{numeric, named, numeric, numeric, named}[i]); plan != "" {
			t.Errorf("way %d: drift:\n%s", i, plan)
		}
		d.mustOurs(t, "ipvsadm", "-C")
		way.restore()
		d.wantSaved(t, everything)
		if diff := cmp.Diff(told, d.told(t)); diff != "" {
			t.Errorf("way %d: what the original tells (-want +got):\n%s", i, diff)
		}
	}
}

// TestSaveNames has names that lead back to their addresses and some that do not.
func TestSaveNames(t *testing.T) {
	d := newDirector(t)
	hosts := readFile(t, "/etc/hosts")
	t.Cleanup(func() { write(t, "/etc/hosts", hosts) })
	write(t, "/etc/hosts", `127.0.0.1 localhost
10.0.0.1 service.example.com service
10.1.0.1 one
10.1.0.2 shared
10.1.0.3 shared
2001:db8:1::1 six
`)
	const numeric = `-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.3:81 -m -w 1
-a -t 10.0.0.1:80 -r [2001:db8:1::1]:80 -i -w 1 --tun-type ipip
`
	const named = `-A -t service.example.com:http -s rr
-a -t service.example.com:http -r one:http -m -w 1
-a -t service.example.com:http -r shared:http -m -w 1
-a -t service.example.com:http -r 10.1.0.3:81 -m -w 1
-a -t service.example.com:http -r [2001:db8:1::1]:http -i -w 1 --tun-type ipip
`
	d.restore(t, numeric)
	if diff := cmp.Diff(named, d.mustOurs(t, "ipvsadm-save")); diff != "" {
		t.Errorf("with names (-want +got):\n%s", diff)
	}
	d.mustOurs(t, "ipvsadm", "-C")
	d.restore(t, named)
	d.wantSaved(t, numeric)
}

// big returns lines for a number of services of two servers each, of the given weight.
func big(services, weight int) string {
	var b strings.Builder
	for i := range services {
		service := fmt.Sprintf("-t 10.0.%d.%d:80", i/200, i%200+1)
		fmt.Fprintf(&b, "-A %s -s wrr\n", service)
		for server := range 2 {
			fmt.Fprintf(&b, "-a %s -r 10.1.0.%d:80 -m -w %d\n", service, server+1, weight)
		}
	}
	return b.String()
}

// folderHolds compares the names in a folder.
func folderHolds(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in the folder (-want +got):\n%s", diff)
	}
}

func TestSaveFullDisk(t *testing.T) {
	d := newDirector(t)
	d.restore(t, big(300, 1))
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16k"); err != nil {
		unable(t, "no small disk: "+err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(disk, 0) })
	rules := filepath.Join(disk, "rules")
	for _, old := range []string{"", "-A -f 1\n"} {
		if old != "" {
			write(t, rules, old)
		}
		said := d.run("", "ipvsadm-save", "-n", "-f", rules)
		if said.status != 1 || said.stdout != "" || !strings.Contains(said.stderr, "no space left on device") {
			t.Errorf("on a full disk: %v", said)
		}
		if old == "" {
			folderHolds(t, disk)
			continue
		}
		folderHolds(t, disk, "rules")
		if got := readFile(t, rules); got != old {
			t.Errorf("the old file is now %q", got)
		}
	}
}

func TestSaveStandardOutput(t *testing.T) {
	d := newDirector(t)
	d.restore(t, big(60, 1))
	for _, name := range []string{"ipvsadm-save", "ipvsadm -S"} {
		for _, to := range []string{"| true", ">/dev/full"} {
			// What counts is the status of the command itself, and not of what it is piped into, which ends first.
			line := fmt.Sprintf("{ sleep 0.5; %s/%s -n; } %s; exit ${PIPESTATUS[0]}", filepath.Dir(d.ours), name, to)
			if said := d.exec("", "/bin/bash", "-c", line); said.status <= 0 {
				t.Errorf("%s %s: %v", name, to, said)
			}
		}
	}
	// These do not fail. A /dev/null that is open for reading too is what Python's subprocess.DEVNULL is. Closed standard
	// output cannot be told from it: the Go runtime opens /dev/null in its place.
	for _, to := range []string{
		">/dev/null", "1<>/dev/null", "<>/dev/null 1<&0", ">&-", "| cat >/dev/null",
		"-f /dev/stdout >/dev/null", "-f /dev/stdout 1<>/dev/null", "-f /dev/stdout | cat",
	} {
		if said := d.exec("", "/bin/bash", "-o", "pipefail", "-c", d.ours+"-save "+to); said.status != 0 || said.stderr != "" {
			t.Errorf("%s: status %d: %s", to, said.status, said.stderr)
		}
	}
	if said := d.run("", "ipvsadm-save", "-n", "-f", "/dev/full"); said.status != 1 {
		t.Errorf("-f /dev/full: %v", said)
	}
}

// TestSaveFileName saves to names that do not work. The table must not go to standard output instead.
func TestSaveFileName(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	folder := t.TempDir()
	const empty = "--file: the name of the file is empty\n"
	for _, test := range []struct{ flag, stderr string }{
		{"-f ''", empty},
		{`-f "$UNSET"`, empty},
		{"-f ''", empty},
		{"-f=", empty},
		{"--file=", empty},
		{"--file ''", empty},
		{"-n -f '' -f ''", empty},
		{"-f none/rules", "cannot save to none/rules: no such file or directory\n"},
		{"-f .", "cannot save to .: is a directory\n"},
		{"-f none/", "cannot save to none/: is a directory\n"},
		{"-f $(printf 'n%.0s' {1..256})", "cannot save to " + strings.Repeat("n", 256) + ": file name too long\n"},
		{"-f loop", "cannot save to loop: too many levels of symbolic links\n"},
		{"-f /dev/full", "cannot save to /dev/full: no space left on device\n"},
		{"-f /proc/rules", "cannot save to /proc/rules: no such file or directory\n"},
		{">/dev/full", "standard output: no space left on device\n"},
		// 3 is a socket of the program's own.
		{"-f /dev/fd/3", "cannot save to /dev/fd/3: bad file descriptor\n"},
		{"-f /dev/fd/0 </dev/null", "cannot save to /dev/fd/0: bad file descriptor\n"},
		{"-f /dev/fd/99", "cannot save to /dev/fd/99: no such file or directory\n"},
	} {
		for _, name := range []string{d.ours + "-save", d.ours + " save"} {
			line := fmt.Sprintf("cd %s && ln -sfn loop loop && exec %s -n %s", folder, name, test.flag)
			if got, want := d.exec("", "/bin/bash", "-c", line), (said{1, "", test.stderr}); got != want {
				t.Errorf("%s: %v, want %v", line, got, want)
			}
		}
	}
	folderHolds(t, folder, "loop")
}

// TestSaveDescriptor saves to open files by their numbers, as a shell has them.
func TestSaveDescriptor(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	for _, test := range []struct{ line, want string }{
		{"echo before >log; save -f /dev/stdout >>log; echo after >>log; cat log", "before\n" + twoServices + "after\n"},
		{"{ echo before; save -f /dev/stdout; echo after; } >log; cat log", "before\n" + twoServices + "after\n"},
		{"{ echo before; save -f /dev/stderr; echo after >&2; } 2>log; cat log", "before\n" + twoServices + "after\n"},
		{"save -f /dev/fd/7 7>log; cat log", twoServices},
		{"save -f /proc/self/fd/7 7>log; cat log", twoServices},
		{"save -f /proc/thread-self/fd/7 7>log; cat log", twoServices},
		{"save -f /dev/fd/7 7> >(cat); wait $!", twoServices},
		{"exec 7<>gone; rm gone; save -f /dev/fd/7; cat /proc/$$/fd/7", twoServices},
		{"exec 7>>log; echo before >log; save -f /proc/$$/fd/7; cat log", "before\n" + twoServices},
	} {
		folder := t.TempDir()
		line := fmt.Sprintf("cd %s; save() { %s-save -n \"$@\"; }; %s", folder, d.ours, test.line)
		if got := d.exec("", "/bin/bash", "-c", line); got != (said{0, test.want, ""}) {
			t.Errorf("%s: %v", test.line, got)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "log" {
			t.Errorf("%s: the folder has %v, %v", test.line, entries, err)
		}
	}
}

// TestSaveFileMode is of the whole program; save's own tests know more.
func TestSaveFileMode(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	folder := t.TempDir()
	rules := filepath.Join(folder, "rules")
	for _, want := range []os.FileMode{0o600, 0o644} {
		d.mustOurs(t, "ipvsadm-save", "-n", "-f", rules)
		info, err := os.Stat(rules)
		if err != nil || info.Mode() != want {
			t.Errorf("mode %v, error %v, want %v", info.Mode(), err, want)
		}
		if err := os.Chmod(rules, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := readFile(t, rules); got != twoServices {
		t.Errorf("saved: %q", got)
	}
	folderHolds(t, folder, "rules")
	if said := d.run("", "ipvsadm-save", "-f", filepath.Join(folder, "none", "rules")); said.status != 1 {
		t.Errorf("in no folder: %v", said)
	}
}

// killed starts a command and, once it has begun, kills it after a random part of the time. It tells whether the kill
// was in time.
func (d *director) killed(t *testing.T, begun func(), most time.Duration, name string, words ...string) bool {
	t.Helper()
	command, _, _ := d.command("", filepath.Join(filepath.Dir(d.ours), name), words...)
	if err := d.start(command); err != nil {
		t.Fatal(err)
	}
	begun()
	time.Sleep(rand.N(most))
	command.Process.Kill()
	command.Wait()
	return !command.ProcessState.Exited()
}

func TestSaveKilled(t *testing.T) {
	d := newDirector(t)
	full := big(150, 1)
	d.restore(t, full)
	rules := filepath.Join(t.TempDir(), "rules")
	start := time.Now()
	d.mustOurs(t, "ipvsadm-save", "-n", "-f", rules)
	takes := time.Since(start)
	const old = "-A -f 1\n"
	kills, olds := 0, 0
	const times = 30
	for range times {
		write(t, rules, old)
		inTime := d.killed(t, func() {}, takes*5/4, "ipvsadm-save", "-n", "-f", rules)
		switch got := readFile(t, rules); {
		case got == old:
			olds++
		case got != full:
			t.Fatalf("the file is neither of the two, but has %d bytes", len(got))
		}
		if inTime {
			kills++
		}
	}
	t.Logf("of %d saves, %d were killed; the file was the old one %d times, the new one %d times", times, kills, olds, times-olds)
	if kills == 0 {
		t.Error("no kill came in time")
	}
}
