package tests

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/restore"
)

// stalled is a program that soon waits, because nobody reads its standard output.
type stalled struct {
	*exec.Cmd
	stdout *os.File
	stderr *bytes.Buffer
}

// startStalled starts a program with a pipe for its standard output. A minute later it is killed.
func (d *director) startStalled(t *testing.T, stdin io.Reader, program string, words ...string) *stalled {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	defer write.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := &stalled{exec.CommandContext(ctx, program, words...), read, new(bytes.Buffer)}
	s.Stdin, s.Stdout, s.Stderr = stdin, write, s.stderr
	if err := d.start(s.Cmd); err != nil {
		t.Fatal(err)
	}
	return s
}

// waitForOutput reads the first bytes of the output.
func (s *stalled) waitForOutput(t *testing.T) {
	t.Helper()
	if _, err := io.ReadFull(s.stdout, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
}

// end waits for the end of the program and returns its signal or exit status in words.
func (s *stalled) end() string {
	s.Wait() // its state says the same as its error
	return s.ProcessState.String()
}

// TestInterruptedListing interrupts a long listing that nobody reads any more.
func TestInterruptedListing(t *testing.T) {
	d := newDirector(t)
	d.restore(t, marks(1, 3000)) // more than a pipe holds, in every format
	for _, test := range []struct {
		words  string
		signal syscall.Signal
	}{
		{"-Ln", syscall.SIGINT}, {"-Ln", syscall.SIGTERM}, {"-Ln --format json", syscall.SIGINT}, {"-Sn", syscall.SIGINT},
	} {
		words := strings.Fields(test.words)
		whole := d.mustRun(t, "ipvsadm", words...)
		program := d.startStalled(t, nil, d.ours, words...)
		lines := bufio.NewReader(program.stdout)
		first, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("%s: first line %q, %v", test.words, first, err)
		}
		program.Process.Signal(test.signal)
		if status := program.end(); status != "signal: "+test.signal.String() {
			t.Errorf("%s: %s", test.words, status)
		}
		var rest bytes.Buffer
		rest.ReadFrom(lines)
		if got := first + rest.String(); !strings.HasPrefix(whole, got) || got == whole {
			t.Errorf("%s: %d bytes, want the beginning of a listing", test.words, len(got))
		}
	}
}

// TestInterruptedAtListing stops a restore that has added services and not deleted any yet. There it waits for somebody to
// read the listing that its file asks for. A signal or a closed pipe ends it, and the table is as before.
func TestInterruptedAtListing(t *testing.T) {
	d := newDirector(t)
	d.restore(t, marks(1, 2500))
	before := d.mustRun(t, "ipvsadm", "-Sn")
	file := filepath.Join(d.directory, "rules")
	writeFile(t, file, marks(2001, 3500)+strings.Repeat("-L -n\n", 3))
	signal := func(signal syscall.Signal) func(*stalled) {
		return func(restore *stalled) { restore.Process.Signal(signal) }
	}
	for _, test := range []struct {
		name   string
		stop   func(*stalled)
		status string
		stderr string
	}{
		{"SIGINT", signal(syscall.SIGINT), "signal: interrupt", "interrupted by SIGINT: the table is as it was before\n"},
		{"SIGTERM", signal(syscall.SIGTERM), "signal: terminated", "interrupted by SIGTERM: the table is as it was before\n"},
		{"SIGHUP", signal(syscall.SIGHUP), "signal: hangup", "interrupted by SIGHUP: the table is as it was before\n"},
		{"SIGQUIT", signal(syscall.SIGQUIT), "exit status 131", "interrupted by SIGQUIT: the table is as it was before\n"},
		{"a closed pipe", func(restore *stalled) { restore.stdout.Close() }, "exit status 1",
			file + ":1501: write /dev/stdout: broken pipe\n" +
				file + ":1502: write /dev/stdout: broken pipe\n" + file + ":1503: write /dev/stdout: broken pipe\n"},
	} {
		restore := d.startStalled(t, nil, d.ours+"-restore", "-f", file)
		restore.waitForOutput(t)
		test.stop(restore)
		if status := restore.end(); status != test.status || restore.stderr.String() != test.stderr {
			t.Errorf("%s: %s, %q, want %s, %q", test.name, status, restore.stderr, test.status, test.stderr)
		}
		if after := d.mustRun(t, "ipvsadm", "-Sn"); after != before {
			t.Errorf("%s: the table has %d services, not %d as before", test.name, strings.Count(after, "\n"), strings.Count(before, "\n"))
		}
	}
}

