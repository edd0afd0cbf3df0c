// Package maglev computes the lookup table of the kernel's scheduler mh: which server a client gets, and how many clients
// get another one when servers change.
//
// It follows Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016). What the paper
// leaves open was found by observing which server the kernel chooses: the hash, the size of the table, the order of the
// servers and how a weight becomes a number of turns.
package maglev

import (
	"fmt"
	"hash/fnv"
	"math/bits"
	"net/netip"

	"ipvsadm/ipvs"
)

// Slots is the size of the table, unless the kernel was built with another CONFIG_IP_VS_MH_TAB_INDEX than 12.
const Slots = 4093

// Table is the lookup table of a service.
type Table struct {
	servers []ipvs.Destination // in the order of their addition
	byPort  bool               // the client's port counts: mh-port
	slots   [Slots]int         // an index of servers, or none
}

const none = -1

// New returns the table of a service, whose servers are in the order of their addition. A server of weight 0 has no slots,
// as if it never had another weight: the kernel remembers the former one, but lists it nowhere.
func New(service ipvs.Service, servers []ipvs.Destination) *Table {
	t := &Table{servers: servers, byPort: service.Flags&ipvs.HashPortFlag != 0}
	for slot := range t.slots {
		t.slots[slot] = none
	}
	t.fill()
	return t
}

// preference is the order in which a server takes slots.
type preference struct{ slot, step, turns uint32 }

// fill lets the servers take slots in turn until every slot is taken. The server that was added last begins.
func (t *Table) fill() {
	var preferences []preference
	total := uint32(0)
	for i, turns := range t.turns() {
		address := t.servers[i].Address
		preferences = append(preferences, preference{hash(address, slotKey) % Slots, hash(address, stepKey)%(Slots-1) + 1, turns})
		total += turns
	}
	for taken := 0; taken < Slots && total > 0; {
		for i := len(preferences) - 1; i >= 0; i-- {
			p := &preferences[i]
			for turn := uint32(0); turn < p.turns && taken < Slots; turn++ {
				for t.slots[p.slot] != none {
					p.slot = (p.slot + p.step) % Slots
				}
				t.slots[p.slot] = i
				taken++
			}
		}
	}
}

// turns returns how many slots each server takes in a round: its weight, without the divisor that all weights share. If
// the largest has more than six binary digits, all lose as many.
func (t *Table) turns() []uint32 {
	var divisor, largest uint32
	for _, server := range t.servers {
		divisor = greatestDivisor(divisor, server.Weight)
		largest = max(largest, server.Weight)
	}
	turns := make([]uint32, len(t.servers))
	if largest == 0 {
		return turns
	}
	const digits = 6
	surplus := max(0, bits.Len32(largest/divisor)-digits)
	for i, server := range t.servers {
		if server.Weight > 0 {
			turns[i] = max(1, server.Weight/divisor>>surplus)
		}
	}
	return turns
}

func greatestDivisor(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Server returns the server that a client gets, and false if it gets none. The client's port counts only with mh-port.
func (t *Table) Server(client netip.AddrPort) (address netip.AddrPort, ok bool) {
	if !t.byPort {
		client = netip.AddrPortFrom(client.Addr(), 0)
	}
	return t.at(int(hash(client, slotKey) % Slots))
}

// at returns the server of a slot.
func (t *Table) at(slot int) (address netip.AddrPort, ok bool) {
	if t.slots[slot] == none {
		return netip.AddrPort{}, false
	}
	return t.servers[t.slots[slot]].Address, true
}

// Counts returns how many slots each server has.
func (t *Table) Counts() map[netip.AddrPort]int {
	counts := make(map[netip.AddrPort]int)
	for slot := range t.slots {
		if address, ok := t.at(slot); ok {
			counts[address]++
		}
	}
	return counts
}

// Moved returns the share of the clients that get another server by another table, or none.
func (t *Table) Moved(other *Table) float64 {
	if t.byPort == other.byPort {
		moved := 0
		for slot := range t.slots {
			here, _ := t.at(slot)
			if there, _ := other.at(slot); here != there {
				moved++
			}
		}
		return share(moved)
	}
	// A client has another slot in each, so its servers are independent of each other.
	stay := 0.0
	counts := other.Counts()
	for address, n := range t.Counts() {
		stay += share(n) * share(counts[address])
	}
	return 1 - stay
}

func share(slots int) float64 { return float64(slots) / Slots }

// Digest returns a text that is the same for tables that choose the same server for every client.
func (t *Table) Digest() string {
	digest := fnv.New64a()
	fmt.Fprintln(digest, t.byPort)
	for slot := range t.slots {
		address, _ := t.at(slot)
		fmt.Fprintln(digest, address)
	}
	return fmt.Sprintf("%016x", digest.Sum64())
}
