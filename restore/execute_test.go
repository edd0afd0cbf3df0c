package restore

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/tests/fakekernel"
)

// Two tables. The steps from one to the other touch a part of them.
const (
	tableBefore = `-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 2
-A -u 192.0.2.2:53 -s rr
-a -u 192.0.2.2:53 -r 10.0.0.3:53 -m -w 3
-A -f 7 -s rr
-a -f 7 -r 10.0.0.4 -w 4
`
	tableAfter = `-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 5
-a -t 192.0.2.1:80 -r 10.0.0.9:80 -m -w 9
-A -f 7 -s rr
-a -f 7 -r 10.0.0.4 -w 4
-A -f 8 -s rr
-a -f 8 -r 10.0.0.5 -w 5
`
	stepsBetween = 5 + 2 // that come or change, that leave
)

// fakeWith returns a kernel with the table that rules make in order.
func fakeWith(t *testing.T, rules string) *fakekernel.Kernel {
	t.Helper()
	k := &fakekernel.Kernel{}
	if err := Execute(t.Context(), client(t, k), "rules", readGood(t, rules).Lines, nil); err != nil {
		t.Fatal(err)
	}
	k.Changes = 0
	return k
}

// planFor returns the plan from what the kernel has to what rules describe.
func planFor(t *testing.T, k *fakekernel.Kernel, rules string) *Plan {
	t.Helper()
	plan, err := NewPlan(t.Context(), client(t, k), readGood(t, rules), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// client returns a client with a socket of its own to a kernel.
func client(t *testing.T, k *fakekernel.Kernel) *ipvs.Client {
	t.Helper()
	client, err := k.Client()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func wantState(t *testing.T, k *fakekernel.Kernel, what, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(k.State(), "\n")); diff != "" {
		t.Errorf("%s: the table (-want +got):\n%s", what, diff)
	}
}

func TestPlanExecute(t *testing.T) {
	k := fakeWith(t, tableBefore)
	plan := planFor(t, k, tableAfter)
	if err := plan.Execute(t.Context(), client(t, k), client(t, k), nil); err != nil {
		t.Fatal(err)
	}
	wantState(t, k, "carried out", fakeWith(t, tableAfter).State())
	if k.Changes != stepsBetween {
		t.Errorf("%d changes, want %d", k.Changes, stepsBetween)
	}
}

// TestPlanRefused refuses each step in turn, and then the first step of undoing too.
func TestPlanRefused(t *testing.T) {
	for at := 1; at <= stepsBetween; at++ {
		k := fakeWith(t, tableBefore)
		before := k.State()
		plan := planFor(t, k, tableAfter)
		line := slices.Concat(plan.Additions, plan.Deletions)[at-1].Number
		k.Refuse = func(change int) syscall.Errno {
			if change == at {
				return syscall.EINVAL
			}
			return 0
		}
		err := plan.Execute(t.Context(), client(t, k), client(t, k), nil)
		refusal := (&ipvs.Error{Err: syscall.EINVAL}).Reason()
		want := fmt.Sprintf("rules:%d: %s", line, refusal)
		if line == 0 {
			want = "rules: "
		}
		first, _, _ := strings.Cut(fmt.Sprint(err), "\n") // a service that is refused has the lines of its servers refused
		if !strings.HasPrefix(first, want) || !strings.Contains(first, refusal) || errors.As(err, new(*UndoError)) {
			t.Errorf("step %d refused: %v, want %s", at, err, want)
		}
		wantState(t, k, fmt.Sprintf("step %d refused", at), before)

		k = fakeWith(t, tableBefore)
		plan = planFor(t, k, tableAfter)
		last := len(plan.Additions) // the refused step does not keep those beside it from being sent
		if at > last {
			last += len(plan.Deletions)
		}
		k.Refuse = func(change int) syscall.Errno {
			if change == at || change == last+1 {
				return syscall.EINVAL
			}
			return 0
		}
		err = plan.Execute(t.Context(), client(t, k), client(t, k), nil)
		var undo *UndoError
		if !errors.As(err, &undo) || !errors.Is(undo, syscall.EINVAL) || !strings.Contains(err.Error(), "\nthe table is not as it was: rules") {
			t.Errorf("step %d refused, and its undoing: %v", at, err)
		}
	}
}

// TestPlanCannotLook cannot read the table when it should undo.
func TestPlanCannotLook(t *testing.T) {
	k := fakeWith(t, tableBefore)
	plan := planFor(t, k, tableAfter)
	k.Refuse = func(change int) syscall.Errno { return map[int]syscall.Errno{2: syscall.EINVAL}[change] }
	spare := client(t, k)
	spare.Close()
	var undo *UndoError
	if err := plan.Execute(t.Context(), client(t, k), spare, nil); !errors.As(err, &undo) || !strings.Contains(err.Error(), "the socket is closed") {
		t.Errorf("error %v", err)
	}
}

// TestPlanBrokenOff loses the reply to the changes. Some may have been made, so the spare client undoes them.
func TestPlanBrokenOff(t *testing.T) {
	lost := errors.New("lost")
	for at := 1; at <= stepsBetween; at++ {
		k := fakeWith(t, tableBefore)
		before := k.State()
		plan := planFor(t, k, tableAfter)
		k.Fail = func(change int) error {
			if change == at {
				return lost
			}
			return nil
		}
		if err := plan.Execute(t.Context(), client(t, k), client(t, k), nil); !errors.Is(err, lost) || errors.As(err, new(*UndoError)) {
			t.Errorf("lost after step %d: %v", at, err)
		}
		wantState(t, k, fmt.Sprintf("lost after step %d", at), before)
	}
}

// TestPlanBesideOthers has other programs change the table after the plan was made.
func TestPlanBesideOthers(t *testing.T) {
	other := func(k *fakekernel.Kernel, lines string) {
		if err := Execute(t.Context(), client(t, k), "other", readGood(t, lines).Lines, nil); err != nil {
			t.Fatal(err)
		}
	}
	// A server that should leave is gone.
	k := fakeWith(t, tableBefore)
	plan := planFor(t, k, tableAfter)
	other(k, "-D -u 192.0.2.2:53\n-d -t 192.0.2.1:80 -r 10.0.0.2:80\n")
	if err := plan.Execute(t.Context(), client(t, k), client(t, k), nil); err != nil {
		t.Errorf("gone already: %v", err)
	}
	wantState(t, k, "gone already", fakeWith(t, tableAfter).State())

	// The same, and then the reply is lost. That is a failure, and the rest comes back.
	k = fakeWith(t, tableBefore)
	plan = planFor(t, k, tableAfter)
	other(k, "-D -u 192.0.2.2:53\n")
	k.Changes = 0
	k.Fail = func(change int) error {
		if change == stepsBetween {
			return syscall.ENOBUFS
		}
		return nil
	}
	if err := plan.Execute(t.Context(), client(t, k), client(t, k), nil); !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("gone already, and lost: %v", err)
	}

	// A server that should change is gone. That is a failure. The changes of others stay.
	k = fakeWith(t, tableBefore)
	plan = planFor(t, k, tableAfter)
	other(k, "-d -t 192.0.2.1:80 -r 10.0.0.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.77:80 -m\n-A -f 99 -s rr\n")
	want := k.State()
	err := plan.Execute(t.Context(), client(t, k), client(t, k), nil)
	if err == nil || err.Error() != "rules:2: No such destination" {
		t.Errorf("gone, and was to change: %v", err)
	}
	wantState(t, k, "gone, and was to change", want)
}

// TestPlanCancelled cancels between the additions and the deletions.
func TestPlanCancelled(t *testing.T) {
	k := fakeWith(t, tableBefore)
	before := k.State()
	plan := planFor(t, k, tableAfter+"-L\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	err := plan.Execute(ctx, client(t, k), client(t, k), func(command.Command) error {
		if k.State() == before {
			t.Error("nothing has come yet")
		}
		cancel(enough)
		return context.Cause(ctx)
	})
	if !errors.Is(err, enough) || errors.As(err, new(*UndoError)) {
		t.Errorf("error %v", err)
	}
	wantState(t, k, "cancelled", before)
}

