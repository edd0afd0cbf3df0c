package check

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ipvsadm/ipvs"
)

// TestFold counts connections of a service with a masqueraded server on the link and a UDP server of weight 0.
func TestFold(t *testing.T) {
	address := netip.MustParseAddrPort
	dns := ipvs.AddressService(ipvs.UDP, address("192.0.2.1:53"))
	s := &Snapshot{
		Timeouts:  ipvs.Timeouts{TCP: 900 * time.Second},
		Addresses: []Address{{Prefix: netip.MustParsePrefix("10.0.0.254/24"), Link: 1}},
		Table: []ipvs.Entry{
			{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: web(1)}}, Destinations: []ipvs.ListedDestination{
				{Destination: ipvs.Destination{Address: address("10.0.0.1:8080"), Weight: 1}}}},
			{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: dns}}, Destinations: []ipvs.ListedDestination{
				{Destination: ipvs.Destination{Address: address("10.0.0.2:53")}}}},
		},
	}
	connection := func(protocol, client, virtual, server, state string, expires int) ipvs.Connection {
		return ipvs.Connection{Protocol: protocol, Client: address(client), Virtual: address(virtual),
			Destination: address(server), State: state, Expires: time.Duration(expires) * time.Second}
	}
	all := []ipvs.Connection{
		connection("TCP", "198.51.100.1:1000", "192.0.2.1:80", "10.0.0.1:8080", "ESTABLISHED", 451),
		connection("TCP", "198.51.100.1:1001", "192.0.2.1:80", "10.0.0.1:8080", "ESTABLISHED", 449),
		connection("TCP", "198.51.100.1:1002", "192.0.2.1:80", "10.0.0.1:8080", "SYN_RECV", 59),
		connection("TCP", "198.51.100.1:1003", "192.0.2.1:80", "10.0.0.1:8080", "SYN_RECV", 58),
		connection("TCP", "10.0.0.7:1004", "192.0.2.1:80", "10.0.0.1:8080", "SYN_RECV", 41),
		connection("TCP", "10.0.0.8:1005", "192.0.2.1:80", "10.0.0.1:8080", "SYN_RECV", 40), // it gave up
		connection("TCP", "10.0.0.9:1006", "192.0.2.1:80", "10.0.0.1:8080", "FIN_WAIT", 900),
		connection("TCP", "198.51.100.1:0", "192.0.2.1:80", "10.0.0.1:8080", "NONE", 3000),          // a template
		connection("TCP", "198.51.100.1:1007", "192.0.2.1:20", "10.0.0.1:4000", "ESTABLISHED", 460), // FTP's data
		connection("UDP", "198.51.100.1:1008", "192.0.2.1:53", "10.0.0.2:53", "UDP", 300),           // of a drained server
		connection("TCP", "198.51.100.1:1009", "192.0.2.1:80", "10.0.0.9:8080", "ESTABLISHED", 800), // of a server that is gone
		connection("TCP", "198.51.100.1:1010", "192.0.2.1:80", "10.0.0.9:8080", "TIME_WAIT", 850),   // the same
		connection("TCP", "198.51.100.1:1011", "192.0.2.9:80", "10.0.0.1:8080", "ESTABLISHED", 700), // of a service that is gone
	}
	got, err := s.Fold(func(yield func(ipvs.Connection, error) bool) {
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
		yield(ipvs.Connection{}, &ipvs.LineError{}) // is left out
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Connections{
		Total: 12,
		Services: map[ipvs.ServiceID]*ServiceConnections{
			web(1): {Servers: map[netip.AddrPort]*ServerConnections{address("10.0.0.1:8080"): {
				Templates: 1, Waiting: 4, WaitingLong: 2, Established: 3, Idle: 1, Closing: 1, Longest: 460 * time.Second,
				Beside: 3, BesideWaiting: 1, BesideAnswers: 1, ClientExample: netip.MustParseAddr("10.0.0.7")}}},
			dns: {Servers: map[netip.AddrPort]*ServerConnections{address("10.0.0.2:53"): {
				Others: 1, Longest: 300 * time.Second,
				Datagrams: []Datagrams{{address("198.51.100.1:1008"), address("192.0.2.1:53"), 300 * time.Second}}}}},
		},
		Gone: map[GoneServer]ServerConnections{
			{"TCP", address("192.0.2.1:80"), address("10.0.0.9:8080")}: {Established: 1, Closing: 1, Longest: 800 * time.Second},
			{"TCP", address("192.0.2.9:80"), address("10.0.0.1:8080")}: {Established: 1, Longest: 700 * time.Second},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); diff != "" {
		t.Errorf("wanted (-) and got (+) differ:\n%s", diff)
	}
	broken := errors.New("broken")
	if _, err := s.Fold(func(yield func(ipvs.Connection, error) bool) { yield(ipvs.Connection{}, broken) }); err != broken {
		t.Errorf("error %v, want %v", err, broken)
	}
}
