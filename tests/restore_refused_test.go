package tests

import (
	"context"
	"errors"
	"fmt"
	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
	"ipvsadm/restore"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRestoreRefused puts a line that the kernel refuses at the start, in the middle and at the end of a long file.
func TestRestoreRefused(t *testing.T) {
	d := newDirector(t)
	everything := readFile(t, "testdata/everything.rules")
	d.restore(t, manyServices(100, 2, 1)+everything[strings.Index(everything, "-A -u"):])
	before, told := d.table(t), d.originalListings(t)
	// New services, edits and deletions.
	plan := append(strings.SplitAfter(strings.ReplaceAll(manyServices(60, 2, 3), "-s wrr", "-s rr"), "\n")[:180],
		strings.SplitAfter(strings.ReplaceAll(manyServices(60, 2, 1), "-t 10.0.", "-u 10.2."), "\n")[:180]...)
	rules := filepath.Join(t.TempDir(), "rules")
	for _, at := range []int{0, 3, 180, 357, 360} {
		for _, refused := range []struct{ line, reason string }{
			{"-A -f 9 -s nosuch\n", "Scheduler or persistence engine not found"},
			{"-A -t 224.0.0.1:80 -s rr\n-a -t 224.0.0.1:80 -r 224.0.0.2:80 -m\n", "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		} {
			lines := strings.Join(plan[:at], "") + refused.line + strings.Join(plan[at:], "")
			writeFile(t, rules, lines)
			want := fmt.Sprintf("%s:%d: %s\n", rules, at+strings.Count(refused.line, "\n"), refused.reason)
			result := d.run("", "ipvsadm-restore", "-f", rules)
			if result.status != 255 || result.stdout != "" || withoutHints(result.stderr) != want {
				t.Errorf("refused at %d: %v\nwant stderr: %s", at, result, want)
			}
			if diff := cmp.Diff(before, d.table(t), equateAddresses); diff != "" {
				t.Errorf("refused at %d: the table (-before +after):\n%s", at, diff)
			}
		}
	}
	if diff := cmp.Diff(told, d.originalListings(t)); diff != "" {
		t.Errorf("what the original tells (-before +after):\n%s", diff)
	}
}

// plan makes a plan that turns the present table into that of the lines.
func (d *director) plan(t *testing.T, lines string) *restore.Plan {
	t.Helper()
	rules, err := restore.Read(t.Context(), strings.NewReader(lines), "rules", names.NewResolver())
	if err == nil {
		err = rules.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	var plan *restore.Plan
	d.inside(t, func(client *ipvs.Client) error {
		plan, err = restore.NewPlan(t.Context(), client, rules, restore.Options{})
		return err
	})
	return plan
}

// carry carries out a plan, with a client of its own to undo it.
func carry(ctx context.Context, plan *restore.Plan, client *ipvs.Client, run func(command.Command) error) error {
	spare, err := ipvs.Dial()
	if err != nil {
		return err
	}
	defer spare.Close()
	return plan.Execute(ctx, client, spare, run)
}

// TestRestoreRefusedLast refuses the last step of a plan, after all deletions. The restore undoes every step, and leaves
// alone a service whose counters it only set to zero.
func TestRestoreRefusedLast(t *testing.T) {
	d := newDirector(t)
	d.restore(t, readFile(t, "testdata/everything.rules"))
	before := d.table(t)
	const settled = "-A -t 10.0.0.1:0 -s rr -p 2678400\n-Z -t 10.0.0.1:0\n"
	plan := d.plan(t, settled+"-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -w 5\n-A -f 77")
	if len(plan.Deletions) < 40 {
		t.Fatalf("only %d deletions", len(plan.Deletions))
	}
	// The kernel refuses no deletion of an existing service, so the last step is another command.
	refused := restore.Line{Number: 99, Command: command.Command{Kind: command.AddService}}
	refused.Command.Service = ipvs.Service{ServiceID: ipvs.MarkService(9, ipvs.IPv4), Scheduler: "nosuch"}
	plan.Deletions = append(plan.Deletions, refused)
	d.inside(t, func(client *ipvs.Client) error {
		if err := carry(t.Context(), plan, client, nil); fmt.Sprint(err) != "rules:99: Scheduler or persistence engine not found" {
			t.Errorf("error %v", err)
		}
		return nil
	})
	if diff := cmp.Diff(before, d.table(t), equateAddresses); diff != "" {
		t.Errorf("the table (-before +after):\n%s", diff)
	}
}

// TestRestoreBesideOthers changes the table between the making of a plan and its execution.
func TestRestoreBesideOthers(t *testing.T) {
	d := newDirector(t)
	const lines = "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1\n-a -f 1 -r 10.1.0.2\n-A -f 2 -s rr\n"
	d.restore(t, lines)
	// Another program deleted what the plan deletes. That is no failure.
	plan := d.plan(t, "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1 -w 5\n")
	d.mustRun(t, "ipvsadm", "-d", "-f", "1", "-r", "10.1.0.2")
	d.mustRun(t, "ipvsadm", "-D", "-f", "2")
	d.inside(t, func(client *ipvs.Client) error { return carry(t.Context(), plan, client, nil) })
	d.wantSaved(t, "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -g -w 5\n")

	// Another program deleted what the plan changes. That is a failure. The undo keeps the other program's changes.
	d.restore(t, lines)
	plan = d.plan(t, "-A -f 1 -s wlc\n-a -f 1 -r 10.1.0.1 -w 5\n-a -f 1 -r 10.1.0.2 -w 5\n-A -f 2 -s wlc\n-A -f 3\n")
	d.mustRun(t, "ipvsadm", "-d", "-f", "1", "-r", "10.1.0.2")
	d.mustRun(t, "ipvsadm", "-a", "-f", "2", "-r", "10.1.0.4")
	d.mustRun(t, "ipvsadm", "-A", "-f", "3", "-s", "wrr")
	d.inside(t, func(client *ipvs.Client) error {
		const want = "rules:3: No such destination\nrules:5: Service already exists"
		if err := carry(t.Context(), plan, client, nil); fmt.Sprint(err) != want {
			t.Errorf("error %v", err)
		}
		return nil
	})
	d.wantSaved(t, "-A -f 1 -s rr\n-a -f 1 -r 10.1.0.1:0 -g -w 1\n-A -f 2 -s rr\n-a -f 2 -r 10.1.0.4:0 -g -w 1\n-A -f 3 -s wrr\n")
}

// TestRestoreBrokenOff cancels a plan between two steps, or closes its client there. The table is as before.
func TestRestoreBrokenOff(t *testing.T) {
	d := newDirector(t)
	d.restore(t, twoServices)
	before := d.table(t)
	for _, broken := range []bool{false, true} {
		plan := d.plan(t, "-A -t 192.0.2.1:80 -s wlc\n-A -f 3\n-L\n")
		ctx, cancel := context.WithCancel(t.Context())
		d.inside(t, func(client *ipvs.Client) error {
			err := carry(ctx, plan, client, func(command.Command) error {
				if broken {
					client.Close()
					return nil
				}
				cancel()
				return nil
			})
			if err == nil || !broken && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			return nil
		})
		if diff := cmp.Diff(before, d.table(t), equateAddresses); diff != "" {
			t.Errorf("broken %v: the table (-before +after):\n%s", broken, diff)
		}
	}
}
