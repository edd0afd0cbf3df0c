package top

import (
	"net/netip"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// largeTable has 2000 services of 4 servers.
func largeTable() []ipvs.Entry {
	var all []ipvs.Entry
	for i := range 2000 {
		e := table(1)[0]
		e.ServiceID = ipvs.AddressService(ipvs.TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 80))
		e.Destinations = append(e.Destinations, e.Destinations[0])
		e.Destinations[3].Address = netip.MustParseAddrPort("10.0.0.9:80")
		all = append(all, e)
	}
	return all
}

func BenchmarkAdd(b *testing.B) {
	m := NewMonitor(2 * time.Second)
	table := largeTable()
	now := begin
	for b.Loop() {
		now = now.Add(2 * time.Second)
		m.Add(now, table, nobody)
	}
}

func BenchmarkDraw(b *testing.B) {
	s := newScreen()
	m := NewMonitor(2 * time.Second)
	s.Update(begin, m.Add(begin, largeTable(), nobody))
	for b.Loop() {
		s.Draw(80, 24)
	}
}
