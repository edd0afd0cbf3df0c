package ipvs

import (
	"fmt"
	"net/netip"
)

// DaemonState is the part that a connection-synchronization daemon plays: IP_VS_STATE_* (linux/ip_vs.h).
type DaemonState uint32

// The two parts. A machine may run one daemon of each.
const (
	Master DaemonState = 1 // sends connections
	Backup DaemonState = 2 // receives them
)

// String returns the state as --start-daemon takes it.
func (s DaemonState) String() string {
	switch s {
	case Master:
		return "master"
	case Backup:
		return "backup"
	default:
		return fmt.Sprintf("%d", uint32(s))
	}
}

// Daemon is a connection-synchronization daemon (IPVS_DAEMON_ATTR_*, linux/ip_vs.h). Zero values of the last four
// leave the choice to the kernel, and are all that a kernel before 4.3 knows.
type Daemon struct {
	State     DaemonState
	Interface string     // multicast interface, at most 15 bytes
	SyncID    uint32     // 0 to 255; a backup hears only its own, or all if it is zero
	MaxLength uint16     // bytes of a sync message (UDP payload)
	Group     netip.Addr // multicast address
	Port      uint16     // UDP port
	TTL       uint8
}
