package check

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var write = flag.Bool("write", false, "write the manual page")

// TestManual compares man/ipvsadm-check.8 with the texts of the rules.
func TestManual(t *testing.T) {
	const path = "../man/ipvsadm-check.8"
	page, err := os.ReadFile("testdata/ipvsadm-check.8")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(page), "@RULES@\n", manualRules(Director()), 1)
	want = strings.Replace(want, "@REALSERVER@\n", manualRules(RealServerRules()), 1)
	if *write {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(path)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("go generate ./check would change the manual page:\n%s", diff)
	}
}

// manualRules returns the rules in mdoc(7).
func manualRules(rules []Rule) string {
	var b strings.Builder
	for _, rule := range rules {
		b.WriteString(".Ss " + rule.Name + "\n" + mdoc(title(rule.severities())+": "+rule.Summary+".") + ".Bl -tag -width Ds\n")
		for _, part := range [...][2]string{{"Symptom", rule.Symptom}, {"Cause", rule.Cause}, {"Fix", rule.Fix}} {
			b.WriteString(".It " + part[0] + "\n" + mdoc(part[1]))
		}
		b.WriteString(".El\n")
	}
	return b.String()
}

func title(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// mdoc returns words in lines of at most 85 characters, where each sentence begins a line.
func mdoc(text string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(strings.ReplaceAll(text, `\`, `\e`)) {
		switch {
		case column == 0 && strings.ContainsAny(word[:1], ".'"):
			b.WriteString(`\&`)
		case column > 0 && column+len(word) >= 85:
			b.WriteByte('\n')
			column = 0
		case column > 0:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		if column += len(word) + 1; strings.HasSuffix(word, ".") {
			b.WriteByte('\n')
			column = 0
		}
	}
	return strings.TrimSuffix(b.String(), "\n") + "\n"
}

// TestTexts checks that each rule has its texts, in whole sentences.
func TestTexts(t *testing.T) {
	testTexts(t, Director())
	testTexts(t, RealServerRules())
}

func testTexts(t *testing.T, rules []Rule) {
	names := make(map[string]bool)
	for _, rule := range rules {
		if names[rule.Name] {
			t.Errorf("two rules are named %s", rule.Name)
		}
		names[rule.Name] = true
		for _, text := range []string{rule.Symptom, rule.Cause, rule.Fix} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is no sentence", rule.Name, text)
			}
		}
		if rule.Summary == "" || strings.HasSuffix(rule.Summary, ".") || rule.Severity == "" || rule.Find == nil {
			t.Errorf("%s: incomplete", rule.Name)
		}
	}
}
