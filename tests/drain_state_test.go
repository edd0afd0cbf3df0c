package tests

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDrainKilled kills drains at many moments. Whatever they had done, undrain makes the table what it was.
func TestDrainKilled(t *testing.T) { killDrains(t, 8) }

func killDrains(t *testing.T, times int) {
	t.Helper()
	forgetDrains(t)
	d := newDirector(t)
	rules := manyServices(20, 2, 3)
	d.restore(t, rules)
	server := strings.Fields(strings.SplitAfter(rules, "-r ")[1])[0]
	server, _, _ = strings.Cut(server, ":")
	begun := func() {}
	started := time.Now()
	d.mustRun(t, "ipvsadm", "drain", "-r", server, "--quiet")
	takes := time.Since(started)
	d.mustRun(t, "ipvsadm", "undrain", "-r", server)
	d.wantSaved(t, rules)
	kills, halfway := 0, 0
	for range times {
		if d.killed(t, begun, takes*5/4, "ipvsadm", "drain", "-r", server, "--quiet") {
			kills++
		}
		if drained := strings.Count(d.mustRun(t, "ipvsadm", "-Sn"), "-w 0"); drained > 0 {
			halfway++
		}
		d.killed(t, begun, takes*5/4, "ipvsadm", "undrain", "-r", server)
		d.mustRun(t, "ipvsadm", "undrain", "--all")
		d.wantSaved(t, rules)
		if t.Failed() {
			break
		}
	}
	t.Logf("of %d drains, %d were killed; %d had set a weight", times, kills, halfway)
	if kills == 0 {
		t.Error("no drain was killed")
	}
}

// TestDrainsAtOnce drains all three servers of a service at once, and another network namespace's server of the same name.
// One drain is refused, whichever comes last, and the other namespace is not touched.
func TestDrainsAtOnce(t *testing.T) {
	forgetDrains(t)
	one, other := newDirector(t), newDirector(t)
	const rules = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n" +
		"-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 2\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 3\n"
	one.restore(t, rules)
	other.restore(t, rules)
	var all sync.WaitGroup
	results := make([]outcome, 3)
	for i := range results {
		all.Go(func() { results[i] = one.run("", "ipvsadm", "drain", "-r", fmt.Sprintf("10.0.0.%d", i+1)) })
	}
	all.Wait()
	refused := 0
	for _, result := range results {
		if result.status == 1 && strings.Contains(result.stderr, "is the last server of TCP 192.0.2.1:80 with a weight") {
			refused++
		} else if result.status != 0 {
			t.Errorf("%v", result)
		}
	}
	if saved := one.mustRun(t, "ipvsadm", "-Sn"); refused != 1 || strings.Count(saved, "-w 0") != 2 {
		t.Errorf("%d drains were refused, and the table is %s", refused, saved)
	}
	if got := other.mustRun(t, "ipvsadm", "drain", "--list"); got != "no server is drained\n" {
		t.Errorf("in the other namespace: %s", got)
	}
	if got := other.run("", "ipvsadm", "undrain", "-r", "10.0.0.1"); got.status != 1 {
		t.Errorf("undrain in the other namespace: %v", got)
	}
	one.mustRun(t, "ipvsadm", "undrain", "--all")
	one.wantSaved(t, rules)
}

// TestDrainAttacked gives drain what it should not trust, or cannot write to. Nothing is changed.
func TestDrainAttacked(t *testing.T) {
	d := newDirector(t)
	rules := manyServices(1, 2, 1)
	d.restore(t, rules)
	server := strings.Fields(strings.SplitAfter(rules, "-r ")[1])[0]
	const directory = "/run/ipvsadm"
	attack := func(line string) {
		t.Helper()
		if result := d.shell("rm -rf " + directory + "; " + line); result.status != 0 {
			t.Fatal(result)
		}
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	for _, test := range []struct{ attack, message string }{
		{"mkdir -m 777 " + directory, "others than root can write to " + directory},
		{"mkdir " + directory + " && chown nobody " + directory, "others than root can write to " + directory},
		{"mkdir /tmp/attack && chown nobody /tmp/attack && ln -s /tmp/attack " + directory, directory + " is not a directory: delete it"},
		{"mkdir -m 700 " + directory + " && ln -s /etc/passwd " + directory + "/lock", "too many levels of symbolic links"},
		{"mkdir -m 700 " + directory + " && mount -t tmpfs -o ro,mode=700 none " + directory, "read-only file system"},
	} {
		attack(test.attack)
		if result := d.run("", "ipvsadm", "drain", "-r", server); result.status != 1 || !strings.Contains(result.stderr, test.message) {
			t.Errorf("%s: %v, want %s", test.attack, result, test.message)
		}
		d.wantSaved(t, rules)
		d.shell("umount " + directory)
	}
	attack("true")
	for _, line := range []string{"$ipvsadm drain -r " + server + " >/dev/full", "$ipvsadm drain -r " + server + " --format json >/dev/full"} {
		if result := d.shell(line); result.status != 1 || !strings.Contains(result.stderr, "standard output: no space left on device") {
			t.Errorf("%s: %v", line, result)
		}
		d.wantSaved(t, rules)
	}
	for _, line := range []string{
		"$ipvsadm drain -r ''", "$ipvsadm drain", "$ipvsadm drain -r " + server + " extra", "$ipvsadm drain -r " + server + " --timeout ''",
		"$ipvsadm drain -r " + server + " --until ''", "$ipvsadm drain -r " + server + " -t ''", "$ipvsadm drain -r " + server + " --format ''",
		"$ipvsadm undrain -r ''", "$ipvsadm undrain", "$ipvsadm weight -r " + server, "$ipvsadm weight -r " + server + " ''", "$ipvsadm weight 5",
	} {
		if result := d.shell(line); result.status == 0 || result.stderr == "" {
			t.Errorf("%s: %v", line, result)
		}
		d.wantSaved(t, rules)
	}
	if result := d.shell("$ipvsadm drain -r " + server + " >&- && $ipvsadm undrain -r " + server + " >&- 2>&-"); result.status != 0 {
		t.Errorf("closed streams: %v", result)
	}
	d.wantSaved(t, rules)
}
