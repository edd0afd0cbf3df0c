package restore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// TestRandomPlans executes random plans, line by line, on tables that refuse as a kernel does. It also breaks them off and
// undoes them.
func TestRandomPlans(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	randomRules := func() string {
		var text strings.Builder
		for mark := range 4 {
			if random.IntN(3) == 0 {
				continue
			}
			fmt.Fprintf(&text, "-A -f %d -s %s\n", mark+1, []string{"rr", "wlc"}[random.IntN(2)])
			for _, i := range random.Perm(random.IntN(12)) {
				fmt.Fprintf(&text, "-a -f %d -r 192.0.2.%d -w %d\n", mark+1, i+1, random.IntN(3))
			}
		}
		for _, state := range []string{"master", "backup"} {
			switch random.IntN(3) {
			case 0:
				fmt.Fprintf(&text, "--start-daemon %s --syncid %d\n", state, random.IntN(2)+1)
			case 1:
				fmt.Fprintf(&text, "--stop-daemon %s\n", state)
			}
		}
		fmt.Fprintf(&text, "--set %d 0 %d\n", random.IntN(3), random.IntN(3))
		return text.String()
	}
	kernelTable := func(k kernelState) table {
		made := emptyTable()
		entries, _ := ipvs.Gather(k.entries)
		made.addEntries(entries...)
		made.timeouts = k.timeouts
		for _, d := range k.daemons {
			made.daemons[d.State] = daemon{Daemon: d, runs: true}
		}
		return made
	}
	apply := func(made *table, lines []Line) {
		t.Helper()
		for _, line := range lines {
			c := line.Command
			id := c.Service.ServiceID
			s := made.services[id]
			exists, serverExists := s != nil, s != nil && s.server(c.Server.Address) != nil
			runs := made.daemons[c.Daemon.State].runs
			if exists && c.Kind == command.AddService || serverExists && c.Kind == command.AddServer ||
				runs && c.Kind == command.StartDaemon || !runs && c.Kind == command.StopDaemon {
				t.Fatalf("refused: %s", c.AppendRule(nil, nil))
			}
			if err := made.apply(&line); err != nil {
				t.Fatalf("%s: %v", c.AppendRule(nil, nil), err)
			}
		}
	}
	text := func(made table) string {
		var b strings.Builder
		for _, s := range slices.SortedFunc(maps.Values(made.services), func(a, b *service) int { return a.Compare(b.ServiceID) }) {
			fmt.Fprintf(&b, "%s\n", serviceLine(command.AddService, s).Command.AppendRule(nil, nil))
			for _, d := range slices.SortedFunc(slices.Values(s.servers), func(a, b server) int { return a.Address.Compare(b.Address) }) {
				fmt.Fprintf(&b, "%s\n", serverLine(command.AddServer, s, d).Command.AppendRule(nil, nil))
			}
		}
		fmt.Fprintln(&b, made.timeouts)
		for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
			if d := made.daemons[state]; d.runs {
				fmt.Fprintln(&b, d.Daemon)
			}
		}
		return b.String()
	}
	for range 500 {
		old, rules := randomRules(), randomRules()
		plan, err := newPlan(readGood(t, rules), kernelWith(t, old), Options{})
		if err != nil {
			t.Fatal(err)
		}
		steps := append(slices.Clone(plan.Additions), plan.Deletions...)

		made := kernelTable(kernelWith(t, old))
		before := text(made)
		apply(&made, steps)
		wanted := kernelTable(kernelWith(t, rules))
		wanted.timeouts = kernelWith(t, old).timeouts.With(readGood(t, rules).Lines[len(readGood(t, rules).Lines)-1].Command.Timeouts)
		for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
			if !strings.Contains(rules, state.String()) { // it stays as it was
				wanted.daemons[state] = kernelTable(kernelWith(t, old)).daemons[state]
			}
		}
		if diff := cmp.Diff(text(wanted), text(made)); diff != "" {
			t.Fatalf("from\n%sto\n%s(-want +got):\n%s", old, rules, diff)
		}

		made = kernelTable(kernelWith(t, old))
		done := steps[:random.IntN(len(steps)+1)]
		apply(&made, done)
		var doneLines []*Line
		for i := range done {
			doneLines = append(doneLines, &done[i])
		}
		mine := touchedBy(doneLines)
		additions, deletions := difference(made, plan.before)
		apply(&made, slices.DeleteFunc(append(additions, deletions...), func(line Line) bool { return !mine.has(line) }))
		if diff := cmp.Diff(before, text(made)); diff != "" {
			t.Fatalf("from\n%sto\n%sundone after %d steps (-want +got):\n%s", old, rules, len(done), diff)
		}
	}
}
