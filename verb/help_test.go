package verb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestHelpListsVerbs wants each verb, with its description, in the help.
func TestHelpListsVerbs(t *testing.T) {
	for _, line := range []string{"help", "-h", "--help", "help -h", "help --help"} {
		a := newTestApp(t, "ipvsadm")
		output, errors, status := a.do(strings.Fields(line)...)
		if errors != "" || status != 0 {
			t.Errorf("%s: status %d, %q", line, status, errors)
		}
		_, list, _ := strings.Cut(output, "\nVerbs:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		rows := strings.Split(list, "\n")
		verbs := a.verbs()
		if len(rows) != len(verbs) {
			t.Fatalf("%s: %d verbs in the help, want %d:\n%s", line, len(rows), len(verbs), output)
		}
		for i, verb := range verbs {
			name, usage, _ := strings.Cut(strings.TrimSpace(rows[i]), " ")
			if name != verb.Name || strings.TrimSpace(usage) != verb.Usage {
				t.Errorf("%s: row %q, want %s and %q", line, rows[i], verb.Name, verb.Usage)
			}
		}
	}
}

// TestVerbHelp wants each flag in the help of its verb.
func TestVerbHelp(t *testing.T) {
	for _, verb := range newTestApp(t, "ipvsadm").verbs() {
		if verb.HideHelp {
			continue
		}
		for _, line := range []string{verb.Name + " --help", "help " + verb.Name} {
			output, errors, status := newTestApp(t, "ipvsadm").do(strings.Fields(line)...)
			if errors != "" || status != 0 || !strings.Contains(withoutSpaces(output), withoutSpaces(verb.Usage)) {
				t.Errorf("%s: status %d, %q, output %q", line, status, errors, output)
			}
			for _, flag := range verb.Flags {
				for _, name := range flag.Names() {
					dashes := "--"[:min(2, len(name))]
					usage := strings.ReplaceAll(flag.(cli.DocGenerationFlag).GetUsage(), "`", "")
					if !strings.Contains(output, dashes+name) || !strings.Contains(withoutSpaces(output), withoutSpaces(usage)) {
						t.Errorf("%s: no %s%s with %q in %s", line, dashes, name, usage, output)
					}
				}
			}
		}
	}
}

// withoutSpaces returns a text without white space: the help breaks lines.
func withoutSpaces(text string) string { return strings.Join(strings.Fields(text), "") }

// TestHelpFits wants the help of each verb to fit a terminal of 80 columns.
func TestHelpFits(t *testing.T) {
	for _, verb := range newTestApp(t, "ipvsadm").verbs() {
		output, _, _ := newTestApp(t, "ipvsadm").do("help", verb.Name)
		for line := range strings.Lines(output) {
			if len([]rune(line)) > 80 {
				t.Errorf("help %s: %d columns: %s", verb.Name, len([]rune(line))-1, line)
			}
		}
	}
}

// TestVerbsAreInTheManual wants each verb in the list of ipvsadm(8), and each of its long flags in a manual page.
func TestVerbsAreInTheManual(t *testing.T) {
	files, _ := filepath.Glob("../man/*.8")
	var pages string
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages += strings.ReplaceAll(string(page), "\n", " \n")
	}
	for _, verb := range newTestApp(t, "ipvsadm").verbs() {
		if !strings.Contains(pages, "\n.It Cm "+verb.Name+" ") {
			t.Errorf("the manual does not list the verb %s", verb.Name)
		}
		for _, flag := range verb.Flags {
			if name := flag.Names()[0]; !strings.Contains(pages, "Fl Fl "+name+" ") {
				t.Errorf("the manual does not explain --%s of the verb %s", name, verb.Name)
			}
		}
	}
}

// TestVerbsAreComplete wants what the list of verbs, help and completion need from each verb.
func TestVerbsAreComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, verb := range newTestApp(t, "ipvsadm").verbs() {
		if verb.Name == "" || verb.Usage == "" || verb.Action == nil || seen[verb.Name] {
			t.Errorf("verb %q: usage %q, action %v", verb.Name, verb.Usage, verb.Action != nil)
		}
		seen[verb.Name] = true
	}
	for _, name := range []string{"save", "restore", "help", "version"} {
		if !seen[name] {
			t.Errorf("verb %s is missing", name)
		}
	}
}
