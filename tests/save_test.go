package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSaveEverything saves and restores a table with everything that a table can hold, in each way to do so.
func TestSaveEverything(t *testing.T) {
	d := newDirector(t)
	everything := readFile(t, "testdata/everything.rules")
	d.restore(t, everything)
	d.wantSaved(t, everything)
	told := d.originalListings(t)

	folder := t.TempDir()
	numeric, named := filepath.Join(folder, "numeric"), filepath.Join(folder, "named")
	ways := []struct{ save, restore func() }{
		{func() { d.mustRun(t, "ipvsadm-save", "-n", "-f", numeric) }, func() { d.mustRun(t, "ipvsadm-restore", "-f", numeric) }},
		{func() { d.mustRun(t, "ipvsadm-save", "-f", named) }, func() { d.mustRun(t, "ipvsadm-restore", "-f", named) }},
		{func() { writeFile(t, numeric, d.mustRun(t, "ipvsadm", "save", "--numeric")) }, func() { d.mustRun(t, "ipvsadm", "restore", "--file", numeric) }},
		{func() { writeFile(t, numeric, d.mustRun(t, "ipvsadm", "-Sn")) }, func() {
			if result := d.run(readFile(t, numeric), "ipvsadm", "-R"); result.status != 0 || result.stdout+result.stderr != "" {
				t.Errorf("ipvsadm -R: %v", result)
			}
		}},
		{func() { writeFile(t, named, d.mustRun(t, "ipvsadm", "-S")) }, func() { d.restore(t, readFile(t, named)) }},
	}
	for i, way := range ways {
		way.save()
		if plan := d.mustRun(t, "ipvsadm-restore", "--dry-run", "-f", []string{numeric, named, numeric, numeric, named}[i]); plan != "" {
			t.Errorf("way %d: drift:\n%s", i, plan)
		}
		d.mustRun(t, "ipvsadm", "-C")
		way.restore()
		d.wantSaved(t, everything)
		if diff := cmp.Diff(told, d.originalListings(t)); diff != "" {
			t.Errorf("way %d: the original's listings (-want +got):\n%s", i, diff)
		}
	}
}

// TestSaveNames saves hosts by names that read back as the same address, and others by address.
func TestSaveNames(t *testing.T) {
	d := newDirector(t)
	hosts := readFile(t, "/etc/hosts")
	t.Cleanup(func() { writeFile(t, "/etc/hosts", hosts) })
	writeFile(t, "/etc/hosts", `127.0.0.1 localhost
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
	if diff := cmp.Diff(named, d.mustRun(t, "ipvsadm-save")); diff != "" {
		t.Errorf("with names (-want +got):\n%s", diff)
	}
	d.mustRun(t, "ipvsadm", "-C")
	d.restore(t, named)
	d.wantSaved(t, numeric)
}

// TestSaveFileName saves to bad file names. The table must not go to standard output instead.
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
		// Descriptor 3 is a socket of the program.
		{"-f /dev/fd/3", "cannot save to /dev/fd/3: bad file descriptor\n"},
		{"-f /dev/fd/0 </dev/null", "cannot save to /dev/fd/0: bad file descriptor\n"},
		{"-f /dev/fd/99", "cannot save to /dev/fd/99: no such file or directory\n"},
	} {
		for _, name := range []string{d.ours + "-save", d.ours + " save"} {
			line := fmt.Sprintf("cd %s && ln -sfn loop loop && exec %s -n %s", folder, name, test.flag)
			if got, want := d.exec("", "/bin/bash", "-c", line), (outcome{1, "", test.stderr}); got != want {
				t.Errorf("%s: %v, want %v", line, got, want)
			}
		}
	}
	wantFolder(t, folder, "loop")
}

// TestSaveDescriptor saves to open files by their descriptors, as a shell names them.
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
		if got := d.exec("", "/bin/bash", "-c", line); got != (outcome{0, test.want, ""}) {
			t.Errorf("%s: %v", test.line, got)
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "log" {
			t.Errorf("%s: the folder has %v, %v", test.line, entries, err)
		}
	}
}

// TestSaveFileMode checks the mode of a new file and of a replaced one. The tests of save/ check the rest.
func TestSaveFileMode(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	folder := t.TempDir()
	rules := filepath.Join(folder, "rules")
	for _, want := range []os.FileMode{0o600, 0o644} {
		d.mustRun(t, "ipvsadm-save", "-n", "-f", rules)
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
	wantFolder(t, folder, "rules")
	if result := d.run("", "ipvsadm-save", "-f", filepath.Join(folder, "none", "rules")); result.status != 1 {
		t.Errorf("in no folder: %v", result)
	}
}
