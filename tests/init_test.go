package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// install runs make install as a distribution does, of the program that is built already, and returns where to.
func install(t *testing.T, options ...string) (root string) {
	t.Helper()
	builtProgram(t)
	root = t.TempDir()
	make := exec.Command("make", slices.Concat([]string{"-C", "..", "--old-file=ipvsadm", "install", "DESTDIR=" + root}, options)...)
	make.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=")
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", make, err, out)
	}
	return root
}

func TestInitInstall(t *testing.T) {
	for _, test := range []struct {
		options []string
		init    []string
	}{
		{nil, nil},
		{[]string{"INIT=systemd sysv"}, []string{"etc/init.d/ipvsadm", "usr/lib/systemd/system/ipvsadm.service"}},
	} {
		root := install(t, append(test.options, "PREFIX=/usr")...)
		var got []string
		err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			name, _ := filepath.Rel(root, path)
			if err == nil && !entry.IsDir() && !strings.HasPrefix(name, "usr/s") {
				got = append(got, name)
			}
			return err
		})
		if diff := cmp.Diff(test.init, got); err != nil || diff != "" {
			t.Errorf("make install %v: error %v, files (-want +got):\n%s", test.options, err, diff)
		}
	}
}

func TestInitUnit(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		unable(t, "systemd-analyze is not here: run tests/lab/install")
	}
	// Under a prefix of this machine's, as the programs of the unit must be there.
	prefix := filepath.Join(t.TempDir(), "usr")
	root := install(t, "INIT=systemd", "PREFIX="+prefix, "RULES=/etc/ipvsadm.rules")
	if err := os.Rename(filepath.Join(root, prefix), prefix); err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(prefix, "lib/systemd/system/ipvsadm.service")
	out, err := exec.Command(verify, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "ipvsadm.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}

	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "Exec") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	bin := prefix + "/sbin/"
	want := []string{
		"ExecStart=" + bin + "ipvsadm-restore -f /etc/ipvsadm.rules",
		"ExecReload=" + bin + "ipvsadm-restore -f /etc/ipvsadm.rules",
		"ExecStop=" + bin + "ipvsadm-save -n -f /etc/ipvsadm.rules",
		"ExecStop=" + bin + "ipvsadm -C",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commands of the unit (-want +got):\n%s", diff)
	}
	shipped, err := os.ReadFile("../init/ipvsadm.service")
	if err != nil || !strings.Contains(string(shipped), "ExecStart=/usr/sbin/ipvsadm-restore -f /etc/sysconfig/ipvsadm\n") {
		t.Errorf("the unit in init, %v:\n%s", err, shipped)
	}
}

// TestInitUnitCommands runs the unit's commands as systemd does, one by one until one fails.
func TestInitUnitCommands(t *testing.T) {
	d := newDirector(t)
	rules := filepath.Join(t.TempDir(), "rules")
	unit, err := os.ReadFile("../init/ipvsadm.service")
	if err != nil {
		t.Fatal(err)
	}
	do := func(what string) int {
		t.Helper()
		for line := range strings.Lines(string(unit)) {
			words, ok := strings.CutPrefix(line, "Exec"+what+"=")
			if !ok {
				continue
			}
			argv := strings.Fields(strings.ReplaceAll(words, "/etc/sysconfig/ipvsadm", rules))
			if said := d.run("", filepath.Base(argv[0]), argv[1:]...); said.status != 0 {
				return said.status
			}
		}
		return 0
	}
	if do("Start") == 0 {
		t.Error("start without a file: status 0")
	}
	write(t, rules, twoServices)
	for _, verb := range []string{"Start", "Reload"} {
		if status := do(verb); status != 0 {
			t.Errorf("%s: status %d", verb, status)
		}
		d.wantSaved(t, twoServices)
	}
	d.mustOurs(t, "ipvsadm", "-D", "-f", "7")
	if status := do("Stop"); status != 0 {
		t.Errorf("stop: status %d", status)
	}
	d.wantSaved(t, "")
	const left = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1\n"
	if got := readFile(t, rules); got != left {
		t.Errorf("saved at stop: %q", got)
	}

	// A table that cannot be saved is not cleared.
	do("Start")
	rules = filepath.Join(t.TempDir(), "none", "rules")
	if do("Stop") == 0 {
		t.Error("stop without a folder to save to: status 0")
	}
	d.wantSaved(t, left)
}

