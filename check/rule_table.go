package check

import (
	"fmt"

	"ipvsadm/ipvs"
)

// tableRules judge services and their schedulers.
var tableRules = []Rule{{
	Name:     "no-server",
	Severity: Error,
	Summary:  "a service has no server that takes connections",
	Symptom:  "Every client of the service is refused at once: connection refused.",
	Cause: `The service has no servers, or all of them have weight 0. A server of weight 0 gets no new connections. A
health checker that finds every server down also leaves such a table.`,
	Fix: `Add a server with ipvsadm -a, or give one a weight with ipvsadm -e -w 1. If a health checker writes the table, mend
the servers or the check: the checker would undo the command.`,
	Needs: []Fact{FactTable},
	Applies: func(s *Snapshot) string {
		if len(s.Table) == 0 {
			return "the table is empty"
		}
		return ""
	},
	Find: findNoServer,
}, {
	Name:     "hash-without-fallback",
	Severity: Error,
	Summary:  "a scheduler that hashes refuses clients while one of its servers is unavailable",
	Symptom: `A part of the clients is refused at once, always the same ones, and others are served. It began when a server got
weight 0 or reached its upper threshold.`,
	Cause: `The schedulers mh and sh choose a server by a hash of the client's address. Without the flag mh-fallback or
sh-fallback they refuse the client if that server has weight 0 or is over its threshold. Of three servers, one with weight
0 cost 57 of 200 clients with mh, and 51 of 200 with sh. A deleted server costs none.`,
	Fix: `Set the flag with ipvsadm -E -b mh-fallback or -b sh-fallback: other servers then replace the unavailable one. Or
delete the server instead of giving it weight 0. While all servers are available the rule is silent.`,
	Needs:   []Fact{FactTable},
	Applies: needsHash,
	Find:    findHashWithoutFallback,
}}

func findNoServer(s *Snapshot) []Finding {
	var findings []Finding
	for _, entry := range s.Table {
		if takesConnections(entry) {
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

// hashesAddressOnly reports whether the scheduler of a service hashes the address of a client without its port.
func hashesAddressOnly(service *ipvs.Service) bool {
	return hashes(service) && service.Flags&ipvs.HashPortFlag == 0
}

// hashes reports whether the scheduler of a service chooses a server by a hash of the client.
func hashes(service *ipvs.Service) bool {
	return service.Scheduler == "mh" || service.Scheduler == "sh"
}

// needsHash returns why a rule about mh and sh does not apply.
func needsHash(s *Snapshot) string {
	for _, entry := range s.Table {
		if hashes(&entry.Service) {
			return ""
		}
	}
	return "no service has the scheduler mh or sh"
}

func findHashWithoutFallback(s *Snapshot) []Finding {
	var findings []Finding
	for _, entry := range s.Table {
		if !hashes(&entry.Service) || entry.Flags&ipvs.FallbackFlag != 0 || !takesConnections(entry) {
			continue
		}
		for _, server := range entry.Destinations {
			var why string
			switch {
			case server.Weight == 0:
				why = "weight 0"
			case overThreshold(server):
				why = fmt.Sprintf("%d connections and the upper threshold %d", connections(server), server.UpperThreshold)
			default:
				continue
			}
			f := serviceFinding(entry.ServiceID)
			flag := entry.Scheduler + "-fallback"
			f.Summary = fmt.Sprintf("%s has no %s, and the server %s is unavailable", entry.Scheduler, flag, server.Address)
			f.Evidence = fmt.Sprintf("the table lists %s with %s", server.Address, why)
			f.Consequence = "the clients that hash to this server are refused"
			fallback := entry.Service
			fallback.Flags |= ipvs.FallbackFlag
			f.Advice = editService(fallback)
			f.SideEffects = "those clients get another server, and go back to this one when it is available again"
			findings = append(findings, f)
			break
		}
	}
	return findings
}

// connections returns how many connections of a server count against its threshold.
func connections(server ipvs.ListedDestination) uint32 {
	return server.ActiveConnections + server.InactiveConnections
}

// overThreshold reports whether a server takes no connections because it has too many.
func overThreshold(server ipvs.ListedDestination) bool {
	return server.UpperThreshold != 0 && connections(server) >= server.UpperThreshold
}
