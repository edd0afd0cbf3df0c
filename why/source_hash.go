package why

import (
	"encoding/binary"
	"net/netip"

	"ipvsadm/ipvs"
)

// sourceSlots is the size of the table of sh, unless the kernel was built with another CONFIG_IP_VS_SH_TAB_BITS than 8.
const sourceSlots = 256

// SourceHash returns the server to which the scheduler sh hashes a client. The servers are in the order of their addition, and
// there is one at least. The kernel may find that the server takes no connections.
//
// That this is how the kernel chooses was found by observation: of 300 clients of each of several tables, all got this
// server. The servers take slots in turn, the latest first, each as many as its weight. One of weight 0 takes one slot.
func SourceHash(service ipvs.Service, servers []ipvs.Destination, client netip.AddrPort) ipvs.Destination {
	slot := sourceSlot(service, client)
	for first := uint64(0); ; {
		for i := len(servers) - 1; i >= 0; i-- {
			first += uint64(max(servers[i].Weight, 1))
			if slot < first {
				return servers[i]
			}
		}
	}
}

// sourceSlot returns the slot of a client: the upper bits of its address, with sh-port plus its port, times the golden ratio
// (Knuth, "Sorting and Searching", 6.4). The four words of an IPv6 address are combined by exclusive or.
func sourceSlot(service ipvs.Service, client netip.AddrPort) uint64 {
	var number uint32
	for octets := client.Addr().AsSlice(); len(octets) > 0; octets = octets[4:] {
		number ^= binary.BigEndian.Uint32(octets)
	}
	if service.Flags&ipvs.HashPortFlag != 0 {
		number += uint32(client.Port())
	}
	const goldenRatio = 0x61c88647
	return uint64(number * goldenRatio / (1 << 32 / sourceSlots))
}
