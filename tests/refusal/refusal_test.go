// Package refusal compares the messages of this program and the original for every operation that the kernel can refuse
// and every errno. A real kernel returns few of them, so here the test plays the kernel.
package refusal

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"ipvsadm/ipvs"
)

const (
	original = "/usr/sbin/ipvsadm"
	ours     = "../../ipvsadm"

	// words holds the original's messages, for the tests of ipvs.
	words = "../../ipvs/testdata/reasons.txt"
)

var update = flag.Bool("update", false, "write the original's messages to "+words)

// errnos are all numbers of Linux, with 41 and 58, which have no meaning, one number above the last, and ENOTSUPP, which
// the kernel should not return and sometimes does.
var errnos = func() (all []syscall.Errno) {
	for errno := syscall.Errno(1); errno <= 134; errno++ {
		all = append(all, errno)
	}
	return append(all, 524)
}()

const service, server = " -t 192.0.2.1:80", " -r 10.0.0.1:80"

// operations holds every operation and the commands that need it. The one without a name is the request for the family.
var operations = []struct {
	name     ipvs.Operation
	refused  request
	commands []string
}{
	{"", request{family: true}, []string{"-Ln"}},
	{ipvs.OpGetInfo, request{command: getInfo}, []string{"-Lnc", "-C"}},
	{ipvs.OpListServices, request{command: getService, dump: true}, []string{"-Ln", "-Sn"}},
	{ipvs.OpGetService, request{command: getService}, []string{"-Ln" + service}},
	{ipvs.OpListDestinations, request{command: getDestination, dump: true}, []string{"-Ln", "-Ln" + service}},
	{ipvs.OpGetTimeouts, request{command: getConfig}, []string{"-L --timeout"}},
	{ipvs.OpListDaemons, request{command: getDaemon, dump: true}, []string{"-L --daemon"}},
	{ipvs.OpAddService, request{command: newService}, []string{"-A" + service + " -s rr", "-R <<<'-A" + service + " -s rr'"}},
	{ipvs.OpEditService, request{command: setService}, []string{"-E" + service + " -s rr"}},
	{ipvs.OpDeleteService, request{command: deleteService}, []string{"-D" + service}},
	{ipvs.OpAddDestination, request{command: newDestination}, []string{"-a" + service + server}},
	{ipvs.OpEditDestination, request{command: setDestination}, []string{"-e" + service + server + " -w 2"}},
	{ipvs.OpDeleteDestination, request{command: deleteDestination}, []string{"-d" + service + server}},
	{ipvs.OpZero, request{command: zero}, []string{"-Z", "-Z" + service}},
	{ipvs.OpFlush, request{command: flush}, []string{"-C"}},
	{ipvs.OpSetTimeouts, request{command: setConfig}, []string{"--set 1 2 3"}},
	{ipvs.OpStartDaemon, request{command: newDaemon}, []string{"--start-daemon master --mcast-interface lo"}},
	{ipvs.OpStopDaemon, request{command: deleteDaemon}, []string{"--stop-daemon master"}},
}

