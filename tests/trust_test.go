package tests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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

// shell runs a shell's line in the pair's namespace of ours; $ipvsadm and $original are the programs.
func (p *pair) shell(t *testing.T, line string) said {
	t.Helper()
	command := exec.Command("bash", "-c", line)
	command.Dir = p.directory
	command.Env = append(os.Environ(), "ipvsadm="+p.ours, "original="+original)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := p.oursSpace.do(command.Start); err != nil {
		t.Fatal(err)
	}
	command.Wait() // its status is what counts
	return said{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// marks returns rules for many services, whose listing has 27 bytes each or more.
func marks(from, to int) string {
	var b strings.Builder
	for mark := from; mark <= to; mark++ {
		fmt.Fprintf(&b, "-A -f %d -s rr -p 300\n", mark)
	}
	return b.String()
}

// TestFailingOutput is about output that goes nowhere. The original notices nothing of it.
func TestFailingOutput(t *testing.T) {
	p := home(t)
	p.must(t, marks(1, 30), "ipvsadm", "-R")
	before := p.must(t, "", "ipvsadm", "-Sn")
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
		{"$ipvsadm -v >/dev/full", 1, full},
		{"echo -f 1 | ${ipvsadm}-restore --dry-run >/dev/full; echo -A -f 1 | ${ipvsadm}-restore --dry-run >/dev/full", 1, "stdin:1: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n" + full},
		// What was closed is /dev/null to us, and never the socket or a file of ours. (To the original it is either.)
		{"$ipvsadm -Ln >&-", 0, ""},
		{"$ipvsadm -Ln <&- >&- 2>&-", 0, ""},
		{"$ipvsadm -A -f 7 -s rr >&- 2>&-", 255, ""},
		{"$ipvsadm -R <&-", 0, ""},
	} {
		said := p.shell(t, test.line)
		if said.status != test.status || said.stderr != test.stderr || said.stdout != "" {
			t.Errorf("%s: %s", test.line, said)
		}
	}
	if after := p.must(t, "", "ipvsadm", "-Sn"); after != before {
		t.Errorf("the table changed:\n%s", after)
	}

	// A pipe that nobody reads ends us as it ends the original, by its signal.
	p.must(t, marks(31, 3000), "ipvsadm", "-R") // whose listing is more than a pipe holds
	for _, program := range []string{"$ipvsadm", "$original"} {
		said := p.shell(t, program+" -Ln | head -1; exit ${PIPESTATUS[0]}")
		if said.status != 128+int(syscall.SIGPIPE) || strings.Count(said.stdout, "\n") != 1 || said.stderr != "" {
			t.Errorf("%s: %s", program, said)
		}
	}
}

// TestFullDisk saves to a disk that holds no more: the file is the old one, and no other is left beside it.
func TestFullDisk(t *testing.T) {
	p := home(t)
	p.must(t, marks(1, 1000), "ipvsadm", "-R")
	said := p.shell(t, `mkdir disk && unshare -m bash -c 'mount -t tmpfs -o size=16k none disk && echo old >disk/rules &&
		${ipvsadm}-save -n -f disk/rules; echo status $?; ls -A disk; cat disk/rules'`)
	if want := "status 1\nrules\nold\n"; said.stdout != want || !strings.HasSuffix(said.stderr, "no space left on device\n") {
		t.Errorf("%s", said)
	}
}

// TestInterruptedListing interrupts a long listing whose reader has stopped reading.
func TestInterruptedListing(t *testing.T) {
	p := home(t)
	p.must(t, marks(1, 3000), "ipvsadm", "-R") // whose every listing is more than a pipe holds
	for _, test := range []struct {
		words  string
		signal syscall.Signal
	}{
		{"-Ln", syscall.SIGINT}, {"-Ln", syscall.SIGTERM}, {"-Ln --format json", syscall.SIGINT}, {"-Sn", syscall.SIGINT},
	} {
		words := strings.Fields(test.words)
		whole := p.must(t, "", append([]string{"ipvsadm"}, words...)...)
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, p.ours, words...)
		command.Stdout = write
		if err := p.oursSpace.do(command.Start); err != nil {
			t.Fatal(err)
		}
		write.Close()
		lines := bufio.NewReader(read)
		first, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("%s: first line %q, %v", test.words, first, err)
		}
		command.Process.Signal(test.signal)
		command.Wait() // its status is what counts
		if status := command.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != test.signal {
			t.Errorf("%s: it ended with %v", test.words, command.ProcessState)
		}
		var rest bytes.Buffer
		rest.ReadFrom(lines)
		if got := first + rest.String(); !strings.HasPrefix(whole, got) || got == whole {
			t.Errorf("%s: %d bytes that are not the beginning of a listing", test.words, len(got))
		}
		read.Close()
	}
}

