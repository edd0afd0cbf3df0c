package restore

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/tests/fakekernel"
)

// TestUndoOwn has lines that undo the plan's own changes, and lines that would undo those of others.
func TestUndoOwn(t *testing.T) {
	var done []*Line
	for _, line := range readGood(t, `
-A -f 1 -s rr
-a -f 1 -r 192.0.2.1
-E -f 2 -s rr
-e -f 3 -r 192.0.2.1 -w 4
-d -f 3 -r 192.0.2.2
-D -f 4
-Z -f 6`).Lines {
		done = append(done, &line)
	}
	mine := touchedBy(done)
	for _, line := range readGood(t, `
-D -f 1
-d -f 1 -r 192.0.2.1
-E -f 2 -s wlc
-e -f 3 -r 192.0.2.1
-a -f 3 -r 192.0.2.2
-A -f 4 -s wlc
-a -f 4 -r 192.0.2.3`).Lines {
		if !mine.has(line) {
			t.Errorf("not the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
	for _, line := range readGood(t, `
-D -f 6
-e -f 2 -r 192.0.2.1
-E -f 3 -s rr
-e -f 3 -r 192.0.2.3
-A -f 5 -s wlc
-D -f 1 -6`).Lines {
		if mine.has(line) {
			t.Errorf("the plan's own: %s", line.Command.AppendRule(nil, nil))
		}
	}
}

// TestUndoSettings refuses each step of plans that change timeouts, daemons or both.
func TestUndoSettings(t *testing.T) {
	const before = "--set 11 12 13\n--start-daemon backup --mcast-interface eth0 --syncid 1\n"
	for settings, steps := range map[string]int{
		"--set 21 22 23\n": 2,
		"--start-daemon master --mcast-interface eth0\n":               2,
		"--start-daemon backup --mcast-interface eth0 --syncid 2\n":    3,
		"--set 0 0 23\n--start-daemon master --mcast-interface eth0\n": 3,
	} {
		for at := 1; at <= steps; at++ {
			k := fakeWith(t, before)
			timeouts, daemons := settingsOf(t, k)
			plan := planFor(t, k, settings+"-A -f 1\n")
			k.Refuse = func(change int) syscall.Errno { return map[int]syscall.Errno{at: syscall.EINVAL}[change] }
			err := plan.Execute(t.Context(), client(t, k), client(t, k), nil)
			if !errors.Is(err, syscall.EINVAL) || errors.As(err, new(*UndoError)) {
				t.Errorf("step %d of %s%v", at, settings, err)
			}
			nowTimeouts, nowDaemons := settingsOf(t, k)
			if nowTimeouts != timeouts || !slices.Equal(nowDaemons, daemons) || k.Services() != 0 {
				t.Errorf("step %d of %sleaves %v, %v and %d services", at, settings, nowTimeouts, nowDaemons, k.Services())
			}
		}
	}
}

func settingsOf(t *testing.T, k *fakekernel.Kernel) (ipvs.Timeouts, []ipvs.Daemon) {
	t.Helper()
	timeouts, err := client(t, k).Timeouts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	daemons, err := client(t, k).Daemons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return timeouts, daemons
}

func TestWithoutGone(t *testing.T) {
	gone := &Error{"rules", 1, refusal(&command.Command{Kind: command.DeleteServer}, 2)}
	goneService := &Error{"rules", 2, refusal(&command.Command{Kind: command.DeleteService}, 3)}
	denied := &Error{"rules", 3, refusal(&command.Command{Kind: command.DeleteService}, 1)}
	missing := &Error{"rules", 4, refusal(&command.Command{Kind: command.EditServer}, 2)}
	if err := withoutGone(errors.Join(gone, goneService)); err != nil {
		t.Errorf("what is gone already: %v", err)
	}
	if err := withoutGone(nil); err != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := withoutGone(errors.Join(gone, denied, missing)); fmt.Sprint(err) != fmt.Sprint(errors.Join(denied, missing)) {
		t.Errorf("of four: %v", err)
	}
}
