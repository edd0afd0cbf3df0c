// Package check finds what is wrong with a machine that balances load with IPVS, or that is a real server of one.
//
// A [Rule] is a pure function of a [Snapshot], which package check/system reads. [Run] applies rules and returns a [Report].
package check

//go:generate go test -run TestManual . -write

// Rule finds one kind of fault. Its texts are what --explain prints and the manual page holds.
type Rule struct {
	Name     string   // for ever: people put it into their monitoring
	Severity Severity // of its findings, unless they have another one
	Else     Severity // of its other findings; empty for none
	Summary  string   // the fault, in one line
	Symptom  string
	Cause    string
	Fix      string

	Probe    bool                   // it needs --probe
	Needs    []Fact                 // that it judges
	Settings []string               // that the kernel must have
	Applies  func(*Snapshot) string // returns why the rule does not apply, or an empty string
	Find     func(*Snapshot) []Finding
}

// Director returns the rules for a director, in the order of the manual page.
func Director() []Rule {
	var all []Rule
	for _, part := range [][]Rule{addressRules, tableRules, hashRules, serverRules, connectionRules, natRules, directRules, syncRules, machineRules, probeRules} {
		all = append(all, part...)
	}
	return all
}

// skip returns why a rule does not judge a snapshot. The reason is empty if it does.
func (r *Rule) skip(s *Snapshot) Skipped {
	skipped := Skipped{Name: r.Name}
	for _, fact := range r.Needs {
		if err := s.Unread[fact]; err != nil {
			skipped.Reason, skipped.Unread = "cannot read "+string(fact)+": "+err.Error(), true
			return skipped
		}
	}
	for _, name := range r.Settings {
		if _, ok := s.Settings[name]; !ok {
			skipped.Reason = "this kernel has no " + name
			return skipped
		}
	}
	if r.Applies != nil {
		skipped.Reason = r.Applies(s)
	}
	return skipped
}