// TestRestoreStoppedHalfWay stops a restore between the services that come and those that go, where it waits for somebody
// to read the listing that its file asks for: by a signal, or by reading no more. The table is as it was.
func TestRestoreStoppedHalfWay(t *testing.T) {
	p := home(t)
	p.must(t, marks(1, 2500), "ipvsadm", "-R")
	before := p.must(t, "", "ipvsadm", "-Sn")
	file := filepath.Join(p.directory, "rules")
	if err := os.WriteFile(file, []byte(marks(2001, 3500)+strings.Repeat("-L -n\n", 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	interrupt := func(signal syscall.Signal) func(*os.Process, *os.File) {
		return func(process *os.Process, _ *os.File) { process.Signal(signal) } // and read no more
	}
	for _, test := range []struct {
		name   string
		stop   func(*os.Process, *os.File)
		status string
		stderr string
	}{
		{"SIGINT", interrupt(syscall.SIGINT), "signal: interrupt", "interrupted by SIGINT: the table is as it was before\n"},
		{"SIGTERM", interrupt(syscall.SIGTERM), "signal: terminated", "interrupted by SIGTERM: the table is as it was before\n"},
		{"SIGHUP", interrupt(syscall.SIGHUP), "signal: hangup", "interrupted by SIGHUP: the table is as it was before\n"},
		{"SIGQUIT", interrupt(syscall.SIGQUIT), "exit status 131", "interrupted by SIGQUIT: the table is as it was before\n"},
		{"a closed end", func(_ *os.Process, read *os.File) { read.Close() }, "exit status 1", file + ":1501: write /dev/stdout: broken pipe\n" +
			file + ":1502: write /dev/stdout: broken pipe\n" + file + ":1503: write /dev/stdout: broken pipe\n"},
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, p.ours+"-restore", "-f", file)
		var stderr bytes.Buffer
		command.Stdout, command.Stderr = write, &stderr
		if err := p.oursSpace.do(command.Start); err != nil {
			t.Fatal(err)
		}
		write.Close()
		if _, err := io.ReadFull(read, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		test.stop(command.Process, read)
		command.Wait() // its status is what counts
		read.Close()
		if status := command.ProcessState.String(); status != test.status || stderr.String() != test.stderr {
			t.Errorf("%s: %s, %q, want %s, %q", test.name, status, stderr.String(), test.status, test.stderr)
		}
		if after := p.must(t, "", "ipvsadm", "-Sn"); after != before {
			t.Errorf("%s: the table is not as it was: %d lines and not %d: %q", test.name, strings.Count(after, "\n"), strings.Count(before, "\n"), stderr.String())
		}
	}
}

// TestInterruptedRestore interrupts ipvsadm-restore at many moments. The table is the old one or the new one, and its
// status tells which.
func TestInterruptedRestore(t *testing.T) {
	p := home(t)
	const services, moments = 1000, 8
	tables := [2]string{marks(1, services), marks(services/2, services/2+services)}
	restore := func(file string, signal syscall.Signal, after time.Duration) said {
		command := exec.Command(p.ours+"-restore", "-f", file)
		var stderr bytes.Buffer
		command.Stderr = &stderr
		if err := p.oursSpace.do(command.Start); err != nil {
			t.Fatal(err)
		}
		if signal != 0 {
			time.Sleep(after)
			command.Process.Signal(signal)
		}
		command.Wait() // its status is what counts
		return said{command.ProcessState.ExitCode(), "", stderr.String()}
	}
	var files [2]string
	for i, table := range tables {
		files[i] = filepath.Join(p.directory, fmt.Sprint(i))
		if err := os.WriteFile(files[i], []byte(table), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said := restore(files[0], 0, 0); said.status != 0 {
		t.Fatalf("%s", said)
	}
	start := time.Now()
	if said := restore(files[1], 0, 0); said.status != 0 {
		t.Fatalf("%s", said)
	}
	takes := time.Since(start)
	is, undone, finished := 1, 0, 0
	for moment := range moments {
		signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}[moment%4]
		said := restore(files[1-is], signal, takes*time.Duration(moment+1)/moments)
		table := p.must(t, "", "ipvsadm", "-Sn")
		switch {
		case said.status == 0 && sameLines(table, tables[1-is]):
			is = 1 - is
			finished++
		case said.status != 0 && sameLines(table, tables[is]):
			undone++
		default:
			t.Errorf("%v after %d of %d: status %d, %q, and a table of %d lines that is %v the old one, %v the new one", signal, moment+1,
				moments, said.status, said.stderr, strings.Count(table, "\n"), sameLines(table, tables[is]), sameLines(table, tables[1-is]))
			restore(files[is], 0, 0)
		}
	}
	t.Logf("of %d interrupted restores, %d were undone or had not begun, and %d had come to their end", moments, undone, finished)
	if undone == 0 {
		t.Error("no restore was interrupted")
	}
}

// TestInterruptedInOrder interrupts ipvsadm -R: while it reads, where nothing may be done yet; between two lines, where it
// waits for somebody to read its listing; and among many. The lines up to one are done and none after it, and it ends by
// the signal, as the original does.
func TestInterruptedInOrder(t *testing.T) {
	const services = 4000
	whole := marks(1, services)
	const listing = "-L -n\n-L -n\n-L -n\n" // of some thousand services: it does not end before somebody reads it
	for name, test := range map[string]struct {
		stdin string
		open  bool                                 // that is not all: stdin is not at its end
		wait  func(p *pair, stdout *os.File) error // until it is to be interrupted
		least int                                  // services that must be there
		most  int
	}{
		"while it reads": {whole, true, func(p *pair, _ *os.File) error { return nil }, 0, 0},
		"between two lines": {
			marks(1, 2500) + listing + marks(2501, services), false,
			func(_ *pair, stdout *os.File) error {
				_, err := io.ReadFull(stdout, make([]byte, 100))
				return err
			}, 2500, 2500,
		},
		"at the first":    {whole + listing, false, func(p *pair, _ *os.File) error { return p.waitForMark(1) }, 1, services},
		"among the first": {whole + listing, false, func(p *pair, _ *os.File) error { return p.waitForMark(700) }, 700, services},
		"in the middle":   {whole + listing, false, func(p *pair, _ *os.File) error { return p.waitForMark(2000) }, 2000, services},
	} {
		t.Run(name, func(t *testing.T) {
			p := home(t)
			stdinRead, stdinWrite, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdinWrite.Close()
			stdoutRead, stdoutWrite, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdoutRead.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, p.ours, "-R")
			command.Stdin, command.Stdout = stdinRead, stdoutWrite
			if err := p.oursSpace.do(command.Start); err != nil {
				t.Fatal(err)
			}
			stdinRead.Close()
			stdoutWrite.Close()
			if _, err := io.WriteString(stdinWrite, test.stdin); err != nil { // more than a pipe holds, so that it reads
				t.Fatal(err)
			}
			if !test.open {
				stdinWrite.Close()
			}
			if err := test.wait(p, stdoutRead); err != nil {
				t.Error(err)
			}
			command.Process.Signal(syscall.SIGINT)
			command.Wait() // its status is what counts
			if status := command.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
				t.Errorf("it ended with %v", command.ProcessState)
			}
			table := p.must(t, "", "ipvsadm", "-Sn")
			if done := strings.Count(table, "\n"); !strings.HasPrefix(whole, table) || done < test.least || done > test.most {
				t.Errorf("%d services, from %d to %d expected: %.200s", done, test.least, test.most, table)
			} else {
				t.Logf("%d of %d lines were carried out", done, services)
			}
		})
	}
}

// waitForMark waits until there is a service of a mark.
func (p *pair) waitForMark(mark uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		_, err := p.oursSpace.client.Service(ctx, ipvs.MarkService(mark, ipvs.IPv4))
		if !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
}

// TestInterruptedBeforehand interrupts ipvsadm-restore while it reads, and while it waits for another to end.
func TestInterruptedBeforehand(t *testing.T) {
	p := home(t)
	p.must(t, withServers(1), "ipvsadm", "-R")
	before := p.must(t, "", "ipvsadm", "-Sn")
	lock, err := restore.Lock(t.Context(), restore.LockFile, func(string) {})
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	defer lock.Close()
	for name, stdin := range map[string]func(*os.File){
		"while it reads": func(stdin *os.File) { io.WriteString(stdin, marks(1, 3000)) },
		"while it waits": func(stdin *os.File) { stdin.Close() },
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, p.ours+"-restore")
		command.Stdin = read
		if err := p.oursSpace.do(command.Start); err != nil {
			t.Fatal(err)
		}
		read.Close()
		stdin(write)
		for start := time.Now(); name == "while it waits" && !waitsForLock(t, command.Process.Pid); {
			if time.Since(start) > 10*time.Second {
				t.Fatal("it does not wait")
			}
		}
		command.Process.Signal(syscall.SIGINT)
		command.Wait() // its status is what counts
		write.Close()
		if status := command.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
			t.Errorf("%s: it ended with %v", name, command.ProcessState)
		}
		if after := p.must(t, "", "ipvsadm", "-Sn"); after != before {
			t.Errorf("%s: the table changed:\n%s", name, after)
		}
	}
}

