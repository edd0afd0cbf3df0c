package ipvs

import "net/netip"

// Two services, servers or daemons are the same if the kernel treats them alike. This file defines once what does not
// count. It clears those fields and compares the rest, so a new field counts until somebody decides otherwise.

// Same reports whether two services are the same. Servers and counters do not count.
func (s Service) Same(other Service) bool { return s.effective() == other.effective() }

// OrderCounts reports whether the order in which servers were added counts: whether it influences which server a client
// gets, if nothing else does.
func (s Service) OrderCounts() bool { return s.Scheduler == "mh" }

// effective clears what the kernel sets itself and what has no effect.
func (s Service) effective() Service {
	s.Flags &^= Hashed
	if s.Flags&Persistent == 0 {
		s.Timeout = 0
		s.Netmask = Netmask{}
	}
	return s
}

// Same reports whether two servers of a service are the same. Kernels before 2.6.38 list each server on this machine as a
// LocalNode, so a LocalNode is the same as a server of any forwarding method.
func (d Destination) Same(other Destination) bool {
	if d.Forwarding == LocalNode {
		d.Forwarding = other.Forwarding
	}
	if other.Forwarding == LocalNode {
		other.Forwarding = d.Forwarding
	}
	return d.effective() == other.effective()
}

// effective clears what has no effect.
func (d Destination) effective() Destination {
	if d.Forwarding != Tunneling {
		d.Tunnel = Tunnel{}
	}
	if d.Tunnel.Type != GUE {
		d.Tunnel.Port = 0
	}
	if d.Tunnel.Type == IPIP {
		d.Tunnel.Checksum = NoChecksum
	}
	return d
}

// Same reports whether two daemons are the same. A zero field counts as the kernel's default. The default MaxLength
// depends on the interface, so a daemon without one is the same as a daemon with any.
func (d Daemon) Same(other Daemon) bool {
	d, other = d.effective(), other.effective()
	if d.MaxLength == 0 || other.MaxLength == 0 {
		d.MaxLength, other.MaxLength = 0, 0
	}
	return d == other
}

// effective fills in the kernel's defaults, and limits MaxLength as the kernel does.
func (d Daemon) effective() Daemon {
	if !d.Group.IsValid() {
		d.Group = netip.AddrFrom4([4]byte{224, 0, 0, 81})
	}
	if d.Port == 0 {
		d.Port = 8848
	}
	if d.TTL == 0 {
		d.TTL = 1
	}
	const ipv4Header, ipv6Header, udpHeader = 20, 40, 8
	longest := uint16(65535 - ipv4Header - udpHeader)
	if d.Group.Is6() {
		longest = 65535 - ipv6Header - udpHeader
	}
	d.MaxLength = min(d.MaxLength, longest)
	if d.State == Backup && d.MaxLength != 0 {
		d.MaxLength = max(d.MaxLength, 1024)
	}
	return d
}
