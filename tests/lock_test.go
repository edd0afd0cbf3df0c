package tests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ipvsadm/restore"
)

// TestRestoreWait has a restore wait for another, which is this test, for as long as it is told to.
func TestRestoreWait(t *testing.T) {
	p := home(t)
	lock, err := restore.Lock(t.Context(), restore.LockFile, func(holder string) { t.Logf("waiting for %s", holder) })
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	name := strings.TrimSpace(text(t, "/proc/self/comm"))
	holder := fmt.Sprintf("process %d (%s)", os.Getpid(), name)
	for _, test := range []struct{ wait, gaveUp string }{{"0", "gave up after 0s"}, {"1", "gave up after 1s"}} {
		start := time.Now()
		said, err := p.do("-A -f 1 -s rr\n", "ipvsadm-restore", "--wait", test.wait)
		if want := holder + " holds /run/ipvsadm.lock: " + test.gaveUp + "\n"; err != nil || said.status != 1 || said.stderr != want {
			t.Errorf("--wait %s: %v %s, want %s", test.wait, err, said, want)
		}
		if took := time.Since(start); test.wait == "1" && took < time.Second {
			t.Errorf("--wait 1: after %v", took)
		}
	}
	for _, wait := range []string{"-1", "soon", ""} {
		if said, _ := p.do("-A -f 1 -s rr\n", "ipvsadm-restore", "--wait", wait); said.status != 1 || !strings.Contains(said.stderr, "wait") {
			t.Errorf("--wait %q: %s", wait, said)
		}
	}
	// On a terminal it says what it waits for.
	said := p.shell(t, "script -qec 'echo -A -f 1 -s rr | ${ipvsadm}-restore --wait 1' /dev/null </dev/null")
	if want := "waiting for " + holder + " to end its restore\r\n" + holder + " holds"; said.status != 1 || !strings.Contains(said.stdout, want) {
		t.Errorf("on a terminal: %s, want %q", said, want)
	}
	if table := p.must(t, "", "ipvsadm", "-Sn"); table != "" {
		t.Errorf("the table changed: %s", table)
	}
	lock.Close()
	p.must(t, "-A -f 1 -s rr\n", "ipvsadm-restore", "--wait", "0")
}

// TestIgnoredSignals sends signals that were ignored when the program was started to a restore whose listing nobody reads.
// It goes on, and ends when somebody does.
func TestIgnoredSignals(t *testing.T) {
	p := home(t)
	p.must(t, marks(1, 2500), "ipvsadm", "-R")
	rules := marks(1, 2500) + "-A -f 9999 -s rr\n" + strings.Repeat("-L -n\n", 3)
	file := filepath.Join(p.directory, "rules")
	write(t, file, rules)
	for _, test := range []struct {
		start  string
		signal syscall.Signal
	}{
		{"trap '' TERM; exec ", syscall.SIGTERM},
		{"trap '' QUIT; exec ", syscall.SIGQUIT},
		{"trap '' INT; exec ", syscall.SIGINT},
		{"exec nohup ", syscall.SIGHUP},
	} {
		p.do("-D -f 9999\n", "ipvsadm", "-R") // if it is there
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(ctx, "bash", "-c", test.start+p.ours+"-restore -f "+file)
		var stderr bytes.Buffer
		command.Stdout, command.Stderr = write, &stderr
		if err := p.oursSpace.do(command.Start); err != nil {
			t.Fatal(err)
		}
		write.Close()
		first := make([]byte, 100)
		if _, err := read.Read(first); err != nil {
			t.Fatal(err)
		}
		command.Process.Signal(test.signal)
		var rest bytes.Buffer
		rest.ReadFrom(read)
		command.Wait() // its status is what counts
		if status := command.ProcessState.String(); status != "exit status 0" || stderr.String() != "" && test.signal != syscall.SIGHUP {
			t.Errorf("%v: %s, %q", test.signal, status, stderr.String())
		}
		if table := p.must(t, "", "ipvsadm", "-Sn"); strings.Count(table, "\n") != 2501 {
			t.Errorf("%v: %d services", test.signal, strings.Count(table, "\n"))
		}
	}
}
