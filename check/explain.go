package check

import (
	"io"
	"strings"
)

// List writes the names of rules with the severity of their findings and what they find.
func (t Text) List(w io.Writer, rules []Rule) error {
	var b strings.Builder
	longest := 0
	for _, rule := range rules {
		longest = max(longest, len(rule.Name))
	}
	for _, rule := range rules {
		first := rule.Name + strings.Repeat(" ", longest-len(rule.Name)+2) + string(rule.Severity)
		first += strings.Repeat(" ", longest+2+len(Information)+2-len(first))
		t.paragraph(&b, first, len(first), len(first), rule.Summary)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Explain writes what a rule finds, how clients notice it, where it comes from, and what to do.
func (t Text) Explain(w io.Writer, rule Rule) error {
	var b strings.Builder
	t.paragraph(&b, "", 0, 0, rule.Name+" ("+rule.severities()+"): "+rule.Summary)
	for _, part := range [...]struct{ label, text string }{
		{"Symptom", rule.Symptom}, {"Cause", rule.Cause}, {"Fix", rule.Fix},
	} {
		b.WriteString("\n" + part.label + "\n")
		t.paragraph(&b, "  ", 2, 2, part.text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// severities returns the severities of a rule's findings, such as "error or warning".
func (r *Rule) severities() string {
	if r.Else == "" {
		return string(r.Severity)
	}
	return string(r.Severity) + " or " + string(r.Else)
}
