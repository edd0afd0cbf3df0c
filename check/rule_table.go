package check

import (
	"fmt"
	"slices"

	"ipvsadm/ipvs"
)

// tableRules judge services and their schedulers.
var tableRules = []Rule{{
	Name:     "scheduler-missing",
	Severity: Error,
	Summary:  "a service has no scheduler",
	Symptom:  "Every client of the service is refused at once: connection refused. The service has servers.",
	Cause: `The kernel accepts a service with the scheduler none, which chooses no server. Some programs make such a service
and set the scheduler later, which fails if the scheduler's module is missing.`,
	Fix: `Set a scheduler with ipvsadm -E -s. If the kernel refuses it, its module ip_vs_NAME is missing: install the package
with your kernel's modules, or choose another scheduler.`,
	Needs:   []Fact{FactTable},
	Applies: needsTable,
	Find: func(s *Snapshot) []Finding {
		var findings []Finding
		for _, entry := range s.Table {
			if entry.Scheduler != noScheduler && entry.Scheduler != "" {
				continue
			}
			f := serviceFinding(entry.ServiceID)
			f.Summary = "the service has no scheduler"
			f.Evidence = "the table lists the scheduler " + entry.Scheduler
			f.Consequence = "every new connection is refused"
			scheduled := entry.Service
			scheduled.Scheduler = "wlc"
			f.Advice = editService(scheduled)
			f.SideEffects = "none, unless another scheduler was meant"
			findings = append(findings, f)
		}
		return findings
	},
}, {
	Name:     "no-server",
	Severity: Error,
	Summary:  "a service has no server that takes connections",
	Symptom:  "Every client of the service is refused at once: connection refused.",
	Cause: `The service has no servers, or all of them have weight 0. A server of weight 0 gets no new connections. A
health checker that finds every server down also leaves such a table.`,
	Fix: `Add a server with ipvsadm -a, or give one a weight with ipvsadm -e -w 1. If a health checker writes the table, mend
the servers or the check: the checker would undo the command.`,
	Needs:   []Fact{FactTable},
	Applies: needsTable,
	Find:    findNoServer,
}, {
	Name:     "over-threshold",
	Severity: Warning,
	Else:     Error,
	Summary:  "a server has as many connections as its upper threshold allows",
	Symptom: `The other servers get all new connections. If every server is at its threshold, or has weight 0, clients are
refused: then the finding is an error.`,
	Cause: `A server that reaches its upper threshold gets no new connections until it is below the lower one. Inactive
connections count, too: those that ended up to two minutes ago.`,
	Fix: `Set a higher threshold with ipvsadm -e -x, or add servers. If the inactive connections make up most, a threshold
suits the service badly.`,
	Needs: []Fact{FactTable},
	Applies: func(s *Snapshot) string {
		for _, server := range s.servers() {
			if server.UpperThreshold != 0 {
				return ""
			}
		}
		return "no server has an upper threshold"
	},
	Find: findOverThreshold,
}}

// noScheduler is what the kernel calls the missing scheduler of a service.
const noScheduler = "none"

// needsTable returns why a rule about services does not apply.
func needsTable(s *Snapshot) string {
	if len(s.Table) == 0 {
		return "the table is empty"
	}
	return ""
}

func findOverThreshold(s *Snapshot) []Finding {
	var findings []Finding
	for entry, server := range s.servers() {
		if !overThreshold(server) || server.Weight == 0 || refusesHashed(entry) {
			continue
		}
		f := serverFinding(entry.ServiceID, server)
		f.Summary = "the server is at its upper threshold"
		f.Evidence = fmt.Sprintf("the table lists %d active and %d inactive connections and the upper threshold %d",
			server.ActiveConnections, server.InactiveConnections, server.UpperThreshold)
		f.Consequence = "new connections go to the other servers"
		if !slices.ContainsFunc(entry.Destinations, available) {
			f.Severity = Error
			f.Consequence = "no server is available, so new connections are refused"
		}
		wider := server.Destination
		wider.UpperThreshold = 2 * connections(server)
		f.Advice = editServer(entry.ServiceID, wider)
		f.SideEffects = "the server gets more connections than somebody thought it could serve"
		findings = append(findings, f)
	}
	return findings
}

// available reports whether a server gets new connections.
func available(server ipvs.ListedDestination) bool {
	return server.Weight > 0 && !overThreshold(server)
}

func findNoServer(s *Snapshot) []Finding {
	var findings []Finding
	for _, entry := range s.Table {
		if takesConnections(entry) || entry.Scheduler == noScheduler {
			continue
		}
		f := serviceFinding(entry.ServiceID)
		f.Consequence = "every new connection is refused"
		if len(entry.Destinations) == 0 {
			f.Summary = "the service has no servers"
			f.Evidence = "the table lists no server"
			f.Advice = addServer(entry.ServiceID)
			f.SideEffects = "the server gets connections at once"
		} else {
			server := entry.Destinations[0].Destination
			server.Weight = 1
			f.Summary = "all servers of the service have weight 0"
			f.Evidence = fmt.Sprintf("the table lists %d servers of weight 0", len(entry.Destinations))
			f.Advice = editServer(entry.ServiceID, server)
			f.SideEffects = "the server gets connections at once, so it must be able to serve them"
		}
		findings = append(findings, f)
	}
	return findings
}

// takesConnections reports whether a service has a server whose weight is not 0.
func takesConnections(entry ipvs.Entry) bool {
	for _, server := range entry.Destinations {
		if server.Weight > 0 {
			return true
		}
	}
	return false
}

// connections returns how many connections of a server count against its threshold.
func connections(server ipvs.ListedDestination) uint32 {
	return server.ActiveConnections + server.InactiveConnections
}

// overThreshold reports whether a server takes no connections because it has too many.
func overThreshold(server ipvs.ListedDestination) bool {
	return server.UpperThreshold != 0 && connections(server) >= server.UpperThreshold
}
