package drain

import (
	"fmt"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/owners"
)

// Refusal is why a drain would hurt.
type Refusal struct {
	Reason      string
	Consequence string
	Instead     string // what to type or do instead
}

// Error returns the reason and the consequence.
func (r Refusal) Error() string { return fmt.Sprintf("refused: %s: %s", r.Reason, r.Consequence) }

// refusals returns why draining servers would hurt. A server that has weight 0 already does not change.
func refusals(table []ipvs.Entry, servers []Server, records []Record, owners []owners.Owner) []Refusal {
	servers = slices.DeleteFunc(slices.Clone(servers), func(s Server) bool { return s.Weight == 0 })
	if len(servers) == 0 {
		return nil
	}
	var all []Refusal
	for _, owner := range owners {
		all = append(all, ofOwner(owner, servers[0]))
	}
	for _, entry := range table {
		i := slices.IndexFunc(servers, func(s Server) bool { return s.Service.ServiceID == entry.ServiceID })
		if i < 0 {
			continue
		}
		if r, ok := ofScheduler(servers[i]); ok {
			all = append(all, r)
		}
		if r, ok := ofLast(entry, servers, records); ok {
			all = append(all, r)
		}
	}
	return all
}

// ofOwner returns the refusal of a table that another program keeps.
func ofOwner(owner owners.Owner, s Server) Refusal {
	r := Refusal{
		Reason:      owner.String() + " also manages this table",
		Consequence: "it would set the weight back",
	}
	switch owner.Name {
	case "keepalived":
		r.Instead = fmt.Sprintf(`write "weight 0" at "real_server %s %d" in keepalived.conf, and type: systemctl reload keepalived`,
			s.Address.Addr(), s.Address.Port())
	case "ldirectord":
		r.Instead = fmt.Sprintf(`write "quiescent = yes" in ldirectord.cf, delete the line "real=%s" there, and type: systemctl reload ldirectord`,
			s.Address)
	default:
		r.Instead = "type: kubectl drain NODE"
	}
	return r
}

// ofScheduler returns the refusal of a scheduler that hashes and has no way to replace a server of weight 0.
func ofScheduler(s Server) (Refusal, bool) {
	service := s.Service
	r := Refusal{Consequence: fmt.Sprintf("clients that hash to %s would be refused", s.Address)}
	switch service.Scheduler {
	case "sh", "mh":
		if service.Flags&ipvs.FallbackFlag != 0 {
			return Refusal{}, false
		}
		r.Reason = fmt.Sprintf("%s has the scheduler %s without the flag %[2]s-fallback", service.ServiceID, service.Scheduler)
		service.Flags |= ipvs.FallbackFlag
	case "dh":
		r.Reason = fmt.Sprintf("%s has the scheduler dh, which has no fallback flag", service.ServiceID)
		service.Scheduler = "lblc" // for caches, as dh is
	default:
		return Refusal{}, false
	}
	r.Instead = "type before: " + rule(command.Command{Kind: command.EditService, Service: service})
	return r, true
}

// ofLast returns the refusal of servers without which their service has no weight left.
func ofLast(entry ipvs.Entry, servers []Server, records []Record) (Refusal, bool) {
	var drained []Server
	var other *ipvs.ListedDestination
	for i, d := range entry.Destinations {
		s := Server{entry.Service, d.Destination}
		switch {
		case slices.ContainsFunc(servers, func(o Server) bool { return o.key() == s.key() }):
			drained = append(drained, s)
		case d.Weight > 0:
			return Refusal{}, false
		default:
			other = &entry.Destinations[i]
		}
	}
	r := Refusal{
		Reason:      fmt.Sprintf("%s is the last server of %s with a weight", drained[0].Address, entry.ServiceID),
		Consequence: "every new client would be refused",
	}
	option := serviceOption(entry.ServiceID)
	if len(drained) > 1 {
		r.Reason = fmt.Sprintf("%s has no other server with a weight than these %d", entry.ServiceID, len(drained))
	}
	switch {
	case other == nil:
		r.Instead = fmt.Sprintf("add another server before: ipvsadm -a %s -r SERVER --%s", option, drained[0].Forwarding)
	case slices.ContainsFunc(records, func(r Record) bool { return r.key() == key{entry.ServiceID, other.Address} }):
		r.Instead = fmt.Sprintf("type before: ipvsadm undrain -r %s %s", other.Address, option)
	default:
		r.Instead = fmt.Sprintf("type before: ipvsadm weight -r %s %s 1", other.Address, option)
	}
	return r, true
}
