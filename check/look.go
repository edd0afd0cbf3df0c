package check

import "ipvsadm/ipvs"

// NeedsSecondLook reports whether a rule asks what rises: only then does it matter that a second look takes time.
func (s *Snapshot) NeedsSecondLook() bool {
	return s.datagramsToDrained() || s.Counters[CountConntrackDrops] > 0 ||
		s.Counters[CountReversePath] > 0 && len(s.strictDevices()) > 0 ||
		s.Counters[CountUnreachable] > 0 && needsForwarding(s, ipvs.Tunneling) == ""
}

// datagramsToDrained reports whether a server of weight 0 has UDP connections.
func (s *Snapshot) datagramsToDrained() bool {
	for _, service := range s.Connections.Services {
		for _, server := range service.Servers {
			if len(server.Datagrams) > 0 {
				return true
			}
		}
	}
	return false
}

// strictDevices returns the devices on which the kernel drops a packet if the route back takes another one, sorted.
func (s *Snapshot) strictDevices() []string {
	var strict []string
	for _, link := range s.sortedLinks() {
		if !link.Loopback && s.Settings.Larger("rp_filter", link.Name) == 1 {
			strict = append(strict, link.Name)
		}
	}
	return strict
}
