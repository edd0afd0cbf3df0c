package check

import "net/netip"

// index finds addresses in a snapshot. A director may have thousands of services and as many addresses.
type index struct {
	own        map[netip.Addr]Address
	networks   []Address // whose network holds other machines
	neighbours map[netip.Addr]Neighbour
}

// indexed returns the index. The snapshot must be complete, except its connections and probes.
func (s *Snapshot) indexed() *index {
	if s.index != nil {
		return s.index
	}
	s.index = &index{own: make(map[netip.Addr]Address), neighbours: make(map[netip.Addr]Neighbour)}
	for _, own := range s.Addresses {
		if _, known := s.index.own[own.Prefix.Addr()]; !known {
			s.index.own[own.Prefix.Addr()] = own
		}
		if !own.Prefix.IsSingleIP() && !s.Links[own.Link].Loopback {
			s.index.networks = append(s.index.networks, own)
		}
	}
	for _, n := range s.Neighbours {
		if _, known := s.index.neighbours[n.Address]; !known {
			s.index.neighbours[n.Address] = n
		}
	}
	return s.index
}

// Has reports whether this machine has an address.
func (s *Snapshot) Has(address netip.Addr) bool {
	_, ok := s.indexed().own[address]
	return ok
}

// Neighbour returns what the neighbour table has for an address.
func (s *Snapshot) Neighbour(address netip.Addr) (Neighbour, bool) {
	n, ok := s.indexed().neighbours[address]
	return n, ok
}

// beside returns this machine's address in the network of another one.
func (s *Snapshot) beside(other netip.Addr) (own Address, ok bool) {
	for _, candidate := range s.indexed().networks {
		if candidate.Prefix.Contains(other) && (!ok || candidate.Prefix.Bits() > own.Prefix.Bits()) {
			own, ok = candidate, true
		}
	}
	return own, ok
}
