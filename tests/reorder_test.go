package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRestoreOrder restores a file on directors with different tables. With --reorder all have the same table of mh
// afterwards, and no connection is lost.
func TestRestoreOrder(t *testing.T) {
	f := newFarm(t, "mh -b mh-port")
	f.setting("expire_nodest_conn", "1") // which ends the connections of a server that does not come back at once
	var held []string
	for i := range 6 {
		conn, name := f.mustConnect(f.from(clientAddress(i + 1)))
		held = append(held, name)
		defer func() {
			if err := exchange(conn, 5*time.Second); err != nil {
				t.Errorf("the connection to %s broke: %v", name, err)
			}
		}()
	}
	t.Logf("connections to %v", held)
	rules := "-A -t " + farmService + " -s mh -b mh-port\n"
	for _, name := range []string{"web3", "web1", "web2"} {
		rules += "-a -t " + farmService + " -r " + f.address(name) + " -m -w 1\n"
	}
	fresh := newDirector(t)
	if result := fresh.run(strings.ReplaceAll(rules, " -m ", " -g "), "ipvsadm-restore"); result != (outcome{}) {
		t.Fatal(result)
	}
	d := &director{f.director.namespace, builtProgram(t), t.TempDir()}
	digest := func(d *director) string {
		_, digest, _ := strings.Cut(d.run("", "ipvsadm", "maglev", "-t", farmService).stdout, "\ndigest ")
		return digest
	}
	want := digest(fresh)
	if want == "" || digest(d) == want {
		t.Fatalf("the order makes no difference to digest %q, so this test tells nothing", want)
	}

	remark := fmt.Sprintf("the servers of TCP %s are in another order than in stdin, so mh chooses other servers for some clients "+
		"than on a director that began with this file; --reorder would delete and add 2 of them, one at a time", farmService)
	steps := ""
	for _, name := range []string{"web1", "web2"} {
		steps += fmt.Sprintf("-d -t %[1]s -r %[2]s\n-a -t %[1]s -r %[2]s -m -w 1\n", farmService, f.address(name))
	}
	comments := "# " + remark + ":\n# " + strings.ReplaceAll(strings.TrimSpace(steps), "\n", "\n# ") + "\n"
	for _, step := range []struct {
		words string
		want  outcome
		same  bool
	}{
		{"--dry-run", outcome{stdout: comments}, false},
		{"--dry-run --reorder", outcome{stdout: steps}, false},
		{"", outcome{stderr: "hint: " + remark + "\n"}, false},
		{"--reorder", outcome{}, true},
		{"", outcome{}, true},
		{"--dry-run", outcome{}, true},
	} {
		if result := d.run(rules, "ipvsadm-restore", strings.Fields(step.words)...); result != step.want {
			t.Errorf("restore %s: %v\nwant %v", step.words, result, step.want)
		}
		if got := digest(d); (got == want) != step.same {
			t.Errorf("after restore %s the digest is %s, on a director that began with the file it is %s", step.words, got, want)
		}
	}
	if got := d.run("", "ipvsadm-save", "-n").stdout; got != rules {
		t.Errorf("saved:\n%s", got)
	}
}
