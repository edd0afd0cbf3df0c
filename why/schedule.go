package why

import (
	"fmt"
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
	case "mh":
		return w.maglev(not)
	case "sh":
		return w.doubt(name, fmt.Sprintf("which server: sh chooses it by a hash of the client's %s, from %s%s%s", w.hashed(), list(may), not, w.refusals(not)))
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

// hashed returns what mh and sh hash.
func (w *way) hashed() string {
	if w.matched.Flags&ipvs.HashPortFlag != 0 {
		return "address and port"
	}
	return "address"
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

// maglev computes the server that mh chooses.
func (w *way) maglev(not string) bool {
	const name = "scheduler"
	if w.matched.Flags&ipvs.HashPortFlag != 0 && w.Client.Port() == 0 {
		return w.doubt(name, fmt.Sprintf("which server: mh-port hashes the client's port, too; it is one of %s%s%s", list(w.servers), not, w.refusals(not)))
	}
	address, _ := maglev.New(w.matched.Service, w.matched.Servers()).Server(w.Client)
	hashed := fmt.Sprintf("by the table of Maglev the hash of the client's %s leads to %s", w.hashed(), address)
	for _, server := range w.matched.Destinations {
		if server.Weight == 0 {
			return w.doubt(name, fmt.Sprintf("which server: %s, but the slots of a server whose weight became 0 are unknown%s%s", hashed, not, w.refusals(not)))
		}
	}
	for _, server := range w.servers {
		if server.Address == address {
			w.servers, w.orNone = []ipvs.ListedDestination{server}, false
			return w.say(name, hashed)
		}
	}
	if w.matched.Flags&ipvs.FallbackFlag != 0 {
		return w.doubt(name, fmt.Sprintf("which server: %s, for which mh-fallback chooses one of %s%s", hashed, list(w.servers), not))
	}
	return w.stop(name, hashed+not+", and the service has no mh-fallback", "the kernel refuses the connection")
}