// waitsForLock tells whether a process waits for a lock on a file.
func waitsForLock(t *testing.T, pid int) bool {
	waiter := regexp.MustCompile(fmt.Sprintf(`-> FLOCK .* %d `, pid))
	return waiter.MatchString(text(t, "/proc/locks"))
}

// TestInterruptedSave interrupts a save to a file while it waits for the name of an address. The file is the old one, and
// no other is left beside it.
func TestInterruptedSave(t *testing.T) {
	p := home(t)
	p.must(t, withServers(1), "ipvsadm", "-R")
	var server net.PacketConn
	if err := p.oursSpace.do(func() (err error) {
		server, err = net.ListenPacket("udp", "127.0.0.1:53") // and answer nothing
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	write(t, filepath.Join(p.directory, "resolv.conf"), "nameserver 127.0.0.1\n")
	folder := t.TempDir()
	rules := filepath.Join(folder, "rules")
	write(t, rules, "old\n")
	command := exec.Command("unshare", "-m", "bash", "-c", "mount --bind resolv.conf /etc/resolv.conf && exec $0-save -f "+rules, p.ours)
	command.Dir = p.directory
	if err := p.oursSpace.do(command.Start); err != nil {
		t.Fatal(err)
	}
	server.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, _, err := server.ReadFrom(make([]byte, 512)); err != nil {
		t.Error(err)
	}
	command.Process.Signal(syscall.SIGINT)
	command.Wait() // its status is what counts
	if status := command.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", command.ProcessState)
	}
	folderHolds(t, folder, "rules")
	if got := text(t, rules); got != "old\n" {
		t.Errorf("the file is now %q", got)
	}
}
