package check

import (
	"errors"
	"iter"
	"net/netip"
	"time"

	"ipvsadm/ipvs"
)

// Connections are counts over the connection table, made in one pass. Their size depends on the number of services and
// servers, and not on the number of connections.
type Connections struct {
	Total    int // without templates
	Services map[ipvs.ServiceID]*ServiceConnections
	Gone     map[GoneServer]ServerConnections // servers that the table lacks; at most mostGone of them
}

// ServiceConnections count the connections of a service.
type ServiceConnections struct {
	Servers map[netip.AddrPort]*ServerConnections // every server of the table has an entry
	Clients *TopClients                           // of a service that hashes by address only
}

// ServerConnections count the connections of a server.
type ServerConnections struct {
	Templates     int           // of persistence
	Waiting       int           // TCP connections whose first packet was not answered
	WaitingLong   int           // the same, when the last packet came more than two seconds ago
	Established   int           // TCP connections
	Idle          int           // established, without a packet for more than half of the timeout
	Others        int           // all other connections
	Longest       time.Duration // until the last of them expires
	BesideServer  int           // connections of clients in the network that a masqueraded server shares with this machine
	ClientExample netip.Addr    // one of these clients
	Datagrams     []Datagrams   // UDP connections of a server of weight 0; at most mostDatagrams
}

// Datagrams is a UDP connection of a client, and when it expires.
type Datagrams struct {
	Client  netip.AddrPort
	Virtual netip.AddrPort
	Expires time.Duration
}

// All returns the number of connections without templates.
func (c *ServerConnections) All() int { return c.Waiting + c.Established + c.Others }

// GoneServer names a server that the table lacks.
type GoneServer struct {
	Protocol string
	Virtual  netip.AddrPort
	Server   netip.AddrPort
}

const (
	mostGone      = 1000
	mostDatagrams = 64

	waitingTimeout = 60 * time.Second // of a TCP connection whose first packet was not answered
	waitingLong    = 2 * time.Second  // more than an answer takes
)

// Of returns the counts of a server. They are zero if the connections were not read.
func (c *Connections) Of(id ipvs.ServiceID, server netip.AddrPort) *ServerConnections {
	if service := c.Services[id]; service != nil && service.Servers[server] != nil {
		return service.Servers[server]
	}
	return new(ServerConnections)
}

// Fold counts connections. It uses the table, the timeouts and the addresses of the snapshot.
func (s *Snapshot) Fold(connections iter.Seq2[ipvs.Connection, error]) (Connections, error) {
	f := s.newFold()
	for connection, err := range connections {
		var malformed *ipvs.LineError
		if errors.As(err, &malformed) {
			continue
		}
		if err != nil {
			return Connections{}, err
		}
		f.add(&connection)
	}
	return f.result, nil
}

// fold is a pass over the connections.
type fold struct {
	result   Connections
	timeouts ipvs.Timeouts
	servers  *ipvs.Servers
	table    []ipvs.Entry
	networks map[netip.AddrPort]netip.Prefix // of masqueraded servers on this machine's link
}

func (s *Snapshot) newFold() *fold {
	f := &fold{
		result:   Connections{Services: make(map[ipvs.ServiceID]*ServiceConnections), Gone: make(map[GoneServer]ServerConnections)},
		timeouts: s.Timeouts,
		servers:  ipvs.NewServers(s.Table),
		table:    s.Table,
		networks: make(map[netip.AddrPort]netip.Prefix),
	}
	for _, entry := range s.Table {
		service := &ServiceConnections{Servers: make(map[netip.AddrPort]*ServerConnections, len(entry.Destinations))}
		if hashesAddressOnly(&entry.Service) {
			service.Clients = new(TopClients)
		}
		for _, server := range entry.Destinations {
			service.Servers[server.Address] = new(ServerConnections)
			if network, ok := s.OnLink(server.Address.Addr()); ok && server.Forwarding == ipvs.Masquerading {
				f.networks[server.Address] = network
			}
		}
		f.result.Services[entry.ServiceID] = service
	}
	return f
}

// add counts a connection.
func (f *fold) add(c *ipvs.Connection) {
	if !c.IsTemplate() {
		f.result.Total++
	}
	entry, server := f.servers.Find(c)
	if entry == nil {
		entry, server = f.related(c)
	}
	if server == nil {
		gone := GoneServer{c.Protocol, c.Virtual, c.Destination}
		counts, known := f.result.Gone[gone]
		if known || len(f.result.Gone) < mostGone {
			f.count(&counts, c)
			f.result.Gone[gone] = counts
		}
		return
	}
	service := f.result.Services[entry.ServiceID]
	counts := service.Servers[server.Address]
	f.count(counts, c)
	if c.IsTemplate() {
		return
	}
	if service.Clients != nil {
		service.Clients.Add(c.Client.Addr())
	}
	if network, ok := f.networks[server.Address]; ok && network.Contains(c.Client.Addr()) {
		counts.BesideServer++
		counts.ClientExample = c.Client.Addr()
	}
	if c.Protocol == "UDP" && server.Weight == 0 && len(counts.Datagrams) < mostDatagrams {
		counts.Datagrams = append(counts.Datagrams, Datagrams{c.Client, c.Virtual, c.Expires})
	}
}

// related returns the service and the server of a connection that another one opened, such as FTP's for data. No service has
// its port.
func (f *fold) related(c *ipvs.Connection) (*ipvs.Entry, *ipvs.ListedDestination) {
	for i := range f.table {
		entry := &f.table[i]
		if entry.Mark != 0 || entry.Address.Addr() != c.Virtual.Addr() {
			continue
		}
		for j := range entry.Destinations {
			if server := &entry.Destinations[j]; server.Address.Addr() == c.Destination.Addr() {
				return entry, server
			}
		}
	}
	return nil, nil
}

// count counts a connection of a server.
func (f *fold) count(counts *ServerConnections, c *ipvs.Connection) {
	counts.Longest = max(counts.Longest, c.Expires)
	switch {
	case c.IsTemplate():
		counts.Templates++
	case c.Protocol != "TCP":
		counts.Others++
	case c.State == "SYN_RECV":
		counts.Waiting++
		if c.Expires < waitingTimeout-waitingLong {
			counts.WaitingLong++
		}
	case c.State == "ESTABLISHED":
		counts.Established++
		if c.Expires < f.timeouts.TCP/2 {
			counts.Idle++
		}
	default:
		counts.Others++
	}
}
