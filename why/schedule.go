package why

import (
	"fmt"
	"net/netip"
	"slices"

	"ipvsadm/ipvs"
	"ipvsadm/maglev"
)

// schedule tells which servers the scheduler may choose.
func (w *way) schedule() bool {
	const name = "scheduler"
	if len(w.servers) > 0 {
		return true
	}
	var may []ipvs.ListedDestination
	var others []string
	sorted := slices.SortedFunc(slices.Values(w.matched.Destinations), func(a, b ipvs.ListedDestination) int {
		return a.Compare(b.Destination)
	})
	for _, server := range sorted {
		if why := unavailable(server); why != "" {
			others = append(others, server.Address.String()+" "+why)
			continue
		}
		if recovering(server) {
			w.doubt(name, fmt.Sprintf("whether %s takes connections again: it has %s, and takes none from its upper threshold %d until its lower one",
				server.Address, counted(connections(server), "connection"), server.UpperThreshold))
		}
		may = append(may, server)
	}
	not := ""
	if len(others) > 0 {
		not = "; not " + shortened(others)
	}
	if len(w.matched.Destinations) == 0 {
		not = "; the service has no servers"
	}
	if len(may) == 0 {
		return w.stop(name, "no server takes new connections"+not, "the kernel refuses the connection")
	}
	w.servers = may
	w.orNone = len(others) > 0 && hashes(w.matched) && w.matched.Flags&ipvs.FallbackFlag == 0
	switch w.matched.Scheduler {
	case "mh", "sh":
		return w.hash(not)
	case "dh":
		return w.doubt(name, fmt.Sprintf("which server: dh chooses it by a hash of the address that the client asks for, from %s%s", list(may), not))
	}
	if len(may) == 1 {
		return w.say(name, fmt.Sprintf("%s is the only server that takes new connections%s", may[0].Address, not))
	}
	return w.say(name, fmt.Sprintf("%s chooses one of %s%s", w.matched.Scheduler, list(may), not))
}

// hashes reports whether the scheduler of a service chooses a server by a hash.
func hashes(service *ipvs.Entry) bool {
	return service.Scheduler == "mh" || service.Scheduler == "sh" || service.Scheduler == "dh"
}

// unavailable returns why a server takes no new connections.
func unavailable(server ipvs.ListedDestination) string {
	switch {
	case server.Weight == 0:
		return "(weight 0)"
	case server.UpperThreshold > 0 && connections(server) >= int(server.UpperThreshold):
		return fmt.Sprintf("(%d connections, upper threshold %d)", connections(server), server.UpperThreshold)
	default:
		return ""
	}
}

// recovering reports whether a server is between its thresholds: it takes connections unless it was over the upper one.
func recovering(server ipvs.ListedDestination) bool {
	lower := int(server.LowerThreshold)
	if lower == 0 {
		lower = int(server.UpperThreshold) * 3 / 4
	}
	return server.UpperThreshold > 0 && connections(server) >= lower
}

// connections returns how many connections of a server count against its thresholds.
func connections(server ipvs.ListedDestination) int {
	return int(server.ActiveConnections + server.InactiveConnections)
}

// refusals returns what happens to a client that hashes to a server that takes no connections, if there is one.
func (w *way) refusals(not string) string {
	switch {
	case not == "":
		return ""
	case w.matched.Flags&ipvs.FallbackFlag != 0:
		return fmt.Sprintf("; if it hashes to one of these, %s-fallback chooses another one", w.matched.Scheduler)
	default:
		return fmt.Sprintf("; if it hashes to one of these, the kernel refuses it, because the service has no %s-fallback", w.matched.Scheduler)
	}
}

// hash computes the server that mh or sh chooses.
func (w *way) hash(not string) bool {
	const name = "scheduler"
	scheduler, hashed := w.matched.Scheduler, "address"
	if w.matched.Flags&ipvs.HashPortFlag != 0 {
		hashed = "address and port"
		if w.Client.Port() == 0 {
			return w.doubt(name, fmt.Sprintf("which server: %s-port hashes the client's port, too; it is one of %s%s%s",
				scheduler, list(w.servers), not, w.refusals(not)))
		}
	}
	var address netip.AddrPort
	if scheduler == "mh" {
		address, _ = maglev.New(w.matched.Service, w.matched.Servers()).Server(w.Client)
	} else {
		address = SourceHash(w.matched.Service, w.matched.Servers(), w.Client).Address
	}
	leads := fmt.Sprintf("by the table of %s the hash of the client's %s leads to %s", scheduler, hashed, address)
	if scheduler == "mh" && slices.ContainsFunc(w.matched.Destinations, func(d ipvs.ListedDestination) bool { return d.Weight == 0 }) {
		return w.doubt(name, fmt.Sprintf("which server: %s, but the slots of a server whose weight became 0 are unknown%s%s", leads, not, w.refusals(not)))
	}
	for _, server := range w.servers {
		if server.Address == address {
			w.servers, w.orNone = []ipvs.ListedDestination{server}, false
			return w.say(name, leads)
		}
	}
	if w.matched.Flags&ipvs.FallbackFlag != 0 {
		return w.doubt(name, fmt.Sprintf("which server: %s, for which %s-fallback chooses one of %s%s", leads, scheduler, list(w.servers), not))
	}
	return w.stop(name, fmt.Sprintf("%s%s, and the service has no %s-fallback", leads, not, scheduler), "the kernel refuses the connection")
}
