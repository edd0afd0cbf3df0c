package verb

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/restore"
)

// TestReport has an error of each kind, alone and inside others.
func TestReport(t *testing.T) {
	parse := &command.Error{Message: "unexpected argument x", Status: 2, Hints: []string{"first", "second"}}
	exists := &ipvs.Error{Operation: ipvs.OpAddService, Object: "tcp 192.0.2.1:80", Err: syscall.EEXIST}
	missing := &ipvs.Error{Operation: ipvs.OpDeleteService, Err: syscall.ESRCH}
	batch := func(refusals ...*ipvs.Error) *ipvs.BatchError {
		var b ipvs.BatchError
		for i, refusal := range refusals {
			b.Failures = append(b.Failures, ipvs.Failure{Index: i, Err: refusal})
		}
		return &b
	}
	line := func(number int, err error) error { return &restore.Error{Source: "rules", Line: number, Err: err} }
	full := errors.New("no space left")
	for _, test := range []struct {
		name   string
		err    error
		want   string
		status int
	}{
		{"none", nil, "", 0},
		{"other", full, "no space left\n", 255},
		{"failed", failed(full), "no space left\n", 1},
		{"usage", parse, "unexpected argument x\nhint: first\nhint: second\n", 2},
		{"refusal", exists, "Service already exists\n", 255},
		{"refused listing", failed(missing), "No such service\n", 1},
		{"refused change", batch(exists), "Service already exists\n", 255},
		{"refused changes", batch(exists, missing), batch(exists, missing).Error() + "\n", 255},
		{"hinted", &command.Hinted{Err: exists, Hints: []string{"type -E"}}, "Service already exists\nhint: type -E\n", 255},
		{"hinted change", &command.Hinted{Err: batch(missing), Hints: []string{"type -A"}}, "No such service\nhint: type -A\n", 255},
		{"hinted listing", failed(&command.Hinted{Err: missing, Hints: []string{"type -A"}}), "No such service\nhint: type -A\n", 1},
		{"line", line(3, exists), "rules:3: Service already exists\n", 255},
		{"bad line", line(3, parse), "rules:3: unexpected argument x\nhint: first\nhint: second\n", 2},
		{"lines", errors.Join(line(1, parse), errors.Join(line(2, missing), line(3, failed(full)))),
			"rules:1: unexpected argument x\nhint: first\nhint: second\nrules:2: No such service\nrules:3: no space left\n", 2},
		{"lines, the last with a status", errors.Join(line(2, missing), line(3, parse)),
			"rules:2: No such service\nrules:3: unexpected argument x\nhint: first\nhint: second\n", 255},
		{"two in one message", fmt.Errorf("%w, and %w", full, exists), full.Error() + ", and " + exists.Error() + "\n", 255},
		{"plain status", cli.Exit("good bye", 7), "good bye\n", 7},
		{"two lines", errors.New("first\nsecond"), "first\nsecond\n", 255},
		{"control characters", &command.Hinted{Err: errors.New("a\x1b[2J"), Hints: []string{"b\r"}}, "a\\x1b[2J\nhint: b\\r\n", 255},
	} {
		a := newTestApp(t, "ipvsadm")
		status := a.report(test.err)
		if got := a.read(a.stderr); got != test.want || status != test.status {
			t.Errorf("%s: %q, status %d, want %q, status %d", test.name, got, status, test.want, test.status)
		}
	}
	if err := failed(nil); err != nil {
		t.Errorf("failed(nil) is %v", err)
	}
}

func TestUnavailable(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOPROTOOPT: "Can't initialize ipvs: Protocol not available\n",
		syscall.EPERM:       "Can't initialize ipvs: Permission denied (you must be root)\n",
	} {
		for _, err := range []error{errno, &ipvs.Error{Operation: ipvs.OpGetInfo, Err: errno}} {
			a := newTestApp(t, "ipvsadm")
			status := a.report(unavailable(err))
			got := a.read(a.stderr)
			want := want + "Are you sure that IP Virtual Server is built in the kernel or as module?\n"
			if errno == syscall.EPERM && os.Geteuid() == 0 && !hasNetAdmin() {
				want += "hint: this is root without the capability CAP_NET_ADMIN: a container needs it added\n"
			}
			if got != want || status != 2 {
				t.Errorf("%v: %q, status %d, want %q, status 2", err, got, status, want)
			}
		}
	}
}