// TestIgnoredSignals sends a restore signals that were ignored when it started, while it waits for somebody to read its
// listing. It goes on and succeeds.
func TestIgnoredSignals(t *testing.T) {
	d := newDirector(t)
	d.restore(t, marks(1, 2500))
	file := filepath.Join(d.directory, "rules")
	writeFile(t, file, marks(1, 2500)+"-A -f 9999 -s rr\n"+strings.Repeat("-L -n\n", 3))
	for _, test := range []struct {
		start  string
		signal syscall.Signal
	}{
		{"trap '' TERM; exec ", syscall.SIGTERM},
		{"trap '' QUIT; exec ", syscall.SIGQUIT},
		{"trap '' INT; exec ", syscall.SIGINT},
		{"exec nohup ", syscall.SIGHUP},
	} {
		d.run("-D -f 9999\n", "ipvsadm", "-R") // if it exists
		restore := d.startStalled(t, nil, "bash", "-c", test.start+d.ours+"-restore -f "+file)
		restore.waitForOutput(t)
		restore.Process.Signal(test.signal)
		io.Copy(io.Discard, restore.stdout)
		// nohup writes a message of its own.
		if status := restore.end(); status != "exit status 0" || restore.stderr.Len() > 0 && test.signal != syscall.SIGHUP {
			t.Errorf("%v: %s, %q", test.signal, status, restore.stderr)
		}
		if table := d.mustRun(t, "ipvsadm", "-Sn"); strings.Count(table, "\n") != 2501 {
			t.Errorf("%v: %d services, want 2501", test.signal, strings.Count(table, "\n"))
		}
	}
}

// TestInterruptedRestore interrupts ipvsadm-restore at many moments. The table is the old one or the new one, and the exit
// status says which.
func TestInterruptedRestore(t *testing.T) {
	d := newDirector(t)
	const services, moments = 1000, 8
	tables := [2]string{marks(1, services), marks(services/2, services/2+services)}
	var files [2]string
	for i, table := range tables {
		files[i] = filepath.Join(d.directory, fmt.Sprint(i))
		writeFile(t, files[i], table)
	}
	d.mustRun(t, "ipvsadm-restore", "-f", files[0])
	start := time.Now()
	d.mustRun(t, "ipvsadm-restore", "-f", files[1])
	takes := time.Since(start)
	is, undone, finished := 1, 0, 0
	for moment := range moments {
		signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}[moment%4]
		command, _, stderr := d.command("", d.ours+"-restore", "-f", files[1-is])
		if err := d.start(command); err != nil {
			t.Fatal(err)
		}
		interrupt := time.AfterFunc(takes*time.Duration(moment+1)/moments, func() { command.Process.Signal(signal) })
		succeeded := command.Wait() == nil
		interrupt.Stop()
		table := d.mustRun(t, "ipvsadm", "-Sn")
		switch {
		case succeeded && sameLines(table, tables[1-is]):
			is = 1 - is
			finished++
		case !succeeded && sameLines(table, tables[is]):
			undone++
		default:
			t.Errorf("%v after %d of %d: %v, %q, and a table of %d lines: the old one %v, the new one %v", signal, moment+1, moments,
				command.ProcessState, stderr, strings.Count(table, "\n"), sameLines(table, tables[is]), sameLines(table, tables[1-is]))
			d.mustRun(t, "ipvsadm-restore", "-f", files[is])
		}
	}
	t.Logf("of %d interrupted restores, %d were undone or had not begun, and %d had finished", moments, undone, finished)
	if undone == 0 {
		t.Error("no restore was interrupted")
	}
}

