package tests

import (
	"ipvsadm/ipvs"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killed starts a command, waits until it has begun, and kills it at a random moment before the limit. It reports whether
// the command was still running.
func (d *director) killed(t *testing.T, begun func(), limit time.Duration, name string, words ...string) bool {
	t.Helper()
	command, _, _ := d.command("", filepath.Join(filepath.Dir(d.ours), name), words...)
	if err := d.start(command); err != nil {
		t.Fatal(err)
	}
	begun()
	kill := time.AfterFunc(rand.N(limit), func() { command.Process.Kill() })
	defer kill.Stop()
	command.Wait() // its state says the same as its error
	return !command.ProcessState.Exited()
}

// TestSaveKilled kills saves to a file. The file is the old one or the new one.
func TestSaveKilled(t *testing.T) {
	d := newDirector(t)
	full := manyServices(150, 2, 1)
	d.restore(t, full)
	rules := filepath.Join(t.TempDir(), "rules")
	start := time.Now()
	d.mustRun(t, "ipvsadm-save", "-n", "-f", rules)
	takes := time.Since(start)
	const old = "-A -f 1\n"
	kills, olds := 0, 0
	const times = 30
	for range times {
		writeFile(t, rules, old)
		running := d.killed(t, func() {}, takes*5/4, "ipvsadm-save", "-n", "-f", rules)
		switch got := readFile(t, rules); {
		case got == old:
			olds++
		case got != full:
			t.Fatalf("the file is neither the old one nor the new one, but has %d bytes", len(got))
		}
		if running {
			kills++
		}
	}
	t.Logf("of %d saves, %d were killed; the file was the old one %d times, the new one %d times", times, kills, olds, times-olds)
	if kills == 0 {
		t.Error("no command was killed")
	}
}

// TestRestoreKilled kills restores at random moments. The same restore, run again, completes the table.
func TestRestoreKilled(t *testing.T) {
	d := newDirector(t)
	one, other := manyServices(200, 2, 1), strings.ReplaceAll(strings.ReplaceAll(manyServices(200, 2, 2), "-t 10.0.0.", "-u 10.0.0."), "wrr", "rr")
	folder := t.TempDir()
	files := [2]string{filepath.Join(folder, "one"), filepath.Join(folder, "other")}
	writeFile(t, files[0], one)
	writeFile(t, files[1], other)
	d.mustRun(t, "ipvsadm-restore", "-f", files[0])
	start := time.Now()
	d.mustRun(t, "ipvsadm-restore", "-f", files[1])
	takes := time.Since(start)
	d.mustRun(t, "ipvsadm-restore", "-f", files[0])
	now := one // the table, unless a kill left it halfway
	const times = 24
	kills, halfway := 0, 0
	for i := range times {
		want := [2]string{other, one}[i%2]
		begun, limit := func() {}, takes*5/4
		if i%4 < 2 { // only after the first service was added
			first := ipvs.AddressService([]ipvs.Protocol{ipvs.UDP, ipvs.TCP}[i%2], netip.MustParseAddrPort("10.0.0.1:80"))
			begun, limit = func() { d.waitFor(t, first) }, takes/20
		}
		if d.killed(t, begun, limit, "ipvsadm-restore", "-f", files[1-i%2]) {
			kills++
		}
		if got := d.mustRun(t, "ipvsadm-save", "-n"); got != now && got != want {
			halfway++
		}
		d.mustRun(t, "ipvsadm-restore", "-f", files[1-i%2])
		d.wantSaved(t, want)
		now = want
		if t.Failed() {
			break
		}
	}
	t.Logf("of %d restores, %d were killed, %d of them halfway", times, kills, halfway)
	if kills == 0 {
		t.Error("no command was killed")
	}
}
