package restore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
)

// mh returns the rules of a service of mh with servers by their numbers, in that order.
func mh(servers ...int) string {
	text := "-A -t 192.0.2.1:80 -s mh\n"
	for _, n := range servers {
		text += fmt.Sprintf("-a -t 192.0.2.1:80 -r 10.0.0.%d:80 -i -w 1 --tun-type ipip\n", n)
	}
	return text
}

// movedServers returns the numbers of the servers that a plan moves, as in "2 3".
func movedServers(t *testing.T, plan *Plan) string {
	t.Helper()
	var numbers []string
	for pair := range slices.Chunk(plan.Moves, 2) {
		deletion, addition := pair[0].Command, pair[1].Command
		if deletion.Kind != command.DeleteServer || addition.Kind != command.AddServer || deletion.Server.Address != addition.Server.Address {
			t.Errorf("not a move: %v", pair)
		}
		octets := addition.Server.Address.Addr().As4()
		numbers = append(numbers, fmt.Sprint(octets[3]))
	}
	return strings.Join(numbers, " ")
}

func TestMoves(t *testing.T) {
	for _, test := range []struct {
		name          string
		current, file string
		keep          bool
		want          string
	}{
		{name: "the same order", current: mh(1, 2, 3), file: mh(1, 2, 3)},
		{name: "into an empty table", file: mh(3, 1, 2)},
		{name: "one to the end", current: mh(1, 2, 3), file: mh(1, 3, 2), want: "2"},
		{name: "one to the beginning", current: mh(1, 2, 3), file: mh(3, 1, 2), want: "1 2"},
		{name: "all", current: mh(1, 2, 3), file: mh(3, 2, 1), want: "2 1"},
		{name: "a new one in the middle", current: mh(1, 2, 3), file: mh(1, 9, 2, 3), want: "2 3"},
		{name: "a new one at the end", current: mh(1, 2), file: mh(1, 2, 3)},
		{name: "one that leaves", current: mh(1, 2, 3), file: mh(1, 3)},
		{name: "new and gone ones", current: mh(1, 2, 3, 4), file: mh(5, 4, 3), want: "4 3"},
		{name: "kept ones come first", current: mh(1, 2), file: mh(2, 3), keep: true},
		{name: "a scheduler without order", current: mh(1, 2), file: strings.Replace(mh(2, 1), "mh", "wlc", 1)},
		{name: "a scheduler that becomes mh", current: strings.Replace(mh(1, 2), "mh", "wlc", 1), file: mh(2, 1), want: "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := newPlan(readGood(t, test.file), kernelWith(t, test.current), Options{Keep: test.keep})
			if err != nil {
				t.Fatal(err)
			}
			if got := movedServers(t, plan); got != test.want {
				t.Errorf("moves %q, want %q", got, test.want)
			}
		})
	}
}

// TestMovesLeadToTheOrder executes plans between random tables in a table of its own, which adds servers at the end as the
// kernel does.
func TestMovesLeadToTheOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	some := func() string {
		servers := r.Perm(8)[:1+r.IntN(8)]
		return mh(servers...)
	}
	for range 300 {
		current, file := some(), some()
		plan, err := newPlan(readGood(t, file), kernelWith(t, current), Options{Reorder: true})
		if err != nil {
			t.Fatal(err)
		}
		result := emptyTable()
		lines := string(plan.AppendRules([]byte(current)))
		lines = strings.Replace(lines, mh()+mh(), mh(), 1)
		if err := result.applyAll(readGood(t, lines), make(excuses)); err != nil {
			t.Fatalf("%v:\n%s", err, lines)
		}
		got := mh()
		for _, s := range result.services {
			for _, server := range s.servers {
				got += string(serverLine(command.AddServer, s, server).Command.AppendRule(nil, nil)) + "\n"
			}
		}
		if diff := cmp.Diff(file, got); diff != "" {
			t.Fatalf("from\n%sthe plan\n%sleads to (-want +got):\n%s", current, lines, diff)
		}
	}
}

// TestUnwantedMoves checks that moves are comments without Reorder, and are not executed.
func TestUnwantedMoves(t *testing.T) {
	rules := readGood(t, mh(2, 1))
	plan, err := newPlan(rules, kernelWith(t, mh(1, 2)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := "the servers of TCP 192.0.2.1:80 are in another order than in rules, so mh chooses other servers for some clients than on a " +
		"director that began with this file; --reorder would delete and add 1 of them, one at a time"
	want := "# " + text + ":\n# -d -t 192.0.2.1:80 -r 10.0.0.1:80\n# -a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip\n"
	if got := string(plan.AppendRules(nil)); got != want || plan.Unordered() != text {
		t.Errorf("plan %q\nand %q", got, plan.Unordered())
	}
	plan, err = newPlan(rules, kernelWith(t, mh(1, 2)), Options{Reorder: true})
	if err != nil {
		t.Fatal(err)
	}
	want = "-d -t 192.0.2.1:80 -r 10.0.0.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip\n"
	if got := string(plan.AppendRules(nil)); got != want || plan.Unordered() != "" {
		t.Errorf("with Reorder: plan %q\nand %q", got, plan.Unordered())
	}
}
