package check

import (
	"fmt"

	"ipvsadm/ipvs"
)

// hashRules judge the schedulers that choose a server by a hash of the client: mh and sh.
var hashRules = []Rule{{
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
}, {
	Name:     "hash-by-address-only",
	Severity: Warning,
	Summary:  "a scheduler that hashes addresses without ports, and few clients with most connections",
	Symptom:  "Some servers have nearly all connections and others have none. Often the clients are proxies or other machines of yours.",
	Cause: `Without the flag mh-port or sh-port all connections of a client go to the same server. That is even only if the
clients are many. The rule looks at services with at least 100 connections, where as many clients as the service has servers
make up more than half.`,
	Fix: `Set the flag with ipvsadm -E -b mh-port or -b sh-port: the client's port then counts, too. It does not suit services
whose clients must stay on one server.`,
	Needs:   []Fact{FactTable, FactConnections},
	Applies: needsHash,
	Find:    findHashByAddressOnly,
}}

// manyConnections is how many connections show how a service's clients are spread.
const manyConnections = 100

func findHashByAddressOnly(s *Snapshot) []Finding {
	var findings []Finding
	for _, entry := range s.Table {
		service := s.Connections.Services[entry.ServiceID]
		if service == nil || service.Clients == nil || service.Clients.Total < manyConnections || len(entry.Destinations) < 2 {
			continue
		}
		clients, connections := service.Clients.Heaviest(len(entry.Destinations))
		if 2*connections <= service.Clients.Total {
			continue
		}
		f := serviceFinding(entry.ServiceID)
		flag := entry.Scheduler + "-port"
		f.Summary = fmt.Sprintf("%s hashes addresses without ports, and few clients have most connections", entry.Scheduler)
		f.Evidence = fmt.Sprintf("the connection table lists %d connections, %d of them of %d clients such as %s",
			service.Clients.Total, connections, len(clients), clients[0])
		f.Consequence = "all connections of a client go to one server, so the load is uneven"
		hashing := entry.Service
		hashing.Flags |= ipvs.HashPortFlag
		f.Advice = editService(hashing)
		f.SideEffects = "with " + flag + " the connections of a client go to different servers"
		findings = append(findings, f)
	}
	return findings
}

// refusesHashed reports whether a service refuses the clients that hash to an unavailable server.
func refusesHashed(entry ipvs.Entry) bool {
	return hashes(&entry.Service) && entry.Flags&ipvs.FallbackFlag == 0
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
		if !refusesHashed(entry) || !takesConnections(entry) {
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
