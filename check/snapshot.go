package check

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/owners"
)

// Snapshot holds facts about a machine. Rules are functions of it. Package check/system reads it.
type Snapshot struct {
	Table       []ipvs.Entry // in the order of a listing
	Info        ipvs.Info
	Timeouts    ipvs.Timeouts
	Daemons     []ipvs.Daemon
	Connections Connections
	Settings    Settings
	Addresses   []Address
	Links       map[int]Link // by index
	Routes      map[netip.Addr]Route
	RuledMarks  map[uint32]bool // the firewall marks for which there are routing rules
	Neighbours  []Neighbour
	Listeners   []Listener
	Programs    []Program
	Owners      []owners.Owner
	Counters    map[string]uint64 // by protocol and name, such as "Icmp.OutDestUnreachs"

	// SyncIDs count the synchronization messages that came while the backup daemon had received nothing, by their ID.
	SyncIDs map[uint32]int

	// Later is a second look, if a rise matters.
	Later *Later

	// Probes are empty without --probe.
	Probes Probes

	index *index

	// RealServer is empty on a director.
	RealServer RealServer

	// Unread holds why a fact could not be read. The rules that need it are skipped.
	Unread map[Fact]error
}

// Fact is a part of a snapshot that may be unreadable.
type Fact string

// The facts, by what a report calls them.
const (
	FactTable       Fact = "the table"
	FactConnections Fact = "the connections"
	FactTimeouts    Fact = "the timeouts"
	FactDaemons     Fact = "the synchronization daemons"
	FactAddresses   Fact = "the addresses"
	FactLinks       Fact = "the network devices"
	FactRoutes      Fact = "the routes"
	FactNeighbours  Fact = "the neighbours"
	FactListeners   Fact = "the listening sockets"
	FactRules       Fact = "the routing rules"
	FactSync        Fact = "the synchronization messages"
	FactPrograms    Fact = "the processes"
	FactOwners      Fact = "the programs that keep the table"
	FactCounters    Fact = "the network counters"
)

// Address is an address of this machine.
type Address struct {
	Prefix    netip.Prefix // its network, with the address itself
	Link      int
	Tentative bool // IPv6: duplicate detection is not finished
	Duplicate bool // IPv6: another machine has it
}

// Link is a network device.
type Link struct {
	Index     int
	Name      string
	Kind      string // "veth", "ipip"; empty for hardware
	Up        bool
	Carrier   bool
	Multicast bool
	Loopback  bool
	NoARP     bool // the device neither asks nor answers who has an address
	MTU       int
	Hardware  string // the MAC address
}

// Route is the kernel's answer to a route lookup.
type Route struct {
	Kind    RouteKind
	Link    int        // of the device
	Gateway netip.Addr // invalid if the destination is on the link
	MTU     int        // of the route; zero for the device's
}

// RouteKind is what the kernel does with a packet.
type RouteKind string

// The kinds of routes.
const (
	RouteUnicast     RouteKind = "unicast"
	RouteLocal       RouteKind = "local"
	RouteBroadcast   RouteKind = "broadcast"
	RouteMulticast   RouteKind = "multicast"
	RouteBlackhole   RouteKind = "blackhole"
	RouteUnreachable RouteKind = "unreachable"
	RouteProhibit    RouteKind = "prohibit"
	RouteNone        RouteKind = "none" // the kernel has no route
)

// Drops reports whether the kernel drops the packet.
func (k RouteKind) Drops() bool {
	return k == RouteBlackhole || k == RouteUnreachable || k == RouteProhibit || k == RouteNone
}

// Neighbour is an entry of the kernel's neighbour table (ARP and ND).
type Neighbour struct {
	Address  netip.Addr
	Link     int
	State    NeighbourState
	Hardware string // the MAC address; empty while it is unknown
}

// NeighbourState is the state of a neighbour, by NUD_* (linux/neighbour.h).
type NeighbourState uint16

// The states that rules judge.
const (
	NeighbourIncomplete NeighbourState = 0x01
	NeighbourFailed     NeighbourState = 0x20
)

// Listener is a socket that waits for connections or datagrams.
type Listener struct {
	Protocol ipvs.Protocol
	Address  netip.AddrPort // 0.0.0.0 or :: for every address
}

// Program is a running program, one of [ProgramNames], in this network namespace.
type Program struct {
	Name    string
	Process int
}

// Later is what changes between two looks.
type Later struct {
	After       time.Duration // the first look
	Counters    map[string]uint64
	Connections Connections
}

// Rise returns how much a counter rose between the two looks.
func (s *Snapshot) Rise(counter string) uint64 {
	if s.Later == nil || s.Later.Counters[counter] < s.Counters[counter] {
		return 0
	}
	return s.Later.Counters[counter] - s.Counters[counter]
}

// The counters that rules judge.
const (
	CountReversePath    = "TcpExt.IPReversePathFilter"
	CountUnreachable    = "Icmp.OutDestUnreachs"
	CountConntrackDrops = "conntrack.drops"
)

// sortedLinks returns the devices in the order of their numbers.
func (s *Snapshot) sortedLinks() []Link {
	return slices.SortedFunc(maps.Values(s.Links), func(a, b Link) int { return a.Index - b.Index })
}