// TestInterruptedCommands interrupts ipvsadm -R: while it reads, when nothing may be done yet; between two lines, where it
// waits for somebody to read its listing; and among many lines. It carries out the lines up to one and none after it. It
// ends by the signal, as the original does.
func TestInterruptedCommands(t *testing.T) {
	const services = 4000
	whole := marks(1, services)
	const listing = "-L -n\n-L -n\n-L -n\n" // of thousands of services, so it waits for a reader
	atMark := func(mark uint32) func(*testing.T, *director, *stalled) {
		return func(t *testing.T, d *director, _ *stalled) { d.waitFor(t, ipvs.MarkService(mark, ipvs.IPv4)) }
	}
	for name, test := range map[string]struct {
		stdin string
		open  bool                                  // more may follow on stdin
		wait  func(*testing.T, *director, *stalled) // until the signal is due
		least int                                   // services that must exist
		most  int
	}{
		"while it reads": {whole, true, func(*testing.T, *director, *stalled) {}, 0, 0},
		"between two lines": {
			marks(1, 2500) + listing + marks(2501, services), false,
			func(t *testing.T, _ *director, program *stalled) { program.waitForOutput(t) }, 2500, 2500,
		},
		"at the first":    {whole + listing, false, atMark(1), 1, services},
		"among the first": {whole + listing, false, atMark(700), 700, services},
		"in the middle":   {whole + listing, false, atMark(2000), 2000, services},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t)
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer write.Close()
			program := d.startStalled(t, read, d.ours, "-R")
			read.Close()
			if _, err := io.WriteString(write, test.stdin); err != nil { // more than a pipe holds, so the program reads
				t.Fatal(err)
			}
			if !test.open {
				write.Close()
			}
			test.wait(t, d, program)
			program.Process.Signal(syscall.SIGINT)
			if status := program.end(); status != "signal: interrupt" {
				t.Error(status)
			}
			table := d.mustRun(t, "ipvsadm", "-Sn")
			if done := strings.Count(table, "\n"); !strings.HasPrefix(whole, table) || done < test.least || done > test.most {
				t.Errorf("%d services, want %d to %d: %.200s", done, test.least, test.most, table)
			} else {
				t.Logf("%d of %d lines were carried out", done, services)
			}
		})
	}
}

// TestInterruptedBeforeChanges interrupts ipvsadm-restore while it reads, and while it waits for another restore.
func TestInterruptedBeforeChanges(t *testing.T) {
	d := newDirector(t)
	d.restore(t, numbered(1))
	before := d.mustRun(t, "ipvsadm", "-Sn")
	lock, err := restore.Lock(t.Context(), restore.LockFile, func(string) {})
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	defer lock.Close()
	for name, feed := range map[string]func(*os.File){
		"while it reads": func(stdin *os.File) { io.WriteString(stdin, marks(1, 3000)) },
		"while it waits": func(stdin *os.File) { stdin.Close() },
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		program := d.startStalled(t, read, d.ours+"-restore")
		read.Close()
		feed(write)
		if name == "while it waits" {
			eventually(t, 10*time.Second, "a restore that waits", func() bool { return waitsForLock(t, program.Process.Pid) })
		}
		program.Process.Signal(syscall.SIGINT)
		status := program.end()
		write.Close()
		if status != "signal: interrupt" {
			t.Errorf("%s: %s", name, status)
		}
		if after := d.mustRun(t, "ipvsadm", "-Sn"); after != before {
			t.Errorf("%s: the table changed:\n%s", name, after)
		}
	}
}

// waitsForLock reports whether a process waits for a lock on a file.
func waitsForLock(t *testing.T, pid int) bool {
	waiter := regexp.MustCompile(fmt.Sprintf(`-> FLOCK .* %d `, pid))
	return waiter.MatchString(readFile(t, "/proc/locks"))
}

// TestInterruptedSave interrupts a save to a file while it waits for a name. The file is the old one, and the folder holds
// no other.
func TestInterruptedSave(t *testing.T) {
	d := newDirector(t)
	d.restore(t, numbered(1))
	var server net.PacketConn // which answers nothing
	if err := d.do(func() (err error) {
		server, err = net.ListenPacket("udp", "127.0.0.1:53")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	writeFile(t, filepath.Join(d.directory, "resolv.conf"), "nameserver 127.0.0.1\n")
	folder := t.TempDir()
	rules := filepath.Join(folder, "rules")
	writeFile(t, rules, "old\n")
	command := exec.Command("unshare", "-m", "bash", "-c", "mount --bind resolv.conf /etc/resolv.conf && exec $0-save -f "+rules, d.ours)
	command.Dir = d.directory
	if err := d.start(command); err != nil {
		t.Fatal(err)
	}
	server.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, _, err := server.ReadFrom(make([]byte, 512)); err != nil {
		t.Error(err)
	}
	command.Process.Signal(syscall.SIGINT)
	command.Wait() // its state says the same as its error
	if status := command.ProcessState.String(); status != "signal: interrupt" {
		t.Error(status)
	}
	wantFolder(t, folder, "rules")
	if got := readFile(t, rules); got != "old\n" {
		t.Errorf("the file is now %q", got)
	}
}