// TestEveryErrno refuses each operation with each errno, under both programs. The exit status and standard error are the
// same, except for what differs returns.
func TestEveryErrno(t *testing.T) {
	needTrap(t)
	general, err := refuse(original+" -C", request{command: flush})
	if err != nil {
		t.Fatal(err)
	}
	recorded := make([]strings.Builder, len(operations))
	var compared atomic.Int32
	t.Run("operations", func(t *testing.T) {
		for i, operation := range operations {
			t.Run(string(operation.name), func(t *testing.T) {
				t.Parallel()
				for j, command := range operation.commands {
					want, err := refuse(original+" "+command+" 2>&1 >/dev/null", operation.refused)
					if err != nil {
						t.Fatal(err)
					}
					got, err := refuse(ours+" "+command+" 2>&1 >/dev/null", operation.refused)
					if err != nil {
						t.Fatal(err)
					}
					for _, errno := range errnos {
						compared.Add(1)
						if j == 0 {
							fmt.Fprintf(&recorded[i], "%s\t%d\t%s\n", operation.name, errno, want[errno].reason())
						}
						if want, got := differs(operation.name, errno, want[errno], general[errno]), got[errno]; got != want {
							t.Errorf("ipvsadm %s, error %d: %+v\nthe original: %+v", command, errno, got, want)
						}
					}
				}
			})
		}
	})
	t.Logf("%d refusals compared", compared.Load())
	if *update {
		var all strings.Builder
		for i := range recorded {
			if name := operations[i].name; name != "" && !silent(name) {
				all.WriteString(recorded[i].String())
			}
		}
		if err := os.WriteFile(words, []byte(all.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// needTrap skips the test where a program is missing, or where system calls cannot be trapped.
func needTrap(t *testing.T) {
	t.Helper()
	for _, program := range []string{original, ours} {
		if _, err := os.Stat(program); err != nil {
			t.Skipf("run make tools all first: %v", err)
		}
	}
	nothing := func(string, []byte) ([][]byte, error) { return nil, nil }
	if _, err := run(exec.Command("/bin/true"), nothing); err != nil {
		t.Skipf("system calls cannot be trapped here: %v", err)
	}
}

// outcome is the exit status and the message of a refusal.
type outcome struct{ status, text string }

// reason returns the part of the message for the errno.
func (o outcome) reason() string {
	reason, _, _ := strings.Cut(strings.TrimPrefix(o.text, "Can't initialize ipvs: "), "\n")
	return reason
}

// silent reports whether the original prints nothing when an operation is refused.
func silent(operation ipvs.Operation) bool {
	return operation == ipvs.OpGetTimeouts || operation == ipvs.OpListDaemons
}

const unavailable = "Can't initialize ipvs: %sAre you sure that IP Virtual Server is built in the kernel or as module?\n"

// differs returns the message of this program, where it differs from the original's on purpose: it has a reason where the
// original has none, or where the original always prints the same one.
func differs(operation ipvs.Operation, errno syscall.Errno, original, general outcome) outcome {
	switch {
	case silent(operation):
		original.text = general.text
	case operation == "" && errno != syscall.ENOENT:
		original.text = fmt.Sprintf(unavailable, general.text)
	}
	return original
}

// refuse runs a command once for each errno, with which the kernel refuses a request.
func refuse(command string, refused request) (map[syscall.Errno]outcome, error) {
	// The output stands between the errno and the status, separated by control characters.
	var loop strings.Builder
	loop.WriteString("for ERRNO in")
	for _, errno := range errnos {
		fmt.Fprintf(&loop, " %d", errno)
	}
	loop.WriteString("; do export ERRNO; printf '\\1%s\\2' $ERRNO; " + command + "; printf '\\2%s' $?; done")
	out, err := run(exec.Command("/bin/bash", "-c", loop.String()), func(process string, messages []byte) ([][]byte, error) {
		errno, err := errnoOf(process)
		if err != nil {
			return nil, err
		}
		return answer(messages, refused, errno)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", command, err, out)
	}
	all := make(map[syscall.Errno]outcome)
	for part := range strings.SplitSeq(strings.TrimPrefix(string(out), "\x01"), "\x01") {
		fields := strings.Split(part, "\x02")
		number, err := strconv.Atoi(fields[0])
		if err != nil || len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q", command, part)
		}
		// The original tries modprobe for any error, this program if there is no such family. This program names the line of a
		// file, and may add a hint.
		text := strings.TrimPrefix(aside.ReplaceAllString(fields[1], ""), "stdin:1: ")
		all[syscall.Errno(number)] = outcome{fields[2], text}
	}
	return all, nil
}

// aside matches the lines that are not compared.
var aside = regexp.MustCompile(`(?m)^(modprobe|hint): .*\n`)

// errnoOf reads the errno from the environment of a process, whose folder in /proc it gets.
func errnoOf(process string) (syscall.Errno, error) {
	variables, err := os.ReadFile(process + "/environ")
	if err != nil {
		return 0, err
	}
	for variable := range bytes.SplitSeq(variables, []byte{0}) {
		if number, ok := bytes.CutPrefix(variable, []byte("ERRNO=")); ok {
			errno, err := strconv.Atoi(string(number))
			return syscall.Errno(errno), err
		}
	}
	return 0, fmt.Errorf("%s was started without an errno", process)
}
