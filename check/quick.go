package check

import (
	"slices"

	"ipvsadm/ipvs"
)

// Quick applies the rules that need only the table, the daemons and the kernel's settings: those facts are cheap to read, so
// a display may ask again and again. [ipvsadm/check/system.Settings] reads the settings.
func Quick(table []ipvs.Entry, daemons []ipvs.Daemon, settings Settings) []Finding {
	cheap := []Fact{FactTable, FactDaemons}
	rules := slices.DeleteFunc(Director(), func(r Rule) bool {
		return r.Probe || slices.ContainsFunc(r.Needs, func(fact Fact) bool { return !slices.Contains(cheap, fact) })
	})
	return Run(&Snapshot{Table: table, Daemons: daemons, Settings: settings}, rules, nil).Findings
}
