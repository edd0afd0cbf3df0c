// Package diff compares two tables: services, servers, timeouts and daemons. Package restore reads them, and package ipvs
// defines what counts.
package diff

import (
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/restore"
)

// Object is what differs.
type Object string

// The objects.
const (
	Timeouts Object = "timeouts"
	Daemon   Object = "daemon"
	Service  Object = "service"
	Server   Object = "server"
	Order    Object = "order" // of the servers of a service, where it counts
)

// Difference is a difference between two tables. A and B are the commands that make the object as it is in each: none if
// it is missing there. For an order they are the servers that both tables have.
type Difference struct {
	Object  Object
	Service ipvs.ServiceID // of a service, a server or an order
	A, B    []command.Command
}

// Options choose what does not count.
type Options struct {
	IgnoreWeights bool
}

// Compare returns the differences between two tables, the settings first and then by service, in the order in which
// ipvsadm lists them.
func Compare(a, b *restore.Description, options Options) []Difference {
	all := append(compareTimeouts(a.Timeouts, b.Timeouts), compareDaemons(a, b)...)
	inA, inB := byID(a.Entries), byID(b.Entries)
	for _, id := range union(a.Entries, b.Entries) {
		all = append(all, compareEntries(id, inA[id], inB[id], options)...)
	}
	return all
}

func compareTimeouts(a, b ipvs.Timeouts) []Difference {
	if a.With(b) == b.With(a) { // which differ only in a timeout that both know
		return nil
	}
	set := func(t ipvs.Timeouts) []command.Command {
		return []command.Command{{Kind: command.SetTimeouts, Timeouts: t}}
	}
	return []Difference{{Object: Timeouts, A: set(a), B: set(b)}}
}

// compareDaemons compares the daemons of the states that are known in both tables.
func compareDaemons(a, b *restore.Description) (all []Difference) {
	start := func(daemons []ipvs.Daemon) (commands []command.Command) {
		for _, d := range daemons {
			commands = append(commands, command.Command{Kind: command.StartDaemon, Daemon: d})
		}
		return commands
	}
	for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
		inA, knownA := a.Daemons[state]
		inB, knownB := b.Daemons[state]
		if knownA && knownB && !slices.EqualFunc(inA, inB, ipvs.Daemon.Same) {
			all = append(all, Difference{Object: Daemon, A: start(inA), B: start(inB)})
		}
	}
	return all
}

// compareEntries compares a service and its servers. One of the entries may be nil.
func compareEntries(id ipvs.ServiceID, a, b *ipvs.Entry, options Options) (all []Difference) {
	if a == nil || b == nil || !a.Same(b.Service) {
		all = append(all, Difference{Service, id, addService(a), addService(b)})
	}
	inA, inB := serversOf(a), serversOf(b)
	for _, server := range slices.SortedFunc(either(inA, inB), ipvs.Destination.Compare) {
		there, here := find(inA, server.Address), find(inB, server.Address)
		if len(there) == 1 && len(here) == 1 && same(there[0], here[0], options) {
			continue
		}
		all = append(all, Difference{Server, id, addServers(id, there), addServers(id, here)})
	}
	if a == nil || b == nil || !a.OrderCounts() || !b.OrderCounts() {
		return all
	}
	bothA := slices.DeleteFunc(slices.Clone(inA), func(d ipvs.Destination) bool { return len(find(inB, d.Address)) == 0 })
	bothB := slices.DeleteFunc(slices.Clone(inB), func(d ipvs.Destination) bool { return len(find(inA, d.Address)) == 0 })
	if !slices.EqualFunc(bothA, bothB, sameAddress) {
		all = append(all, Difference{Order, id, addServers(id, bothA), addServers(id, bothB)})
	}
	return all
}

func same(a, b ipvs.Destination, options Options) bool {
	if options.IgnoreWeights {
		a.Weight = b.Weight
	}
	return a.Same(b)
}

func sameAddress(a, b ipvs.Destination) bool { return a.Address == b.Address }

func byID(entries []ipvs.Entry) map[ipvs.ServiceID]*ipvs.Entry {
	all := make(map[ipvs.ServiceID]*ipvs.Entry, len(entries))
	for i := range entries {
		all[entries[i].ServiceID] = &entries[i]
	}
	return all
}

// union returns the services of both tables, each once, in the order in which ipvsadm lists them.
func union(a, b []ipvs.Entry) []ipvs.ServiceID {
	var ids []ipvs.ServiceID
	for _, entry := range slices.Concat(a, b) {
		ids = append(ids, entry.ServiceID)
	}
	slices.SortFunc(ids, ipvs.ServiceID.Compare)
	return slices.Compact(ids)
}
