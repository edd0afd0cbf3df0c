package check

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
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
	Waiting       int           // TCP connections in the state SYN_RECV
	WaitingLong   int           // the same, while the client tries: the last packet came 1 to 20 seconds ago
	Established   int           // TCP connections
	Idle          int           // established, without a packet for more than half of the timeout
	Closing       int           // TCP connections in all other states
	Others        int           // connections of other protocols
	Longest       time.Duration // until the last of those expires that are alive
	Beside        int           // connections of clients in the network that a masqueraded server shares with this machine
	BesideWaiting int           // of these, those that count in WaitingLong
	BesideAnswers int           // of these, those that are no longer in SYN_RECV
	ClientExample netip.Addr    // a client of BesideWaiting
	Datagrams     []Datagrams   // UDP connections of a server of weight 0; at most mostDatagrams
}

// Datagrams is a UDP connection of a client, and when it expires.
type Datagrams struct {
	Client  netip.AddrPort
	Virtual netip.AddrPort
	Expires time.Duration
}

// Alive returns the number of connections over which packets may still come.
func (c *ServerConnections) Alive() int { return c.Established + c.Others }

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
	waitingLong    = time.Second      // more than an answer takes
	waitingTooLong = 20 * time.Second // the client has given up: it sends its first packet again sooner
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
		if err == nil {
			f.add(&connection)
		} else if malformed := (*ipvs.LineError)(nil); !errors.As(err, &malformed) {
			return Connections{}, err
		}
	}
	return f.result, nil
}

// fold is a pass over the connections.
type fold struct {
	result   Connections
	timeouts ipvs.Timeouts
	servers  *ipvs.Servers
	entries  map[netip.Addr][]*ipvs.Entry    // by the address of the service
	networks map[netip.AddrPort]netip.Prefix // of masqueraded servers on this machine's link
}

func (s *Snapshot) newFold() *fold {
	f := &fold{
		result:   Connections{Services: make(map[ipvs.ServiceID]*ServiceConnections), Gone: make(map[GoneServer]ServerConnections)},
		timeouts: s.Timeouts,
		servers:  ipvs.NewServers(s.Table),
		entries:  make(map[netip.Addr][]*ipvs.Entry),
		networks: make(map[netip.AddrPort]netip.Prefix),
	}
	for i := range s.Table {
		entry := &s.Table[i]
		if entry.Mark == 0 {
			f.entries[entry.Address.Addr()] = append(f.entries[entry.Address.Addr()], entry)
		}
		service := &ServiceConnections{Servers: make(map[netip.AddrPort]*ServerConnections, len(entry.Destinations))}
		if hashesAddressOnly(&entry.Service) {
			service.Clients = new(TopClients)
		}
		for _, server := range entry.Destinations {
			service.Servers[server.Address] = new(ServerConnections)
			if server.Forwarding != ipvs.Masquerading {
				continue
			}
			if own, ok := s.beside(server.Address.Addr()); ok {
				f.networks[server.Address] = own.Prefix.Masked()
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
		counts.Beside++
		switch {
		case waitsLong(c):
			counts.BesideWaiting++
			counts.ClientExample = c.Client.Addr()
		case c.State != synReceived:
			counts.BesideAnswers++
		}
	}
	if c.Protocol == "UDP" && server.Weight == 0 && len(counts.Datagrams) < mostDatagrams {
		counts.Datagrams = append(counts.Datagrams, Datagrams{c.Client, c.Virtual, c.Expires})
	}
}

// related returns the service and the server of a connection that another one opened, such as FTP's for data. No service has
// its port.
func (f *fold) related(c *ipvs.Connection) (*ipvs.Entry, *ipvs.ListedDestination) {
	for _, entry := range f.entries[c.Virtual.Addr()] {
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
	switch {
	case c.IsTemplate():
		counts.Templates++
		return
	case c.Protocol != ipvs.TCP.String():
		counts.Others++
	case c.State == synReceived:
		counts.Waiting++
		if waitsLong(c) {
			counts.WaitingLong++
		}
		return
	case c.State == "ESTABLISHED":
		counts.Established++
		if c.Expires < f.timeouts.TCP/2 {
			counts.Idle++
		}
	default:
		counts.Closing++
		return
	}
	counts.Longest = max(counts.Longest, c.Expires)
}

// synReceived is the state of a TCP connection after its client's first packet.
const synReceived = "SYN_RECV"

// waitsLong reports whether the first packet of a connection had no answer, and came more than a moment ago. A fault that was
// mended leaves connections behind, which count no longer.
func waitsLong(c *ipvs.Connection) bool {
	quiet := waitingTimeout - c.Expires
	return c.State == synReceived && quiet > waitingLong && quiet < waitingTooLong
}

// sortedGone returns the servers that the table lacks, in the order of their services.
func sortedGone(gone map[GoneServer]ServerConnections) []GoneServer {
	return slices.SortedFunc(maps.Keys(gone), func(a, b GoneServer) int {
		return cmp.Or(a.Virtual.Compare(b.Virtual), strings.Compare(a.Protocol, b.Protocol), a.Server.Compare(b.Server))
	})
}

// protocol returns the protocol that the connection table calls by a name, or 0 for a template without one.
func protocol(name string) ipvs.Protocol {
	for _, p := range [...]ipvs.Protocol{ipvs.TCP, ipvs.UDP, ipvs.SCTP} {
		if name == p.String() {
			return p
		}
	}
	return 0
}
