package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// limit is a resource that a test makes scarce.
type limit struct {
	name   string
	shell  string // the commands that set the limit to a value, %d, and become the program
	values []int  // ascending, from too few for a restore to enough
}

// TestRestoreWithinLimits restores with too few threads, descriptors or bytes of memory. The table is the old one or the new
// one, and the status says which. It is never 2, which would mean that the kernel has no IPVS.
func TestRestoreWithinLimits(t *testing.T) {
	d := newDirector(t)
	group := newControlGroup(t)
	enter := "echo %d >" + group + "/pids.max && echo $$ >" + group + "/cgroup.procs && exec "
	memory := []limit{
		{"address space", "ulimit -v $((1024 * %d)) && exec ", steps(700, 1300, 25)},
		{"data", "ulimit -d $((1024 * %d)) && exec ", steps(36, 300, 12)}, // below 36 MB the kernel does not load the program
	}
	limits := append([]limit{
		{"threads", enter, upTo(20)},
		{"threads with 8 processors", "export GOMAXPROCS=8 && " + enter, upTo(30)},
		{"threads of a user", "exec setpriv --reuid 1001 --clear-groups --inh-caps +net_admin --ambient-caps +net_admin prlimit --nproc=%d ", upTo(20)},
		{"descriptors", "ulimit -n %d && exec ", upTo(20)},
	}, memory...)
	d.mustRunWith(t, marks(5000, 5030), "ipvsadm-restore")
	old := d.mustRun(t, "ipvsadm", "-Sn")
	file := filepath.Join(d.directory, "rules")
	const refusal = "Scheduler or persistence engine not found\n"
	for _, rules := range []struct {
		name, text string
		refused    bool
		limits     []limit
	}{
		{"20 rules", marks(1, 20), false, limits},
		{"2500 rules", manyServices(500, 4, 1), false, limits},
		{"2500 rules, the last refused", manyServices(500, 4, 1) + "-A -f 1 -s nosuch\n", true, memory}, // an undo needs more of it
	} {
		writeFile(t, file, rules.text)
		for _, limit := range rules.limits {
			t.Run(rules.name+"/"+limit.name, func(t *testing.T) {
				const enough = 4 // restores in a row that finish, before the test stops raising the limit
				failed, ended := 0, 0
				for _, value := range limit.values {
					result := d.shell(fmt.Sprintf(limit.shell, value) + "${ipvsadm}-restore <" + file)
					table := d.mustRun(t, "ipvsadm", "-Sn")
					switch {
					case !rules.refused && result.status == 0 && sameLines(table, rules.text):
						ended++
					case rules.refused && result.status == 255 && strings.HasSuffix(withoutHints(result.stderr), refusal) && table == old:
						ended++
					case result.status == 1 && result.stderr != "" && table == old:
						failed++
						ended = 0
						t.Logf("%d: status %d: %.200s", value, result.status, result.stderr)
					default:
						t.Errorf("%d: status %d, the table is the old one %v, the new one %v: %.800s", value, result.status, table == old,
							sameLines(table, rules.text), result.stderr)
					}
					if ended == enough {
						break
					}
					if table != old {
						d.mustRunWith(t, old, "ipvsadm-restore")
					}
				}
				if failed == 0 || ended < enough {
					t.Errorf("%d restores failed, and then %d finished", failed, ended)
				}
				d.mustRunWith(t, old, "ipvsadm-restore")
			})
		}
	}
}

func steps(from, to, by int) (values []int) {
	for value := from; value <= to; value += by {
		values = append(values, value)
	}
	return values
}

func upTo(most int) []int { return steps(1, most, 1) }

// newControlGroup makes a control group and returns its folder.
func newControlGroup(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := unix.Mount("none", root, "cgroup2", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+pids"), 0); err != nil {
		t.Fatal(err)
	}
	group, err := os.MkdirTemp(root, "ipvsadm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(group) })
	return group
}
