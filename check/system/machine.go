package system

import (
	"ipvsadm/check"
)

// readMachine reads the facts that have nothing to do with IPVS. Most need no privilege.
func readMachine(s *check.Snapshot) {
	readNetwork(s)
	s.Settings = readSettings(s.Links)
	var err error
	s.Programs, err = programs()
	note(s, check.FactPrograms, err)
	s.Counters, err = counters()
	note(s, check.FactCounters, err)
}
