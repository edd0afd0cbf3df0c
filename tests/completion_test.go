package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const completionTable = `
-A -t 192.0.2.80:80 -s wrr
-a -t 192.0.2.80:80 -r 10.0.0.11:8080 -m
-a -t 192.0.2.80:80 -r 10.0.0.12:8080 -m
-A -u 192.0.2.80:53 -s rr
-a -u 192.0.2.80:53 -r 10.0.0.13:53 -m
-A -t [2001:db8::80]:443 -s rr
-a -t [2001:db8::80]:443 -r [2001:db8::11]:443 -m
-A -f 7 -s rr
`

// completions are lines up to the cursor, and the candidates for the last word, sorted.
var completions = []struct{ line, want string }{
	{"ipvsadm -A -t 192.0.2.1:80 -s w", "wlc wrr"},
	{"ipvsadm -D -t ", "192.0.2.80:80 [2001:db8::80]:443"},
	{"ipvsadm -D --tcp-service 192.0.2.80:", "192.0.2.80:80"},
	{"ipvsadm -D -u ", "192.0.2.80:53"},
	{"ipvsadm -D -f ", "7"},
	{"ipvsadm -d -t 192.0.2.80:80 -r ", "10.0.0.11:8080 10.0.0.12:8080"},
	{"ipvsadm -d -t 192.0.2.80:80 -r 10.0.0.12", "10.0.0.12:8080"},
	{"ipvsadm -d -u 192.0.2.80:53 -r ", "10.0.0.13:53"},
	{"ipvsadm -L --t", "--tcp-service --thresholds --timeout --tun-info"},
	{"ipvsadm sa", "save"},
	{"ipvsadm save --", "--all --file --numeric"},
	{"ipvsadm restore --dr", "--dry-run"},
	{"ipvsadm-restore --no", "--noflush"},
	{"ipvsadm --start-daemon ma", "master"},
	{"ipvsadm save -f testdata/every", "testdata/everything.rules"},
}

// completionSpace returns a namespace with a table to complete from.
func completionSpace(t *testing.T, shell string) *namespace {
	t.Helper()
	n := newNamespace(t)
	if _, err := exec.LookPath(shell); err != nil {
		skipOutsideLab(t, err.Error())
	}
	n.program(t, completionTable, "-R")
	return n
}

// inShell runs a shell that has this program and its other names in PATH.
func (n *namespace) inShell(t *testing.T, stdin string, words ...string) string {
	t.Helper()
	var output []byte
	err := n.do(func() error {
		command := exec.Command(words[0], words[1:]...)
		command.Env = append(os.Environ(), "PATH="+filepath.Dir(builtProgram(t))+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "TERM=dumb")
		command.Stdin = strings.NewReader(stdin)
		var err error
		output, err = command.CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("%q: %v\n%s", words, err, output)
	}
	return string(output)
}

// checkCompletions compares a shell's candidates with those wanted, line after line. A line "=" precedes those of each.
func checkCompletions(t *testing.T, output string) {
	t.Helper()
	answers := strings.Split(output, "=\n")
	if len(answers) != len(completions)+1 {
		t.Fatalf("candidates for %d lines, want %d:\n%s", len(answers)-1, len(completions), output)
	}
	for i, test := range completions {
		var got []string
		for row := range strings.Lines(answers[i+1]) {
			word, _, _ := strings.Cut(strings.TrimSuffix(row, "\n"), "\t")
			got = append(got, word)
		}
		slices.Sort(got)
		want := strings.Fields(test.want)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", test.line, got, want)
		}
	}
}

func completionLines() []string {
	var lines []string
	for _, test := range completions {
		lines = append(lines, test.line)
	}
	return lines
}

func TestFish(t *testing.T) {
	n := completionSpace(t, "fish")
	const script = "source ../init/ipvsadm.fish; for line in $argv; echo =; complete -C $line; end"
	checkCompletions(t, n.inShell(t, "", append([]string{"fish", "--no-config", "-c", script}, completionLines()...)...))
}

// TestBash types lines into an interactive bash, each with the key that inserts every candidate. Functions take the place
// of the program and write their arguments to a file. The completion still runs the program.
func TestBash(t *testing.T) {
	n := completionSpace(t, "bash")
	file := filepath.Join(t.TempDir(), "words")
	var typed strings.Builder
	typed.WriteString("source ../init/ipvsadm.bash; bind 'set enable-bracketed-paste off'; bind '\"\\C-t\": insert-completions'\n")
	for _, name := range []string{"ipvsadm", "ipvsadm-save", "ipvsadm-restore"} {
		typed.WriteString(name + "() { printf '%s\\n' = \"$@\" >>" + file + "; }\n")
	}
	for _, line := range completionLines() {
		typed.WriteString(line + "\x14\n")
	}
	n.inShell(t, typed.String()+"exit\n", "script", "-qec", "bash --norc --noprofile -i", "/dev/null")
	output, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Drop the words before the cursor.
	answers := strings.SplitAfter(string(output), "=\n")
	for i, line := range completionLines() {
		for range strings.Count(line, " ") - 1 {
			_, answers[i+1], _ = strings.Cut(answers[i+1], "\n")
		}
	}
	checkCompletions(t, strings.Join(answers, ""))
}

