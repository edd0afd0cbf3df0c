package check

import "slices"

// movers are the programs that move addresses between machines. The kernel cuts names to 15 bytes.
var movers = []string{"keepalived", "vrrpd", "ucarp", "corosync", "pacemakerd", "heartbeat"}

// announcers are the programs that announce addresses to routers.
var announcers = []string{"bird", "bird6", "bgpd", "zebra", "gobgpd", "exabgp"}

// ProgramNames returns the names of the programs that rules look for.
func ProgramNames() []string { return slices.Concat(movers, announcers) }

// running returns the name of a program that runs, one of some, or an empty string.
func (s *Snapshot) running(names []string) string {
	for _, program := range s.Programs {
		if slices.Contains(names, program.Name) {
			return program.Name
		}
	}
	return ""
}
