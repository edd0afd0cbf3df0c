package why

import (
	"fmt"
	"net/netip"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// routes tells how the packet reaches each server that may get it.
func (w *way) routes() bool {
	const name = "route"
	lost := 0
	for i, server := range w.servers {
		text, outcome := w.route(server)
		switch {
		case outcome == dropped && len(w.servers) == 1:
			return w.stop(name, text, "the packet does not reach the server "+server.Address.String())
		case outcome == dropped:
			lost++
		}
		switch {
		case i == mostListed:
			w.say(name, fmt.Sprintf("%d more servers", len(w.servers)-i))
		case i > mostListed:
		case outcome == uncertain:
			w.doubt(name, text)
		default:
			w.say(name, text)
		}
	}
	if lost == len(w.servers) {
		w.answer.Result = "the packet reaches no server"
		return false
	}
	return true
}

// outcome is what becomes of a packet on its way to a server.
type outcome int

const (
	leaves outcome = iota
	uncertain
	dropped
)

// route tells how the packet reaches a server.
func (w *way) route(server ipvs.ListedDestination) (string, outcome) {
	address := server.Address.Addr()
	to := fmt.Sprintf("%s by %s", server.Address, method(server))
	route := w.Machine.Routes[address]
	link := w.Machine.Links[route.Link]
	switch {
	case route.Kind == "":
		return to + ": the route cannot be read", uncertain
	case route.Kind == check.RouteLocal && server.Forwarding == ipvs.Masquerading:
		return to + ": this machine itself, a program that listens on " + server.Address.String(), leaves
	case route.Kind == check.RouteLocal:
		return to + ": this machine itself, a program that listens on the address and port of the service", leaves
	case route.Kind.Drops():
		return fmt.Sprintf("%s: %s", to, w.describe(route)), dropped
	case !link.Up || !link.Carrier:
		return fmt.Sprintf("%s: %s, which is down", to, w.describe(route)), dropped
	case server.Forwarding == ipvs.DirectRouting && route.Gateway.IsValid():
		return fmt.Sprintf("%s: %s, a router, which does not send it to the server: its destination is still the service",
			to, w.describe(route)), dropped
	}
	hop := address
	if route.Gateway.IsValid() {
		hop = route.Gateway
	}
	neighbour, outcome := w.neighbour(hop, link)
	return fmt.Sprintf("%s: %s, %s", to, w.describe(route), neighbour), outcome
}

// method returns how a server gets packets.
func method(server ipvs.ListedDestination) string {
	switch server.Forwarding {
	case ipvs.Masquerading:
		return "masquerading"
	case ipvs.Tunneling:
		return "a tunnel (" + server.Tunnel.Type.String() + ")"
	case ipvs.DirectRouting:
		return "direct routing"
	default:
		return server.Forwarding.String()
	}
}

// neighbour tells whether the MAC address of the next hop is known.
func (w *way) neighbour(hop netip.Addr, link check.Link) (string, outcome) {
	if link.NoARP {
		return "which needs no MAC address", leaves
	}
	neighbour, known := w.Machine.Neighbour(hop)
	switch {
	case !known || neighbour.Hardware == "" && neighbour.State&check.NeighbourFailed == 0:
		return "whose MAC address the kernel asks for then", uncertain
	case neighbour.State&check.NeighbourFailed != 0:
		return fmt.Sprintf("but %s did not tell its MAC address when the kernel asked last", hop), uncertain
	default:
		return "MAC address " + neighbour.Hardware, leaves
	}
}

// reply tells which way the answer takes.
func (w *way) reply() bool {
	const name = "reply"
	masqueraded, direct := 0, 0
	for _, server := range w.servers {
		switch {
		case w.Machine.Routes[server.Address.Addr()].Kind == check.RouteLocal:
		case server.Forwarding == ipvs.Masquerading:
			masqueraded++
		default:
			direct++
		}
	}
	if direct > 0 {
		w.say(name, "with direct routing and tunnels the server answers the client itself: the answer does not pass this machine")
	}
	if masqueraded == 0 {
		return true
	}
	setting := "net.ipv4.ip_forward"
	if w.Client.Addr().Is6() {
		setting = "net.ipv6.conf.all.forwarding"
	}
	text := "with masquerading the answer must come back through this machine"
	if w.Machine.Settings[setting] == "0" {
		text += ", which does not forward: " + w.setting(setting)
		if direct == 0 {
			return w.stop(name, text, "the client gets no answer")
		}
		return w.say(name, text)
	}
	route := w.Machine.Routes[w.Client.Addr()]
	if route.Kind.Drops() {
		return w.stop(name, text+fmt.Sprintf(", which has no way to the client: ip route get %s: %s", w.Client.Addr(), w.describe(route)),
			"the client gets no answer")
	}
	w.say(name, text+", and goes on "+w.describe(route))
	if w.besideServer() {
		return w.doubt(name, "the client is in the network of a server: whether that server sends answers for its own network through this machine")
	}
	return w.doubt(name, "whether the way from the server to the client leads through this machine: ipvsadm check --real-server on the server knows it")
}

// besideServer reports whether the client is in a network that this machine shares with a masqueraded server.
func (w *way) besideServer() bool {
	for _, own := range w.Machine.Addresses {
		if own.Prefix.IsSingleIP() || !own.Prefix.Contains(w.Client.Addr()) {
			continue
		}
		for _, server := range w.servers {
			if server.Forwarding == ipvs.Masquerading && own.Prefix.Contains(server.Address.Addr()) {
				return true
			}
		}
	}
	return false
}