// zshHarness runs the function with the variables that the line editor would set, and prints its candidates.
const zshHarness = `
_describe() { local c; for c in $candidates; do c=${c//\\:/@} c=${c/:/$'\t'}; print -r -- ${c//@/:}; done }
_files() { print -rl -- $PREFIX*(N) }
for line; do
    print =
    words=("${(@s: :)line}")
    CURRENT=$#words
    PREFIX=$words[CURRENT]
    source ../init/_ipvsadm
done
`

func TestZsh(t *testing.T) {
	n := completionSpace(t, "zsh")
	checkCompletions(t, n.inShell(t, "", append([]string{"zsh", "-f", "-c", zshHarness, "zsh"}, completionLines()...)...))
	// A candidate without help has no colon. zsh would show that as two dashes.
	got := n.inShell(t, "", "zsh", "-f", "-c", zshHarness, "zsh", "ipvsadm -A -t 192.0.2.1:80 -s w")
	if want := "=\nwrr\nwlc\n"; got != want {
		t.Errorf("words without help: %q, not %q", got, want)
	}
	got = n.inShell(t, "", "zsh", "-f", "-c", zshHarness, "zsh", "ipvsadm -D -u 192")
	if want := "=\n192.0.2.80:53\trr, 1 server\n"; got != want {
		t.Errorf("words with help: %q, not %q", got, want)
	}
}

// TestCompletionWithoutPrivilege completes services for a user who types sudo.
func TestCompletionWithoutPrivilege(t *testing.T) {
	n := completionSpace(t, "setpriv")
	// An ordinary user cannot reach the program where it was built, so root gives up the privilege.
	words := []string{"setpriv", "--bounding-set=-net_admin", builtProgram(t), "__complete", "-D", "-t"}
	got := n.inShell(t, "", append(words, "")...)
	if want := "192.0.2.80:80\twrr, 2 servers\n[2001:db8::80]:443\trr, 1 server\n"; got != want {
		t.Errorf("services: %q, not %q", got, want)
	}
	got = n.inShell(t, "", append(words, "192.0.2.80:80", "-r", "10.0.0.12")...)
	if want := "10.0.0.12:8080\tweight 1\n"; got != want {
		t.Errorf("servers: %q, not %q", got, want)
	}
}

// TestCompletionInstalled completes after sudo in each shell, which finds the installed completion by itself.
func TestCompletionInstalled(t *testing.T) {
	needLab(t)
	const bashCompletion = "/usr/share/bash-completion/bash_completion"
	if _, err := os.Stat(bashCompletion); err != nil {
		skipOutsideLab(t, err.Error())
	}
	n := completionSpace(t, "fish")
	mustMake(t, "install")
	const line = "sudo ipvsadm -D -t 192.0.2"
	want := "192.0.2.80:80"
	if got := n.inShell(t, "", "fish", "-c", "complete -C '"+line+"'"); !strings.HasPrefix(got, want+"\t") {
		t.Errorf("fish: %q", got)
	}
	const found = "autoload -Uz compinit; compinit -u -D; print $_comps[ipvsadm] $_comps[ipvsadm-save]"
	got := n.inShell(t, "", "zsh", "-f", "-c", found)
	if got != "_ipvsadm _ipvsadm\n" {
		t.Errorf("zsh: %q", got)
	}
	file := filepath.Join(t.TempDir(), "words")
	typed := "source " + bashCompletion + "; bind 'set enable-bracketed-paste off'\n" +
		"bind '\"\\C-t\": insert-completions'\n" +
		"sudo() { printf '%s\\n' \"$@\" >" + file + "; }\n" + line + "\x14\nexit\n"
	n.inShell(t, typed, "script", "-qec", "bash --norc --noprofile -i", "/dev/null")
	if got, want := readFile(t, file), "ipvsadm\n-D\n-t\n"+want+"\n"; got != want {
		t.Errorf("bash: %q, not %q", got, want)
	}
}

// TestCompletionInNamespace completes from another namespace, and offers nothing if the namespace is missing.
func TestCompletionInNamespace(t *testing.T) {
	here := newNamespace(t)
	there := completionSpace(t, "sleep")
	sleeper := exec.Command("sleep", "60")
	if err := there.do(sleeper.Start); err != nil {
		t.Fatal(err)
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	link := filepath.Join("/proc", strconv.Itoa(sleeper.Process.Pid), "ns/net")
	got := here.program(t, "", "__complete", "--netns", link, "-D", "-u", "")
	if got != "192.0.2.80:53\trr, 1 server\n" {
		t.Errorf("%q", got)
	}
	for _, words := range [][]string{{"-D", "-t", ""}, {"--netns", "missing", "-D", "-t", ""}} {
		if got := here.program(t, "", append([]string{"__complete"}, words...)...); got != "" {
			t.Errorf("%q: %q", words, got)
		}
	}
}
