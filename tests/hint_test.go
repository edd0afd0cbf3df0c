package tests

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ipvsadm/tests/mistake"
)

// TestMistakes makes each mistake of the table under both programs. Both have the status and message of the table, ours
// also its hints, and both leave the same table in the kernel.
func TestMistakes(t *testing.T) {
	p := newPair(t)
	mistakes, err := mistake.Read("../command/testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	resetTables(t, p)
	before, err := p.oursSpace.state()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes {
		want, ours, err := p.compareBoth("", nil, m.Words...)
		if err != nil {
			t.Errorf("%s: %v", m.Line, err)
			continue
		}
		if got := strings.TrimRight(want.stderr, "\n"); want.status != m.Status || got != printable(m.Message) {
			t.Errorf("%s: the original: status %d, %q, want %d, %q", m.Line, want.status, got, m.Status, m.Message)
		}
		if want.status != 0 {
			if got := hintsOf(ours.stderr); !slices.Equal(got, m.Hints) {
				t.Errorf("%s: hints %q, want %q", m.Line, got, m.Hints)
			}
			continue
		}
		// The next mistakes need the first table.
		after, err := p.oursSpace.state()
		if err != nil {
			t.Fatal(err)
		}
		changed := diffStates(before, after) != ""
		if changed {
			resetTables(t, p)
		}
		if got := hintsOf(onTerminal(t, p, m.Words)); !slices.Equal(got, m.Remarks) {
			t.Errorf("%s: remarks %q, want %q", m.Line, got, m.Remarks)
		}
		if changed {
			resetTables(t, p)
		}
	}
}

// resetTables gives both programs the table that the mistakes are made on.
func resetTables(t *testing.T, p *pair) {
	t.Helper()
	const rules = "-C\n-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m\n-a -t 192.0.2.1:80 -r 10.0.0.9 -m\n"
	for _, space := range []*space{&p.originalSpace, &p.oursSpace} {
		if result, err := p.run(space, original, rules, "-R"); err != nil || result.status != 0 {
			t.Fatalf("%s%v", result, err)
		}
	}
}

func hintsOf(stderr string) (found []string) {
	for line := range strings.Lines(stderr) {
		if hint, ok := strings.CutPrefix(line, "hint: "); ok {
			found = append(found, strings.TrimRight(hint, "\r\n"))
		}
	}
	return found
}

// onTerminal runs this program with a terminal for standard error and returns what it prints there.
func onTerminal(t *testing.T, p *pair, words []string) string {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	number, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(p.ours, words...)
	program.Args[0] = "ipvsadm"
	program.Stderr = stderr
	var output bytes.Buffer
	if err := p.oursSpace.do(program.Start); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	io.Copy(&output, terminal) // until the other end closes, which is EIO
	if err := program.Wait(); err != nil {
		t.Errorf("%q: %v: %s", words, err, output.String())
	}
	return output.String()
}

// TestHintWithoutCapability runs as root without CAP_NET_ADMIN, as in a container.
func TestHintWithoutCapability(t *testing.T) {
	d := newDirector(t)
	for _, line := range []string{"-Ln", "-A –t 192.0.2.1:80", "save", "restore <<<-C"} {
		got := d.shell("setpriv --bounding-set -net_admin --inh-caps -net_admin $ipvsadm " + line)
		want := "Can't initialize ipvs: Permission denied (you must be root)\n" + unavailable +
			"hint: this is root without the capability CAP_NET_ADMIN: a container needs it added\n"
		if got.stderr != want || got.status != 2 {
			t.Errorf("ipvsadm %s: %s", line, got)
		}
	}
	if got := d.shell("setpriv --reuid=65534 --clear-groups $ipvsadm -Ln"); strings.Contains(got.stderr, "hint:") {
		t.Errorf("as nobody: %s", got) // "you must be root" is enough
	}
}

// TestHintsOfVerbs checks the hints for extra words after a verb, like restore FILE.
func TestHintsOfVerbs(t *testing.T) {
	d := newDirector(t)
	for line, want := range map[string]string{
		"${ipvsadm}-restore rules": "unexpected argument rules\nhint: type ipvsadm restore -f rules\n",
		"$ipvsadm restore rules":   "unexpected argument rules\nhint: type ipvsadm restore -f rules\n",
		"$ipvsadm save rules":      "unexpected argument rules\nhint: type ipvsadm save -f rules\n",
	} {
		if got := d.shell(line); got.stderr != want || got.status != 1 {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// TestHintsOfRefusedLines checks the hint for a line of a file that the kernel refuses.
func TestHintsOfRefusedLines(t *testing.T) {
	d := newDirector(t)
	const want = "stdin:2: Scheduler or persistence engine not found\nhint: type -s rr\n"
	for _, program := range []string{"$ipvsadm -R", "${ipvsadm}-restore"} {
		if got := d.shell(program + " <<<$'-C\n-A -t 192.0.2.1:80 -s RR'"); !strings.HasPrefix(got.stderr, want) || got.status != 255 {
			t.Errorf("%s: %s", program, got)
		}
	}
}

// TestHintsOfLines checks that the hints for a line of a file follow its message.
func TestHintsOfLines(t *testing.T) {
	d := newDirector(t)
	const rules = "-A -t 192.0.2.1:99999\n-C\n-A –t 192.0.2.1:80\n-a -t 192.0.2.1:80\x07 -r 10.0.0.1\n"
	want := `stdin:1: illegal virtual server address[:port] specified
hint: 99999 is above 65535, the highest port
stdin:3: unexpected argument –t
hint: "–t" has a typographic dash: type -t
stdin:4: illegal virtual server address[:port] specified
hint: "192.0.2.1:80\a" has an invisible character: type 192.0.2.1:80
`
	for _, program := range []string{"$ipvsadm -R", "${ipvsadm}-restore", "${ipvsadm}-restore --test"} {
		if got := d.shell(program + " <<'END'\n" + rules + "END"); got.stderr != want {
			t.Errorf("%s: %s", program, got)
		}
	}
}
