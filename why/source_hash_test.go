package why

import (
	"net/netip"
	"slices"
	"testing"

	"ipvsadm/ipvs"
)

// TestSourceHash wants the servers that a kernel chose for some clients. The servers have numbers in the order of their
// addition.
func TestSourceHash(t *testing.T) {
	ones := slices.Repeat([]uint32{1}, sourceSlots)
	for _, test := range []struct {
		weights []uint32
		flags   ipvs.ServiceFlags
		client  string
		want    uint16
	}{
		{ones, 0, "198.18.0.0:5000", 165},
		{ones, 0, "198.18.0.1:5000", 67},
		{ones, 0, "198.18.0.2:5000", 225},
		{ones, 0, "198.18.0.3:5000", 127},
		{ones, ipvs.HashPortFlag, "198.18.0.1:3000", 93},
		{ones, ipvs.HashPortFlag, "198.18.0.1:3001", 251},
		{ones, ipvs.HashPortFlag, "198.18.0.1:3002", 153},
		{ones, ipvs.HashPortFlag, "198.18.0.1:3003", 55},
		{[]uint32{3, 1, 2, 0, 5}, 0, "198.18.109.124:46810", 4},
		{[]uint32{3, 1, 2, 0, 5}, 0, "198.19.223.181:30305", 0},
		{[]uint32{3, 1, 2, 0, 5}, 0, "198.18.102.239:45928", 2},
		{[]uint32{3, 1, 2, 0, 5}, 0, "198.18.25.128:38530", 1},
		{[]uint32{300, 100, 200}, 0, "198.18.109.124:46810", 2},
		{[]uint32{300, 100, 200}, 0, "198.18.25.128:38530", 1},
	} {
		var servers []ipvs.Destination
		for i, weight := range test.weights {
			address := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(i))
			servers = append(servers, ipvs.Destination{Address: address, Weight: weight})
		}
		got := SourceHash(ipvs.Service{Flags: test.flags}, servers, netip.MustParseAddrPort(test.client))
		if got.Address.Port() != test.want {
			t.Errorf("%s of %d servers: %d, want %d", test.client, len(servers), got.Address.Port(), test.want)
		}
	}
}
