package check

import (
	"net/netip"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// largeSnapshot has many services of four masqueraded servers, and this machine has their addresses.
func largeSnapshot(services int) *Snapshot {
	s := &Snapshot{
		Settings: Settings{forwardingSetting(ipvs.IPv4): "1"},
		Links:    map[int]Link{1: {Index: 1, Name: "eth0", Up: true, Carrier: true}},
		Routes:   make(map[netip.Addr]Route),
		Timeouts: ipvs.Timeouts{TCP: 15 * time.Minute},
	}
	for i := range services {
		vip := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: ipvs.Service{
			ServiceID: ipvs.AddressService(ipvs.TCP, netip.AddrPortFrom(vip, 80)), Scheduler: "wlc"}}}
		s.Addresses = append(s.Addresses, Address{Prefix: single(vip), Link: 1})
		for j := range 4 {
			server := netip.AddrFrom4([4]byte{10, byte(128 + j), byte(i >> 8), byte(i)})
			entry.Destinations = append(entry.Destinations, ipvs.ListedDestination{
				Destination: ipvs.Destination{Address: netip.AddrPortFrom(server, 8080), Weight: 1}})
			s.Routes[server] = Route{Kind: RouteUnicast, Link: 1}
			s.Neighbours = append(s.Neighbours, Neighbour{Address: server, Link: 1})
		}
		s.Table = append(s.Table, entry)
	}
	return s
}

// someConnections yields connections of a large snapshot.
func someConnections(n, services int) func(yield func(ipvs.Connection, error) bool) {
	return func(yield func(ipvs.Connection, error) bool) {
		for i := range n {
			service := i % services
			c := ipvs.Connection{
				Protocol:    "TCP",
				State:       "ESTABLISHED",
				Client:      netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 1024),
				Virtual:     netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(service >> 8), byte(service)}), 80),
				Destination: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(128 + i%4), byte(service >> 8), byte(service)}), 8080),
				Expires:     14 * time.Minute,
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

func BenchmarkFold(b *testing.B) {
	s := largeSnapshot(2000)
	for b.Loop() {
		if _, err := s.Fold(someConnections(20_000, 2000)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	s := largeSnapshot(2000)
	s.Connections, _ = s.Fold(someConnections(20_000, 2000))
	for b.Loop() {
		s.index = nil
		Run(s, Director(), nil)
	}
}

// TestLarge applies the rules to a large and healthy snapshot, and counts memory: it does not depend on the number of
// connections.
func TestLarge(t *testing.T) {
	s := largeSnapshot(200)
	var allocated [2]uint64
	for i, connections := range []int{2000, 200_000} {
		result := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				s.Connections, _ = s.Fold(someConnections(connections, 200))
			}
		})
		allocated[i] = uint64(result.AllocedBytesPerOp())
	}
	if allocated[1] > allocated[0]+allocated[0]/10 {
		t.Errorf("2000 connections take %d bytes, and 200,000 take %d", allocated[0], allocated[1])
	}
	if s.Connections.Total != 200_000 || len(s.Connections.Gone) > 0 {
		t.Errorf("%d connections, %d servers that the table lacks", s.Connections.Total, len(s.Connections.Gone))
	}
	if got := names(Run(s, Director(), nil).Findings); got != "" {
		t.Errorf("findings: %s", got)
	}
}
