package tests

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newSyncDirector is a director with two dummy interfaces for synchronization daemons. Their names are unusual and legal.
func newSyncDirector(t *testing.T) *director {
	t.Helper()
	d := newDirector(t)
	for _, name := range []string{"sync0", "#s=1"} {
		err := d.do(func() error {
			if err := exec.Command("ip", "link", "add", "dev", name, "type", "dummy").Run(); err != nil {
				return err
			}
			if err := exec.Command("ip", "address", "add", "192.0.2.7/24", "dev", name).Run(); err != nil {
				return err
			}
			return exec.Command("ip", "link", "set", "dev", name, "up").Run()
		})
		if err != nil {
			t.Fatalf("the interface %s: %v", name, err)
		}
	}
	t.Cleanup(func() {
		for _, state := range []string{"master", "backup"} {
			d.run("", "ipvsadm", "--stop-daemon", state)
		}
	})
	return d
}

// settings returns what the kernel runs beside its table, as restore reads it.
func (d *director) settings(t *testing.T) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(d.mustOurs(t, "ipvsadm-save", "--all", "-n")) {
		if strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func (d *director) wantSettings(t *testing.T, what, want string) {
	t.Helper()
	if diff := cmp.Diff(want, d.settings(t)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const (
	timeoutsByDefault = "--set 900 120 300\n"
	master            = "--start-daemon master --mcast-interface sync0 --syncid 7 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1\n"
)

// TestRestoreSettings restores daemons and timeouts as what is wanted: twice, with a dry run between, with and without
// --noflush. What the file does not name stays.
func TestRestoreSettings(t *testing.T) {
	for _, options := range [][]string{nil, {"--noflush"}} {
		d := newSyncDirector(t)
		restore := func(what, file, plan, settings string) {
			t.Helper()
			for i, want := range []string{plan, ""} {
				dry := d.run(file, "ipvsadm-restore", append(options, "--dry-run")...)
				if diff := cmp.Diff(said{0, want, ""}.String(), dry.String()); diff != "" {
					t.Errorf("%v, %s: dry run %d (-want +got):\n%s", options, what, i, diff)
				}
				if got := d.run(file, "ipvsadm-restore", options...); got.String() != (said{}).String() {
					t.Errorf("%v, %s: restore %d: %v", options, what, i, got)
				}
				d.wantSettings(t, what, settings)
			}
		}
		const service = "-A -f 1 -s rr\n"
		restore("a first start", "--set 0 0 200\n"+service+"--start-daemon master --mcast-interface sync0 --syncid 7\n",
			"-A -f 1 -s rr\n--set 0 0 200\n--start-daemon master --mcast-interface sync0 --syncid 7\n", "--set 900 120 200\n"+master)
		restore("a file that says nothing", service, "", "--set 900 120 200\n"+master)
		// The shortest message of a backup is 1024 bytes. It asks for less and gets that.
		const backup = "--start-daemon backup --mcast-interface #s=1 --sync-maxlen 9 --mcast-group ff02::81 --mcast-ttl 3\n"
		const backupRuns = "--start-daemon backup --mcast-interface #s=1 --sync-maxlen 1024 --mcast-group ff02::81 --mcast-port 8848 --mcast-ttl 3\n"
		restore("a second daemon", service+backup, backup, "--set 900 120 200\n"+master+backupRuns)
		restore("another port", service+"--start-daemon master --mcast-interface sync0 --syncid 7 --mcast-port 9000\n",
			"--stop-daemon master\n--start-daemon master --mcast-interface sync0 --syncid 7 --mcast-port 9000\n",
			"--set 900 120 200\n"+strings.Replace(master, "8848", "9000", 1)+backupRuns)
		restore("the usual port again", service+"--start-daemon master --mcast-interface sync0 --syncid 7\n",
			"--stop-daemon master\n--start-daemon master --mcast-interface sync0 --syncid 7\n", "--set 900 120 200\n"+master+backupRuns)
		restore("a daemon that stops", service+"--stop-daemon backup\n", "--stop-daemon backup\n", "--set 900 120 200\n"+master)

		// The longest message depends on the addresses' family.
		const long = "--start-daemon backup --mcast-interface sync0 --sync-maxlen 65507 --mcast-group ff02::81\n"
		restore("the longest message", service+long, long, "--set 900 120 200\n"+master+
			"--start-daemon backup --mcast-interface sync0 --sync-maxlen 65487 --mcast-group ff02::81 --mcast-port 8848 --mcast-ttl 1\n")
	}
}

// TestRestoreSettingsRefused has the kernel refuse a line. Timeouts and daemons are as they were.
func TestRestoreSettingsRefused(t *testing.T) {
	d := newSyncDirector(t)
	d.restore(t, "-A -f 1 -s rr\n--start-daemon master --mcast-interface sync0 --syncid 7\n")
	const before = timeoutsByDefault + master
	for _, test := range []struct{ file, stderr string }{
		{"--set 1 2 3\n--start-daemon backup --mcast-interface sync0\n--stop-daemon master\n-A -f 2 -s nosuch\n",
			"stdin:4: Scheduler or persistence engine not found\n"},
		{"--set 1 2 3\n-A -f 2 -s rr\n--start-daemon master --mcast-interface nosuch\n", "stdin:3: No such device\n"},
		{"-A -f 1 -s rr\n-Z -f 9\n--start-daemon master --mcast-interface sync0\n", "stdin:2: No such service\n"},
	} {
		if said := d.run(test.file, "ipvsadm-restore"); said.status != 255 || said.stdout != "" || said.stderr != test.stderr {
			t.Errorf("%q: %v", test.file, said)
		}
		d.wantSettings(t, test.file, before)
		d.wantSaved(t, "-A -f 1 -s rr\n")
	}
}

// TestRestoreDaemonsAndFamilies changes between a daemon and a server of another family than its service. The kernel
// refuses the one while there is the other.
func TestRestoreDaemonsAndFamilies(t *testing.T) {
	d := newSyncDirector(t)
	const mixed = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i -w 1 --tun-type ipip\n"
	d.restore(t, "--start-daemon master --mcast-interface sync0 --syncid 7\n")
	if said := d.run(mixed, "ipvsadm-restore"); said.status != 255 {
		t.Errorf("beside a daemon: %v", said)
	}
	d.restore(t, mixed+"--stop-daemon master\n")
	d.wantSaved(t, mixed)
	d.wantSettings(t, "a server of another family", timeoutsByDefault)
	d.restore(t, "-A -t 192.0.2.1:80 -s rr\n--start-daemon master --mcast-interface sync0 --syncid 7\n")
	d.wantSaved(t, "-A -t 192.0.2.1:80 -s rr\n")
	d.wantSettings(t, "a daemon", timeoutsByDefault+master)
}

// TestSaveAll saves and restores timeouts and daemons. -S, and a save without --all, are the original's.
func TestSaveAll(t *testing.T) {
	d := newSyncDirector(t)
	const service = "-A -f 1 -s rr\n"
	d.restore(t, service+"--set 40 30 20\n--start-daemon backup --mcast-interface #s=1\n--start-daemon master --mcast-interface sync0 --syncid 7\n")
	file := filepath.Join(t.TempDir(), "rules")
	d.mustOurs(t, "ipvsadm-save", "--all", "-n", "-f", file)
	const backup = "--start-daemon backup --mcast-interface #s=1 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1\n"
	if diff := cmp.Diff("--set 40 30 20\n"+master+backup+service, readFile(t, file)); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	for _, words := range [][]string{{"ipvsadm", "-S", "-n"}, {"ipvsadm-save", "-n"}} {
		if got := d.mustOurs(t, words[0], words[1:]...); got != service {
			t.Errorf("%v: %q", words, got)
		}
	}
	d.restore(t, "-C\n--set 900 120 300\n--stop-daemon master\n--stop-daemon backup\n")
	d.wantSettings(t, "nothing", timeoutsByDefault)
	d.mustOurs(t, "ipvsadm-restore", "-f", file)
	d.wantSettings(t, "restored", "--set 40 30 20\n"+master+backup)
	if drift := d.mustOurs(t, "ipvsadm-restore", "--dry-run", "-f", file); drift != "" {
		t.Errorf("drift after a restore: %q", drift)
	}

	// The original reads it too.
	d.restore(t, "-C\n--set 900 120 300\n--stop-daemon master\n--stop-daemon backup\n")
	if said := d.exec(readFile(t, file), original, "-R"); said.status != 0 {
		t.Errorf("the original: %v", said)
	}
	if drift := d.mustOurs(t, "ipvsadm-restore", "--dry-run", "-f", file); drift != "" {
		t.Errorf("drift after the original's: %q", drift)
	}
}
