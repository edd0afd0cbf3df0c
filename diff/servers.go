package diff

import (
	"iter"
	"net/netip"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

func serversOf(entry *ipvs.Entry) []ipvs.Destination {
	if entry == nil {
		return nil
	}
	return entry.Servers()
}

func addService(entry *ipvs.Entry) []command.Command {
	if entry == nil {
		return nil
	}
	return []command.Command{{Kind: command.AddService, Service: entry.Service}}
}

func addServers(id ipvs.ServiceID, servers []ipvs.Destination) (commands []command.Command) {
	for _, d := range servers {
		commands = append(commands, command.Command{Kind: command.AddServer, Service: ipvs.Service{ServiceID: id}, Server: d})
	}
	return commands
}

// find returns the server at an address, or none.
func find(servers []ipvs.Destination, address netip.AddrPort) []ipvs.Destination {
	i := slices.IndexFunc(servers, func(d ipvs.Destination) bool { return d.Address == address })
	if i < 0 {
		return nil
	}
	return servers[i : i+1]
}

// either yields the servers of two lists, each address once.
func either(a, b []ipvs.Destination) iter.Seq[ipvs.Destination] {
	return func(yield func(ipvs.Destination) bool) {
		for _, d := range a {
			if !yield(d) {
				return
			}
		}
		for _, d := range b {
			if len(find(a, d.Address)) == 0 && !yield(d) {
				return
			}
		}
	}
}

// moved returns the servers of an order that must move to make it another one of the same servers. The rest is the
// longest list that has the same order in both.
func moved(from, to []command.Command) (moves []netip.AddrPort) {
	place := make(map[netip.AddrPort]int, len(from))
	for i, c := range from {
		place[c.Server.Address] = i
	}
	// longest[i] is the length of the longest such list that ends with to[i].
	longest, before := make([]int, len(to)), make([]int, len(to))
	last := -1
	for i, c := range to {
		longest[i], before[i] = 1, -1
		for j := range i {
			if place[to[j].Server.Address] < place[c.Server.Address] && longest[j] >= longest[i] {
				longest[i], before[i] = longest[j]+1, j
			}
		}
		if last < 0 || longest[i] > longest[last] {
			last = i
		}
	}
	stays := make(map[int]bool, len(to))
	for i := last; i >= 0; i = before[i] {
		stays[i] = true
	}
	for i, c := range to {
		if !stays[i] {
			moves = append(moves, c.Server.Address)
		}
	}
	return moves
}