// TestExecute refuses changes at the borders of batches, with commands that change nothing between them.
func TestExecute(t *testing.T) {
	const services = 2*mostChanges + 10
	refused := []int{1, 2, 64, 65, mostChanges, mostChanges + 1, services}
	var lines strings.Builder
	for mark := 1; mark <= services; mark++ {
		fmt.Fprintf(&lines, "-A -f %d -s rr\n", mark)
		if mark == 100 {
			lines.WriteString("-L\n")
		}
	}
	k := &fakekernel.Kernel{Refuse: func(change int) syscall.Errno {
		if slices.Contains(refused, change) {
			return syscall.EINVAL
		}
		return 0
	}}
	listed := 0
	err := Execute(t.Context(), client(t, k), "rules", readGood(t, lines.String()).Lines, func(c command.Command) error {
		listed = k.Services()
		return errors.New("no listing")
	})
	if listed != 96 { // of the first 100 but for 4 that were refused
		t.Errorf("%d services when the listing came", listed)
	}
	var want []string
	for _, change := range refused {
		line := change
		if change > 100 {
			line++
		}
		want = append(want, fmt.Sprintf("rules:%d: %s", line, (&ipvs.Error{Err: syscall.EINVAL}).Reason()))
	}
	want = slices.Insert(want, 4, "rules:101: no listing")
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if k.Services() != services-len(refused) || k.Changes != services {
		t.Errorf("%d services after %d changes", k.Services(), k.Changes)
	}
}

// TestExecuteBrokenOff sends nothing more when a reply is lost.
func TestExecuteBrokenOff(t *testing.T) {
	k := &fakekernel.Kernel{Fail: func(int) error { return syscall.ENOBUFS }}
	err := Execute(t.Context(), client(t, k), "rules", readGood(t, "-A -f 1\n-L\n-A -f 2\n").Lines, func(command.Command) error {
		t.Error("it went on")
		return nil
	})
	if !errors.Is(err, syscall.ENOBUFS) || k.Changes != 1 {
		t.Errorf("%d changes, error %v", k.Changes, err)
	}
}

// TestReserve reserves for a plan, and for one that is too big for any machine.
func TestReserve(t *testing.T) {
	processors := runtime.GOMAXPROCS(0)
	k := fakeWith(t, tableBefore)
	release, err := planFor(t, k, tableAfter).Reserve()
	if err != nil {
		t.Fatal(err)
	}
	if now := runtime.GOMAXPROCS(0); now != 1 {
		t.Errorf("%d processors", now)
	}
	release()
	if now := runtime.GOMAXPROCS(0); now != processors {
		t.Errorf("%d processors afterwards, want %d", now, processors)
	}
	if err := memory(1 << 50); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("a petabyte: %v", err)
	}
}
