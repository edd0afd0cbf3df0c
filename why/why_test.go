package why

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// farm is a director of 192.0.2.100:80 that masquerades three servers.
type farm struct {
	Question
	Facts
	connections []ipvs.Connection
}

func newFarm() *farm {
	local, inside := check.Route{Kind: check.RouteLocal, Link: 1}, check.Route{Kind: check.RouteUnicast, Link: 3}
	f := &farm{Question: Question{
		Client:  netip.MustParseAddrPort("198.51.100.7:40000"),
		Service: ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.100:80")),
	}}
	f.Machine = &check.Snapshot{
		Links: map[int]check.Link{
			1: {Index: 1, Name: "lo", Up: true, Carrier: true, Loopback: true},
			2: {Index: 2, Name: "eth0", Up: true, Carrier: true},
			3: {Index: 3, Name: "eth1", Up: true, Carrier: true},
		},
		Addresses: []check.Address{{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Link: 3}},
		Routes: map[netip.Addr]check.Route{
			f.Service.Address.Addr():             local,
			f.Client.Addr():                      {Kind: check.RouteUnicast, Link: 2, Gateway: netip.MustParseAddr("192.0.2.254")},
			netip.MustParseAddr("10.0.0.11"):     inside,
			netip.MustParseAddr("10.0.0.12"):     inside,
			netip.MustParseAddr("10.0.0.13"):     inside,
			netip.MustParseAddr("192.0.2.200"):   local,
			netip.MustParseAddr("203.0.113.100"): {Kind: check.RouteUnicast, Link: 2, Gateway: netip.MustParseAddr("192.0.2.254")},
		},
		Neighbours: []check.Neighbour{{Address: netip.MustParseAddr("10.0.0.11"), Link: 3, State: 2, Hardware: "02:00:00:00:00:11"}},
		Settings:   check.Settings{"net.ipv4.ip_forward": "1", reuseMode: "1", expireNoServer: "0", expireQuiescent: "0", runEstimation: "1"},
		Unread:     map[check.Fact]error{},
	}
	entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: f.Service, Scheduler: "rr"}}}
	for _, server := range []string{"10.0.0.11:80", "10.0.0.12:80", "10.0.0.13:80"} {
		entry.Destinations = append(entry.Destinations, ipvs.ListedDestination{
			Destination: ipvs.Destination{Address: netip.MustParseAddrPort(server), Weight: 1}})
	}
	f.Machine.Table = []ipvs.Entry{entry}
	return f
}

func (f *farm) server(i int) *ipvs.ListedDestination { return &f.Machine.Table[0].Destinations[i] }

// only leaves one server.
func (f *farm) only() *ipvs.ListedDestination {
	f.Machine.Table[0].Destinations = f.Machine.Table[0].Destinations[:1]
	return f.server(0)
}

func (f *farm) route(address string, route check.Route) {
	f.Machine.Routes[netip.MustParseAddr(address)] = route
}

// connect adds a line to the connection table.
func (f *farm) connect(protocol, client, virtual, server, state string) {
	f.connections = append(f.connections, ipvs.Connection{
		Protocol: protocol, Client: netip.MustParseAddrPort(client), Virtual: netip.MustParseAddrPort(virtual),
		Destination: netip.MustParseAddrPort(server), State: state, Expires: 50 * time.Second,
	})
}

func (f *farm) persist() {
	f.Machine.Table[0].Flags, f.Machine.Table[0].Timeout = ipvs.Persistent, 300*time.Second
}

