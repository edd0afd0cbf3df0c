package check

import (
	"fmt"
	"slices"
	"strings"
)

// Report is the outcome of a check.
type Report struct {
	Findings []Finding
	Ran      int // rules
	Skipped  []Skipped
}

// Skipped is a rule that did not run.
type Skipped struct {
	Name   string
	Reason string
	Unread bool // a fact could not be read; otherwise the rule does not apply
}

// Run applies rules to a snapshot. It leaves out the findings that the user ignores.
func Run(s *Snapshot, rules []Rule, ignored []Ignored) Report {
	var report Report
	for _, rule := range rules {
		if skipped := rule.skip(s); skipped.Reason != "" {
			report.Skipped = append(report.Skipped, skipped)
			continue
		}
		report.Ran++
		for _, finding := range rule.Find(s) {
			finding.Name = rule.Name
			if finding.Severity == "" {
				finding.Severity = rule.Severity
			}
			if !slices.ContainsFunc(ignored, func(i Ignored) bool { return i.covers(finding) }) {
				report.Findings = append(report.Findings, finding)
			}
		}
	}
	sortFindings(report.Findings)
	return report
}

// Count returns the number of findings of a severity.
func (r Report) Count(severity Severity) int {
	n := 0
	for _, finding := range r.Findings {
		if finding.Severity == severity {
			n++
		}
	}
	return n
}

// Fails reports whether a finding is at least as bad as a severity.
func (r Report) Fails(limit Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity.AtLeast(limit) })
}

// Ignored names findings that the user does not want to see: all of a rule, or those about one object.
type Ignored struct{ Name, Object string }

// ParseIgnored reads NAME or NAME=OBJECT. The name must be that of a rule.
func ParseIgnored(text string, rules []Rule) (Ignored, error) {
	name, object, _ := strings.Cut(text, "=")
	_, err := RuleNamed(name, rules)
	return Ignored{name, object}, err
}

func (i Ignored) covers(f Finding) bool {
	return i.Name == f.Name && (i.Object == "" || i.Object == f.Object || i.Object == ServiceName(f.Service))
}

// RuleNamed returns the rule of a name.
func RuleNamed(name string, rules []Rule) (Rule, error) {
	for _, rule := range rules {
		if rule.Name == name {
			return rule, nil
		}
	}
	for _, rule := range rules {
		if name != "" && (strings.HasPrefix(rule.Name, name) || strings.HasPrefix(name, rule.Name)) {
			return Rule{}, fmt.Errorf("no rule is named %q; did you mean %s?", name, rule.Name)
		}
	}
	return Rule{}, fmt.Errorf("no rule is named %q; ipvsadm check --rules lists the names", name)
}
