package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ipvsadm/ipvs"
)

// Severity is how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Error       Severity = "error"       // it does not work, or loses connections: what was read proves it
	Warning     Severity = "warning"     // it is very likely wrong
	Information Severity = "information" // it is worth knowing
)

// Severities lists the severities, worst first.
func Severities() []Severity { return []Severity{Error, Warning, Information} }

// AtLeast reports whether a severity is as bad as another one, or worse.
func (s Severity) AtLeast(other Severity) bool { return s.rank() <= other.rank() }

func (s Severity) rank() int { return slices.Index(Severities(), s) }

// Finding is a fault that a rule found.
type Finding struct {
	Severity    Severity
	Name        string         // of the rule
	Service     ipvs.ServiceID // the zero value for a fault of the machine
	Object      string         // what has the fault: a service, a server, a setting, a device
	Summary     string         // what is wrong
	Evidence    string         // the value, and where it was read
	Consequence string         // what clients notice
	Advice      string         // the command that mends it
	SideEffects string         // of that command
}

// ServiceName returns the name of a service in findings, such as "tcp 192.0.2.1:80" or "mark 1".
func ServiceName(id ipvs.ServiceID) string {
	switch {
	case id == ipvs.ServiceID{}:
		return ""
	case id.Mark == 0:
		return strings.ToLower(id.Protocol.String()) + " " + id.Address.String()
	case id.Family == ipvs.IPv6:
		return fmt.Sprintf("mark %d IPv6", id.Mark)
	default:
		return fmt.Sprintf("mark %d", id.Mark)
	}
}

// serviceFinding begins a finding about a service.
func serviceFinding(id ipvs.ServiceID) Finding {
	return Finding{Service: id, Object: ServiceName(id)}
}

// serverFinding begins a finding about a server of a service.
func serverFinding(id ipvs.ServiceID, server ipvs.ListedDestination) Finding {
	return Finding{Service: id, Object: server.Address.String()}
}

// sortFindings puts the services with the worst findings first, and the findings of each service together.
func sortFindings(findings []Finding) {
	worst := make(map[ipvs.ServiceID]int)
	for _, f := range findings {
		if rank, ok := worst[f.Service]; !ok || f.Severity.rank() < rank {
			worst[f.Service] = f.Severity.rank()
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(worst[a.Service], worst[b.Service]),
			a.Service.Compare(b.Service),
			cmp.Compare(a.Severity.rank(), b.Severity.rank()),
			strings.Compare(a.Name, b.Name),
		)
	})
}