func (f *farm) list() iter.Seq2[ipvs.Connection, error] {
	return func(yield func(ipvs.Connection, error) bool) {
		for _, c := range f.connections {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// explain returns the answer without its numbers: "service: text" for a step, "route? text" for an unknown one.
func (f *farm) explain(t *testing.T) string {
	t.Helper()
	var err error
	if f.Entries, err = Read(f.Question, f.Machine.Table, f.list()); err != nil {
		t.Fatal(err)
	}
	answer := Explain(f.Question, f.Facts)
	var b strings.Builder
	for _, step := range answer.Steps {
		mark := ":"
		if step.Unknown {
			mark = "?"
		}
		fmt.Fprintf(&b, "%s%s %s\n", step.Name, mark, step.Text)
	}
	return b.String() + "result: " + answer.Result + "\n"
}

func TestExplain(t *testing.T) {
	got := newFarm().explain(t)
	want := `address: 192.0.2.100 is an address of this machine, so packets to it reach IPVS
service: tcp 192.0.2.100:80 matches; its scheduler is rr
entry: none for port 40000; the client has no other connection
template: none: the service is not persistent
scheduler: rr chooses one of 10.0.0.11:80, 10.0.0.12:80, 10.0.0.13:80
route: 10.0.0.11:80 by masquerading: dev eth1, MAC address 02:00:00:00:00:11
route? 10.0.0.12:80 by masquerading: dev eth1, whose MAC address the kernel asks for then
route? 10.0.0.13:80 by masquerading: dev eth1, whose MAC address the kernel asks for then
reply: with masquerading the answer must come back through this machine, and goes on via 192.0.2.254 dev eth0
reply? whether the way from the server to the client leads through this machine: ipvsadm check --real-server on the server knows it
result: one of the servers 10.0.0.11:80, 10.0.0.12:80, 10.0.0.13:80
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-) and got (+) differ:\n%s", diff)
	}
}

// TestSteps changes the farm in each way that another step depends on. The wanted lines must be in the answer.
func TestSteps(t *testing.T) {
	const client = "198.51.100.7:40000"
	const service = "192.0.2.100:80"
	for _, test := range []struct {
		what   string
		change func(*farm)
		want   []string
	}{
		{"no such address", func(f *farm) { f.route("192.0.2.100", check.Route{Kind: check.RouteUnicast, Link: 2}) },
			[]string{"address: 192.0.2.100 is not an address of this machine (ip route get: dev eth0)", "result: IPVS never sees the packet"}},
		{"routes unread", func(f *farm) { f.Machine.Routes = nil }, []string{"address? ", "route? 10.0.0.11:80 by masquerading: the route cannot be read"}},
		{"a mark", func(f *farm) {
			f.Service = ipvs.MarkService(7, ipvs.IPv4)
			f.Machine.Table[0].ServiceID = f.Service
		}, []string{"address? whether a firewall gives the packet the mark 7", "service: mark 7 matches"}},
		{"another service of a mark", func(f *farm) {
			f.Machine.Table = append(f.Machine.Table, ipvs.Entry{ListedService: ipvs.ListedService{
				Service: ipvs.Service{ServiceID: ipvs.MarkService(9, ipvs.IPv4)}}})
		}, []string{"service? whether a firewall", "the table has mark 9\n", "service: tcp 192.0.2.100:80 matches", "10.0.0.13:80, unless a firewall marks the packet\n"}},
		{"every port", func(f *farm) {
			f.persist()
			f.Machine.Table[0].Address = netip.MustParseAddrPort("192.0.2.100:0")
		}, []string{"service: tcp 192.0.2.100:0 matches, which has every port that no other service has"}},
		{"no service", func(f *farm) { f.Machine.Table = nil }, []string{"service: no service of the table has tcp 192.0.2.100:80", "result: IPVS leaves the packet alone"}},
		{"one packet", func(f *farm) { f.Machine.Table[0].Flags = ipvs.OnePacket }, []string{", for each packet anew", "entry: none: the service keeps none"}},

		{"a new port", func(f *farm) {
			f.Client = netip.MustParseAddrPort("198.51.100.7:0")
			f.connect("TCP", client, service, "10.0.0.12:80", "ESTABLISHED")
		},
			[]string{"entry: none, if the client uses a new port; it has 1 other connection\n"}},
		{"an entry", func(f *farm) { f.connect("TCP", client, service, "10.0.0.12:80", "ESTABLISHED") },
			[]string{"entry: the connection is in the table: 10.0.0.12:80, ESTABLISHED, 50s left; the packet follows it\n", "result: the server 10.0.0.12:80\n"}},
		{"other clients", func(f *farm) {
			f.connect("TCP", "198.51.100.8:40000", service, "10.0.0.12:80", "ESTABLISHED")
			f.connect("TCP", client, "192.0.2.100:81", "10.0.0.12:80", "ESTABLISHED")
			f.connect("UDP", client, service, "10.0.0.12:80", "UDP")
		}, []string{"entry: none for port 40000; the client has no other connection"}},
		{"an entry of a drained server", func(f *farm) {
			f.server(1).Weight = 0
			f.connect("TCP", client, service, "10.0.0.12:80", "ESTABLISHED")
		},
			[]string{"follows it, although the server has weight 0", "result: the server 10.0.0.12:80"}},
		{"the same with expire_nodest_conn", func(f *farm) {
			f.server(1).Weight = 0
			f.Machine.Settings[expireNoServer] = "1"
			f.connect("TCP", client, service, "10.0.0.12:80", "ESTABLISHED")
		}, []string{"chooses a server again, because its server has weight 0", "result: one of the servers 10.0.0.11:80, 10.0.0.13:80\n"}},
		{"the same with an older kernel", func(f *farm) {
			f.server(1).Weight = 0
			f.Machine.Settings[expireNoServer] = "1"
			delete(f.Machine.Settings, runEstimation)
			f.connect("TCP", client, service, "10.0.0.12:80", "ESTABLISHED")
		}, []string{"result: the server 10.0.0.12:80"}},
		{"the same with UDP", func(f *farm) {
			f.Service.Protocol, f.Machine.Table[0].Protocol = ipvs.UDP, ipvs.UDP
			f.server(1).Weight = 0
			f.Machine.Settings[expireNoServer] = "1"
			f.connect("UDP", client, service, "10.0.0.12:80", "UDP")
		}, []string{"result: the server 10.0.0.12:80"}},
		{"an entry in CLOSE", func(f *farm) { f.connect("TCP", client, service, "10.0.0.12:80", "CLOSE") },
			[]string{"chooses a server again, because net.ipv4.vs.conn_reuse_mode = 1"}},
		{"an entry in TIME_WAIT", func(f *farm) { f.connect("TCP", client, service, "10.0.0.12:80", "TIME_WAIT") },
			[]string{"chooses a server again, because net.ipv4.vs.conn_reuse_mode = 1"}},
		{"an entry in TIME_WAIT without reuse", func(f *farm) {
			f.Machine.Settings[reuseMode] = "0"
			f.connect("TCP", client, service, "10.0.0.12:80", "TIME_WAIT")
		}, []string{"result: the server 10.0.0.12:80"}},
		{"an entry in FIN_WAIT", func(f *farm) { f.connect("TCP", client, service, "10.0.0.12:80", "FIN_WAIT") }, []string{"result: the server 10.0.0.12:80"}},
		{"an entry in FIN_WAIT, and direct routing", func(f *farm) {
			f.Machine.Settings[reuseMode] = "2"
			f.connect("TCP", client, service, "10.0.0.12:80", "FIN_WAIT")
		}, []string{"entry? ", "whether the packet follows it: net.ipv4.vs.conn_reuse_mode = 2"}},
		{"an entry of a deleted server", func(f *farm) { f.connect("TCP", client, service, "10.0.0.99:80", "ESTABLISHED") },
			[]string{"does not have this server any more, and net.ipv4.vs.expire_nodest_conn = 0", "result: the kernel drops the packet"}},
		{"the same with expire_nodest_conn", func(f *farm) {
			f.Machine.Settings[expireNoServer] = "1"
			f.connect("TCP", client, service, "10.0.0.99:80", "ESTABLISHED")
		}, []string{"entry? ", "result: one of the servers"}},
		{"unread connections", func(f *farm) { f.Machine.Unread[check.FactConnections] = errors.New("no permission") }, []string{"entry? "}},

		{"no template", func(f *farm) { f.persist() }, []string{"template: none for 198.51.100.7: this connection makes one, for 5m0s"}},
		{"a template", func(f *farm) { f.persist(); f.connect("TCP", "198.51.100.7:0", service, "10.0.0.13:80", "NONE") },
			[]string{"template: 198.51.100.7 has one: 10.0.0.13:80, 50s left\n", "result: the server 10.0.0.13:80"}},
		{"a template of the client's network", func(f *farm) {
			f.persist()
			f.Machine.Table[0].Netmask = ipvs.IPv4Netmask([4]byte{255, 255, 255, 0})
			f.connect("TCP", "198.51.100.0:0", service, "10.0.0.13:80", "NONE")
		}, []string{"template: 198.51.100.0 has one: 10.0.0.13:80", "result: the server 10.0.0.13:80"}},
		{"a template of another client", func(f *farm) { f.persist(); f.connect("TCP", "198.51.100.8:0", service, "10.0.0.13:80", "NONE") },
			[]string{"template: none for 198.51.100.7"}},
		{"a template of a mark", func(f *farm) {
			f.persist()
			f.Service = ipvs.MarkService(7, ipvs.IPv4)
			f.Machine.Table[0].ServiceID = f.Service
			f.connect("IP", "198.51.100.7:0", "0.0.0.7:0", "10.0.0.13:80", "NONE")
		}, []string{"template: 198.51.100.7 has one: 10.0.0.13:80", "result: the server 10.0.0.13:80"}},
		{"a template of a drained server", func(f *farm) {
			f.persist()
			f.server(2).Weight = 0
			f.connect("TCP", "198.51.100.7:0", service, "10.0.0.13:80", "NONE")
		}, []string{"obeys it, although the server has weight 0", "result: the server 10.0.0.13:80"}},
		{"the same with expire_quiescent_template", func(f *farm) {
			f.persist()
			f.server(2).Weight = 0
			f.Machine.Settings[expireQuiescent] = "1"
			f.connect("TCP", "198.51.100.7:0", service, "10.0.0.13:80", "NONE")
		}, []string{"so the kernel chooses another one", "result: one of the servers 10.0.0.11:80, 10.0.0.12:80\n"}},
		{"a template of a deleted server", func(f *farm) { f.persist(); f.connect("TCP", "198.51.100.7:0", service, "10.0.0.99:80", "NONE") },
			[]string{"does not have this server any more, so the kernel chooses another one"}},
		{"an engine", func(f *farm) { f.persist(); f.Machine.Table[0].Engine = "sip" }, []string{"template? which template: the engine sip"}},

		{"weights and thresholds", func(f *farm) {
			f.server(0).Weight = 0
			f.server(1).UpperThreshold, f.server(1).ActiveConnections, f.server(1).InactiveConnections = 10, 8, 2
		}, []string{"scheduler: 10.0.0.13:80 is the only server that takes new connections; not 10.0.0.11:80 (weight 0), 10.0.0.12:80 (10 connections, upper threshold 10)",
			"result: the server 10.0.0.13:80"}},
		{"between thresholds", func(f *farm) { f.server(1).UpperThreshold, f.server(1).ActiveConnections = 10, 8 },
			[]string{"scheduler? whether 10.0.0.12:80 takes connections again: it has 8 connections"}},
		{"below thresholds", func(f *farm) {
			f.server(1).UpperThreshold, f.server(1).LowerThreshold, f.server(1).ActiveConnections = 10, 9, 8
		},
			[]string{"scheduler: rr chooses one of 10.0.0.11:80, 10.0.0.12:80"}},
		{"no servers", func(f *farm) { f.Machine.Table[0].Destinations = nil },
			[]string{"no server takes new connections; the service has no servers", "result: the kernel refuses the connection"}},
		{"mh", func(f *farm) { f.Machine.Table[0].Scheduler = "mh" }, []string{"scheduler: by the table of mh the hash of the client's address leads to 10.0.0.", "result: the server 10.0.0."}},
		{"mh-port without a port", func(f *farm) {
			f.Client = netip.MustParseAddrPort("198.51.100.7:0")
			f.Machine.Table[0].Scheduler, f.Machine.Table[0].Flags = "mh", ipvs.HashPortFlag
		}, []string{"scheduler? which server: mh-port hashes the client's port, too", "result: one of the servers"}},
		{"mh and a drained server", func(f *farm) { f.Machine.Table[0].Scheduler = "mh"; f.server(0).Weight = 0 },
			[]string{"scheduler? which server: by the table", "unknown", "because the service has no mh-fallback", ", or the kernel refuses the connection"}},
		{"mh and a server over its threshold", func(f *farm) {
			f.Machine.Table[0].Scheduler = "mh"
			f.overThreshold()
		}, []string{", and the service has no mh-fallback", "result: the kernel refuses the connection"}},
		{"mh-fallback and a server over its threshold", func(f *farm) {
			f.Machine.Table[0].Scheduler, f.Machine.Table[0].Flags = "mh", ipvs.FallbackFlag
			f.overThreshold()
		}, []string{"scheduler? which server: ", "for which mh-fallback chooses one of "}},
		{"sh", func(f *farm) { f.Machine.Table[0].Scheduler = "sh" },
			[]string{"scheduler: by the table of sh the hash of the client's address leads to 10.0.0.", "result: the server 10.0.0."}},
		{"sh and a server over its threshold", func(f *farm) {
			f.Machine.Table[0].Scheduler = "sh"
			f.overThreshold()
		}, []string{", and the service has no sh-fallback", "result: the kernel refuses the connection"}},
		{"sh-port", func(f *farm) {
			f.Machine.Table[0].Scheduler, f.Machine.Table[0].Flags = "sh", ipvs.HashPortFlag|ipvs.FallbackFlag
			f.overThreshold()
		}, []string{"scheduler? which server: ", "client's address and port leads to", "for which sh-fallback chooses one of"}},
		{"sh-port without a port", func(f *farm) {
			f.Client = netip.MustParseAddrPort("198.51.100.7:0")
			f.Machine.Table[0].Scheduler, f.Machine.Table[0].Flags = "sh", ipvs.HashPortFlag
			f.server(0).Weight = 0
		}, []string{"scheduler? which server: sh-port hashes the client's port, too; it is one of ", "has no sh-fallback", ", or the kernel refuses"}},
		{"dh", func(f *farm) { f.Machine.Table[0].Scheduler = "dh" }, []string{"scheduler? which server: dh"}},

		{"no route", func(f *farm) { f.only(); f.route("10.0.0.11", check.Route{Kind: check.RouteNone}) },
			[]string{"route: 10.0.0.11:80 by masquerading: no route", "result: the packet does not reach the server 10.0.0.11:80"}},
		{"no route to one", func(f *farm) { f.route("10.0.0.11", check.Route{Kind: check.RouteBlackhole}) },
			[]string{"route: 10.0.0.11:80 by masquerading: blackhole", "result: one of the servers"}},
		{"no route to any", func(f *farm) {
			for _, server := range []string{"10.0.0.11", "10.0.0.12", "10.0.0.13"} {
				f.route(server, check.Route{Kind: check.RouteUnreachable})
			}
		}, []string{"result: the packet reaches no server"}},
		{"device down", func(f *farm) { f.only(); f.Machine.Links[3] = check.Link{Index: 3, Name: "eth1", Up: true} },
			[]string{"dev eth1, which is down", "result: the packet does not reach"}},
		{"a failed neighbour", func(f *farm) {
			f.only()
			f.Machine.Neighbours[0].State = check.NeighbourFailed
		}, []string{"route? ", "10.0.0.11 did not tell its MAC address"}},
		{"a tunnel through a router", func(f *farm) {
			f.only().Forwarding = ipvs.Tunneling
			f.route("10.0.0.11", check.Route{Kind: check.RouteUnicast, Link: 2, Gateway: netip.MustParseAddr("192.0.2.254")})
		}, []string{"route? 10.0.0.11:80 by a tunnel (ipip): via 192.0.2.254 dev eth0, whose MAC", "reply: with direct routing and tunnels"}},
		{"direct routing through a router", func(f *farm) {
			f.only().Forwarding = ipvs.DirectRouting
			f.route("10.0.0.11", check.Route{Kind: check.RouteUnicast, Link: 2, Gateway: netip.MustParseAddr("192.0.2.254")})
		}, []string{"a router, which does not send it to the server", "result: the packet does not reach the server"}},
		{"direct routing", func(f *farm) { f.only().Forwarding = ipvs.DirectRouting },
			[]string{"by direct routing: dev eth1, MAC address 02:00:00:00:00:11", "reply: with direct routing and tunnels the server answers the client itself"}},
		{"this machine", func(f *farm) { f.only(); f.route("10.0.0.11", check.Route{Kind: check.RouteLocal, Link: 1}) },
			[]string{"this machine itself, a program that listens on 10.0.0.11:80"}},
		{"this machine by direct routing", func(f *farm) {
			f.only().Forwarding = ipvs.DirectRouting
			f.route("10.0.0.11", check.Route{Kind: check.RouteLocal, Link: 1})
		},
			[]string{"this machine itself, a program that listens on the address and port of the service"}},

		{"no forwarding", func(f *farm) { f.Machine.Settings["net.ipv4.ip_forward"] = "0" },
			[]string{"which does not forward: net.ipv4.ip_forward = 0", "result: the client gets no answer"}},
		{"no way to the client", func(f *farm) { f.route("198.51.100.7", check.Route{Kind: check.RouteNone}) },
			[]string{"which has no way to the client", "result: the client gets no answer"}},
		{"a client beside the servers", func(f *farm) {
			f.Client = netip.MustParseAddrPort("10.0.0.50:1")
			f.route("10.0.0.50", check.Route{Kind: check.RouteUnicast, Link: 3})
		}, []string{"reply? the client is in the network of a server"}},
	} {
		f := newFarm()
		test.change(f)
		got := f.explain(t)
		for _, part := range test.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %q in\n%s", test.what, part, got)
			}
		}
	}
}

// overThreshold puts the server of the client over its threshold.
func (f *farm) overThreshold() {
	address := strings.TrimPrefix(Explain(f.Question, f.Facts).Result, "the server ")
	for i := range f.Machine.Table[0].Destinations {
		if server := f.server(i); server.Address.String() == address {
			server.UpperThreshold, server.ActiveConnections = 1, 1
		}
	}
}

// TestDestinations wants the addresses of the client, the service and its servers, and of no other service.
func TestDestinations(t *testing.T) {
	f := newFarm()
	f.Machine.Table = append(f.Machine.Table, ipvs.Entry{
		ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: ipvs.MarkService(9, ipvs.IPv4)}},
		Destinations:  []ipvs.ListedDestination{{Destination: ipvs.Destination{Address: netip.MustParseAddrPort("10.9.9.9:80")}}},
	})
	if got, want := fmt.Sprint(Destinations(f.Question, f.Machine.Table)), "[198.51.100.7 192.0.2.100 10.0.0.11 10.0.0.12 10.0.0.13]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestReadFails wants the error of a table that cannot be read, and no error for a malformed line.
func TestReadFails(t *testing.T) {
	f := newFarm()
	for _, test := range []struct{ err, want error }{{&ipvs.LineError{}, nil}, {errors.ErrUnsupported, errors.ErrUnsupported}} {
		_, err := Read(f.Question, f.Machine.Table, func(yield func(ipvs.Connection, error) bool) { yield(ipvs.Connection{}, test.err) })
		if !errors.Is(err, test.want) {
			t.Errorf("%v: %v", test.err, err)
		}
	}
}

// TestMany lists no more than some servers.
func TestMany(t *testing.T) {
	f := newFarm()
	for i := range 20 {
		server := *f.server(0)
		server.Address = netip.AddrPortFrom(server.Address.Addr(), uint16(8000+i))
		f.Machine.Table[0].Destinations = append(f.Machine.Table[0].Destinations, server)
	}
	got := f.explain(t)
	if strings.Count(got, "\nroute") != mostListed+1 || !strings.Contains(got, "route: 15 more servers\n") || !strings.Contains(got, ", 15 more\n") {
		t.Errorf("%s", got)
	}
}

func TestWrite(t *testing.T) {
	answer := Answer{Steps: []Step{{Name: "address", Text: "known"}, {Name: "service", Text: "one two three four", Unknown: true}}, Result: "none"}
	var b strings.Builder
	if err := answer.Write(&b, check.Text{Width: 32}); err != nil {
		t.Fatal(err)
	}
	want := `1. address    known
2. service    unknown: one two
              three four
=> result     none
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("wanted (-) and got (+) differ:\n%s", diff)
	}
}
