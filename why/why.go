// Package why works out, step by step, what the kernel does with the next connection of a client.
package why

import (
	"net/netip"
	"slices"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// Question names a client, and the service that it connects to.
type Question struct {
	Client  netip.AddrPort // port 0 if the client has yet to choose it
	Service ipvs.ServiceID // the protocol, address and port of the packet, or its firewall mark
}

// Facts are what the kernel decides by.
type Facts struct {
	Machine *check.Snapshot // the table with its servers in the order of their addition, the network, the settings
	Entries Entries         // of the connection table
}

// Step is a decision of the kernel.
type Step struct {
	Name    string
	Text    string
	Unknown bool // this machine cannot know it
}

// Answer is what becomes of the connection.
type Answer struct {
	Steps  []Step
	Result string
}

// Explain follows the first packet of the connection.
func Explain(q Question, facts Facts) Answer {
	w := &way{Question: q, Facts: facts}
	for _, step := range []func() bool{w.address, w.service, w.entry, w.template, w.schedule, w.routes, w.reply} {
		if !step() {
			return w.answer
		}
	}
	w.answer.Result = "the server " + list(w.servers)
	if len(w.servers) > 1 {
		w.answer.Result = "one of the servers " + list(w.servers)
	}
	if w.orNone {
		w.answer.Result += ", or the kernel refuses the connection"
	}
	if w.maybeMarked {
		w.answer.Result += ", unless a firewall marks the packet"
	}
	return w.answer
}

// way is the way of a packet.
type way struct {
	Question
	Facts
	matched *ipvs.Entry              // the service
	servers []ipvs.ListedDestination // that may get the packet; one if it is known
	orNone  bool                     // the kernel may refuse the packet instead
	answer  Answer

	maybeMarked bool // a firewall may give the packet to a service of a mark
}

// say adds a step, and goes on.
func (w *way) say(name, text string) bool {
	w.answer.Steps = append(w.answer.Steps, Step{Name: name, Text: text})
	return true
}

// doubt adds a step that cannot be known, and goes on.
func (w *way) doubt(name, text string) bool {
	w.answer.Steps = append(w.answer.Steps, Step{Name: name, Text: text, Unknown: true})
	return true
}

// stop adds the last step.
func (w *way) stop(name, text, result string) bool {
	w.say(name, text)
	w.answer.Result = result
	return false
}

// Match returns the service that the kernel finds for packets to an address, or with a mark. A service of port 0 has the
// ports that no other service has.
func Match(table []ipvs.Entry, id ipvs.ServiceID) *ipvs.Entry {
	everyPort := id
	if id.Mark == 0 {
		everyPort.Address = netip.AddrPortFrom(id.Address.Addr(), 0)
	}
	for _, wanted := range []ipvs.ServiceID{id, everyPort} {
		if i := slices.IndexFunc(table, func(entry ipvs.Entry) bool { return entry.ServiceID == wanted }); i >= 0 {
			return &table[i]
		}
	}
	return nil
}

// Destinations returns the addresses whose routes the answer needs.
func Destinations(q Question, table []ipvs.Entry) []netip.Addr {
	all := []netip.Addr{q.Client.Addr()}
	if q.Service.Mark == 0 {
		all = append(all, q.Service.Address.Addr())
	}
	if service := Match(table, q.Service); service != nil {
		for _, server := range service.Destinations {
			all = append(all, server.Address.Addr())
		}
	}
	return all
}
