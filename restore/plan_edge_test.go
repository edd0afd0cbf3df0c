package restore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

func TestPlanOfNoTable(t *testing.T) {
	failure := errors.New("no table")
	present := kernelWith(t, small)
	whole := present.entries
	present.entries = func(yield func(ipvs.Entry, error) bool) {
		for entry := range whole {
			if !yield(entry, nil) {
				return
			}
			break
		}
		yield(ipvs.Entry{}, failure)
	}
	for _, keep := range []bool{false, true} {
		if plan, err := newPlan(readGood(t, small), present, Options{Keep: keep}); !errors.Is(err, failure) || plan != nil {
			t.Errorf("keep %v: plan %v, error %v", keep, plan, err)
		}
	}
}

func TestPlanOfWhatCannotBe(t *testing.T) {
	const file = `-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m
-E -f 1 -s rr
-D -f 1
-e -f 1 -r 192.0.2.11
-d -f 1 -r 192.0.2.11
-A -f 2 -s rr
-a -f 2 -r 192.0.2.11
-a -f 2 -r 192.0.2.11 -w 3
-e -f 2 -r 192.0.2.12
-d -f 2 -r 192.0.2.12
-A -f 2 -s wlc`
	plan, err := newPlan(readGood(t, file), kernelWith(t, small), Options{})
	const want = `rules:1: Service not defined
rules:2: No such service
rules:3: No such service
rules:4: Service not defined
rules:5: Service not defined
rules:8: Destination already exists
rules:9: No such destination
rules:10: No such destination
rules:11: Service already exists`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" || plan != nil {
		t.Errorf("plan %v, errors (-want +got):\n%s", plan, diff)
	}
}

// TestPlanKeepsNoSlice plans from a listing that reuses the memory of a service's servers, as the client's does.
func TestPlanKeepsNoSlice(t *testing.T) {
	present := kernelWith(t, small)
	whole := present.entries
	present.entries = func(yield func(ipvs.Entry, error) bool) {
		memory := make([]ipvs.ListedDestination, 9)
		for entry := range whole {
			entry.Destinations = memory[:copy(memory, entry.Destinations)]
			if !yield(entry, nil) {
				return
			}
		}
	}
	plan, err := newPlan(readGood(t, "-A -t 192.0.2.1:80 -s rr\n-A -f 7 -s wlc\n"), present, Options{})
	if err != nil {
		t.Fatal(err)
	}
	const want = "-d -t 192.0.2.1:80 -r 192.0.2.11:80\n-d -t 192.0.2.1:80 -r 192.0.2.12:80\n-d -f 7 -r 192.0.2.11:0\n"
	if got := string(plan.AppendRules(nil)); got != want {
		t.Errorf("the plan is %q", got)
	}
}

// TestPlanBack brings back a deleted service, with its servers in their order. The kernel lists them backwards.
func TestPlanBack(t *testing.T) {
	const rules = "-A -f 1 -s mh\n-a -f 1 -r 192.0.2.3:0 -g -w 1\n-a -f 1 -r 192.0.2.1:0 -g -w 1\n-a -f 1 -r 192.0.2.2:0 -g -w 1\n"
	plan, err := newPlan(readGood(t, "-C"), kernelWith(t, rules), Options{})
	if err != nil {
		t.Fatal(err)
	}
	additions, deletions := difference(emptyTable(), plan.before)
	if got := string((&Plan{Additions: additions, Deletions: deletions}).AppendRules(nil)); got != rules {
		t.Errorf("the way back is %q", got)
	}
}

// TestPlanWithoutCommands plans a file without commands.
func TestPlanWithoutCommands(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n \t\n", "ipvsadm\n"} {
		plan, err := newPlan(readGood(t, text), kernelWith(t, small), Options{})
		if !errors.Is(err, ErrNoCommands) || plan != nil || !strings.HasPrefix(err.Error(), "rules: ") {
			t.Errorf("%q: plan %v, error %v", text, plan, err)
		}
		for name, present := range map[string]kernelState{"an empty table": kernelWith(t, ""), "--noflush": kernelWith(t, small)} {
			plan, err := newPlan(readGood(t, text), present, Options{Keep: name == "--noflush"})
			if err != nil || len(plan.AppendRules(nil)) != 0 {
				t.Errorf("%q, %s: plan %v, error %v", text, name, plan, err)
			}
		}
	}
}

// TestBigPlans plans so many lines that a quadratic step would take minutes.
func TestBigPlans(t *testing.T) {
	const size = 100_000
	rules := &Rules{Source: "rules"}
	number := 0
	add := func(kind command.Kind, mark int) {
		number++
		line := Line{Number: number, Command: command.Command{Kind: kind}}
		line.Command.Service.ServiceID = ipvs.MarkService(uint32(mark), ipvs.IPv4)
		rules.Lines = append(rules.Lines, line)
	}
	for mark := range size {
		add(command.AddService, mark+1)
	}
	for mark := range size {
		add(command.DeleteService, size-mark)
	}
	start := time.Now()
	plan, err := newPlan(rules, kernelWith(t, ""), Options{})
	if err != nil || len(plan.Additions)+len(plan.Deletions) != 0 {
		t.Errorf("plan %v, error %v", plan, err)
	}
	slices.Reverse(rules.Lines)
	if _, err := newPlan(rules, kernelWith(t, ""), Options{}); err == nil {
		t.Error("no error from deleting what is not there")
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