const twoServices = `-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1
-A -f 7 -s wlc
`

// TestInitScript runs the script's verbs on a live table, with the files of a throw-away /etc.
func TestInitScript(t *testing.T) {
	if os.Getenv("IPVSADM_LAB") == "" {
		t.Skip("this test writes to /etc, and belongs in the lab")
	}
	d := newDirector(t)
	script := filepath.Join(install(t, "INIT=sysv", "PREFIX="+filepath.Dir(d.ours)), "etc/init.d/ipvsadm")
	// PREFIX/sbin is first in the script's PATH.
	if err := os.Symlink(".", filepath.Join(filepath.Dir(d.ours), "sbin")); err != nil {
		t.Fatal(err)
	}
	const redHat, debian, defaults = "/etc/sysconfig/ipvsadm", "/etc/ipvsadm.rules", "/etc/default/ipvsadm"
	for _, path := range []string{redHat, debian, defaults} {
		os.Remove(path)
	}
	os.Remove(filepath.Dir(redHat))

	verb := func(want int, output string, words ...string) {
		t.Helper()
		said := d.exec("", script, words...)
		if said.status != want || !strings.Contains(said.stdout+said.stderr, output) {
			t.Errorf("%v: want status %d and %q: %v", words, want, output, said)
		}
		if (want == 0) != (said.stderr == "") && words != nil && words[0] != "status" {
			t.Errorf("%v: stderr: %s", words, said.stderr)
		}
	}
	verb(2, "usage:")
	verb(2, "usage:", "nonsense")
	verb(2, "usage:", "start", "stop")
	for _, start := range []string{"start", "restart", "reload", "force-reload"} {
		d.restore(t, "-A -f 1 -s wlc")
		verb(6, debian+" is missing", start)
		d.wantSaved(t, "-A -f 1 -s wlc\n")
		write(t, debian, twoServices)
		verb(0, debian, start)
		d.wantSaved(t, twoServices)
		os.Remove(debian)
	}
	verb(0, "192.0.2.11:80", "status")
	write(t, debian, twoServices+"-A nonsense\n")
	verb(1, debian+":4: ", "restart")
	d.wantSaved(t, twoServices)
	os.Remove(debian)
	verb(0, "empty", "stop")
	d.wantSaved(t, "")
	verb(3, "IP Virtual Server", "status")

	d.mustOurs(t, "ipvsadm", "-A", "-f", "1")
	verb(0, debian, "save")
	if got := readFile(t, debian); got != "-A -f 1 -s wlc\n" {
		t.Errorf("saved: %q", got)
	}
	verb(0, "empty", "panic")
	d.wantSaved(t, "")

	// Red Hat's file goes before Debian's, which goes before Red Hat's folder.
	if err := os.Mkdir(filepath.Dir(redHat), 0o755); err != nil {
		t.Fatal(err)
	}
	verb(0, debian, "start")
	write(t, redHat, twoServices)
	verb(0, redHat, "start")
	d.wantSaved(t, twoServices)
	os.Remove(redHat)
	os.Remove(debian)
	verb(0, redHat, "save")
	if got := readFile(t, redHat); got != twoServices {
		t.Errorf("saved: %q", got)
	}

	// The administrator's choice goes before both.
	elsewhere := filepath.Join(t.TempDir(), "rules")
	write(t, defaults, "IPVSADM_RULES="+elsewhere+"\n")
	verb(6, elsewhere+" is missing", "start")
	verb(0, elsewhere, "save")
	verb(0, elsewhere, "start")
	write(t, defaults, "IPVSADM_RULES=/none/rules\n")
	verb(1, "is not saved", "save")
}
