package tests

import (
	"fmt"
	"ipvsadm/restore"
	"os"
	"strings"
	"testing"
	"time"
)

// TestRestoreWait holds the lock, so that restores wait for it as long as --wait allows.
func TestRestoreWait(t *testing.T) {
	d := newDirector(t)
	lock, err := restore.Lock(t.Context(), restore.LockFile, func(holder string) { t.Logf("waiting for %s", holder) })
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	name := strings.TrimSpace(readFile(t, "/proc/self/comm"))
	holder := fmt.Sprintf("process %d (%s)", os.Getpid(), name)
	for _, test := range []struct{ wait, gaveUp string }{{"0", "gave up after 0s"}, {"1", "gave up after 1s"}} {
		start := time.Now()
		result := d.run("-A -f 1 -s rr\n", "ipvsadm-restore", "--wait", test.wait)
		if want := holder + " holds /run/ipvsadm.lock: " + test.gaveUp + "\n"; result.status != 1 || result.stderr != want {
			t.Errorf("--wait %s: %s, want %s", test.wait, result, want)
		}
		if took := time.Since(start); test.wait == "1" && took < time.Second {
			t.Errorf("--wait 1: after %v", took)
		}
	}
	for _, wait := range []string{"-1", "soon", ""} {
		if result := d.run("-A -f 1 -s rr\n", "ipvsadm-restore", "--wait", wait); result.status != 1 || !strings.Contains(result.stderr, "wait") {
			t.Errorf("--wait %q: %s", wait, result)
		}
	}
	// On a terminal a restore prints the process that it waits for.
	result := d.shell("script -qec 'echo -A -f 1 -s rr | ${ipvsadm}-restore --wait 1' /dev/null </dev/null")
	if want := "waiting for " + holder + " to end its restore\r\n" + holder + " holds"; result.status != 1 || !strings.Contains(result.stdout, want) {
		t.Errorf("on a terminal: %s, want %q", result, want)
	}
	if table := d.mustRun(t, "ipvsadm", "-Sn"); table != "" {
		t.Errorf("the table changed: %s", table)
	}
	lock.Close()
	d.mustRunWith(t, "-A -f 1 -s rr\n", "ipvsadm-restore", "--wait", "0")
}
