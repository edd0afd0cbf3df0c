package restore

import (
	"fmt"
	"net/netip"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// moves returns the lines that give the servers of each service the order of another table, where the order counts. They
// follow the difference between the two tables. The kernel adds a server at the end, so a server that moves is deleted and
// added again: two lines for each.
func moves(from, to table) (lines []Line) {
	for _, wanted := range to.inOrder() {
		present := from.services[wanted.ServiceID]
		if present == nil || !wanted.OrderCounts() {
			continue
		}
		for _, server := range wanted.servers[inPlace(present, wanted):] {
			lines = append(lines, serverLine(command.DeleteServer, wanted, server), serverLine(command.AddServer, wanted, server))
		}
	}
	return lines
}

// inPlace returns how many of the wanted servers, from the first on, need not move. If they are in this order among the
// servers that the difference leaves, all others can follow them.
func inPlace(present, wanted *service) (inPlace int) {
	var order []netip.AddrPort
	for _, server := range present.servers {
		if wanted.server(server.Address) != nil {
			order = append(order, server.Address)
		}
	}
	for _, server := range wanted.servers {
		if present.server(server.Address) == nil {
			order = append(order, server.Address)
		}
	}
	for _, address := range order {
		if address == wanted.servers[inPlace].Address {
			inPlace++
		}
	}
	return inPlace
}

// sameOrder reports whether the kernel's entry has the same servers in the same order, if the order counts. The kernel
// lists them backwards.
func (s *service) sameOrder(servers []ipvs.ListedDestination) bool {
	if !s.OrderCounts() {
		return true
	}
	for i, server := range s.servers {
		if server.Address != servers[len(servers)-1-i].Address {
			return false
		}
	}
	return true
}

// Unordered describes what a plan without Reorder leaves undone: which servers are in another order than in the file, and
// how many would have to move. It is empty if there are none.
func (p *Plan) Unordered() string {
	if p.reorder || len(p.Moves) == 0 {
		return ""
	}
	services := make(map[string]bool)
	for _, line := range p.Moves {
		services[line.Command.Service.ServiceID.String()] = true
	}
	where := p.Moves[0].Command.Service.ServiceID.String()
	if len(services) > 1 {
		where = fmt.Sprintf("%s and %d more", where, len(services)-1)
	}
	return fmt.Sprintf("the servers of %s are in another order than in %s, so mh chooses other servers for some clients than on a "+
		"director that began with this file; --reorder would delete and add %d of them, one at a time", where, p.Source, len(p.Moves)/2)
}
