package ipvs

import (
	"net/netip"
)

// IsTemplate reports whether the entry is a template of persistence, which sends a client's next connections to the same
// server. It is no connection itself. The kernel writes it with the client's port 0.
func (c *Connection) IsTemplate() bool { return c.Client.Port() == 0 }

// Servers finds the service and the server of a connection in a table that was read before.
type Servers struct {
	services map[ServiceID]*Entry
	marks    []*Entry
	servers  map[serverKey]*ListedDestination
}

type serverKey struct {
	service ServiceID
	address netip.AddrPort
}

// NewServers returns the servers of a table, which it keeps.
func NewServers(table []Entry) *Servers {
	s := &Servers{services: make(map[ServiceID]*Entry), servers: make(map[serverKey]*ListedDestination)}
	for i := range table {
		entry := &table[i]
		s.services[entry.ServiceID] = entry
		if entry.Mark != 0 {
			s.marks = append(s.marks, entry)
		}
		for j := range entry.Destinations {
			server := &entry.Destinations[j]
			s.servers[serverKey{entry.ServiceID, server.Address}] = server
		}
	}
	return s
}

// Find returns the service and the server of a connection. The server is nil if the service does not have it any more. Both
// are nil if no service of the table fits. A connection does not say which firewall mark its packets had: it belongs to the
// first service of a mark that has its server, unless a service of its address has it.
func (s *Servers) Find(c *Connection) (*Entry, *ListedDestination) {
	if c.Protocol == "IP" { // a mark's template: the mark stands in the first four octets
		service := s.services[MarkService(firstOctets(c.Virtual.Addr()), FamilyOf(c.Client.Addr()))]
		return service, s.server(service, c.Destination)
	}
	service := s.addressed(c)
	if server := s.server(service, c.Destination); server != nil {
		return service, server
	}
	for _, marked := range s.marks {
		if marked.Family != FamilyOf(c.Client.Addr()) {
			continue
		}
		if server := s.server(marked, c.Destination); server != nil {
			return marked, server
		}
	}
	return service, nil
}

// addressed returns the service of the connection's address. A service with port 0 has the ports that no other service has.
func (s *Servers) addressed(c *Connection) *Entry {
	protocol, ok := protocolNamed(c.Protocol)
	if !ok {
		return nil
	}
	if service, ok := s.services[AddressService(protocol, c.Virtual)]; ok {
		return service
	}
	return s.services[AddressService(protocol, netip.AddrPortFrom(c.Virtual.Addr(), 0))]
}

// server returns the server of a service at an address. A server with port 0 takes every port.
func (s *Servers) server(service *Entry, address netip.AddrPort) *ListedDestination {
	if service == nil {
		return nil
	}
	if server, ok := s.servers[serverKey{service.ServiceID, address}]; ok {
		return server
	}
	return s.servers[serverKey{service.ServiceID, netip.AddrPortFrom(address.Addr(), 0)}]
}

func protocolNamed(name string) (protocol Protocol, ok bool) {
	for _, protocol := range [...]Protocol{TCP, UDP, SCTP} {
		if name == protocol.String() {
			return protocol, true
		}
	}
	return 0, false
}
