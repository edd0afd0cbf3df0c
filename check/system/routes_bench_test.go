package system

import (
	"net/netip"
	"testing"

	"ipvsadm/check"
)

func BenchmarkRoutes(b *testing.B) {
	var all []netip.Addr
	for i := range 1000 {
		all = append(all, netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}))
	}
	for b.Loop() {
		readRoutes(&check.Snapshot{Unread: map[check.Fact]error{}}, all)
	}
}
