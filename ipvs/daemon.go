package ipvs

import (
	"fmt"
	"net/netip"
	"syscall"
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

// daemon puts a daemon, and leaves out what is for the kernel to choose.
func (e *encoder) daemon(d Daemon) {
	start := e.open(attrDaemon)
	e.uint32(daemonState, uint32(d.State))
	e.name(daemonInterface, "interface", d.Interface, syscall.ENODEV)
	e.uint32(daemonSyncID, d.SyncID)
	if d.MaxLength != 0 {
		e.uint16(daemonMaxLength, d.MaxLength)
	}
	switch {
	case d.Group.Is4():
		e.bytes(daemonGroup, d.Group.AsSlice())
	case d.Group.Is6():
		e.bytes(daemonGroup6, d.Group.AsSlice())
	}
	if d.Port != 0 {
		e.uint16(daemonPort, d.Port) // in the machine's order, unlike every other port
	}
	if d.TTL != 0 {
		e.uint8(daemonTTL, d.TTL)
	}
	e.close(start)
}

// daemonID puts the name of a daemon, which is its state.
func (e *encoder) daemonID(state DaemonState) {
	start := e.open(attrDaemon)
	e.uint32(daemonState, uint32(state))
	e.close(start)
}

// decodeDaemon reads a message that holds a synchronization daemon.
func decodeDaemon(message []byte, d *Daemon) error {
	var a attributes
	a.nested(message, attrDaemon)
	*d = Daemon{
		State:     DaemonState(a.number(daemonState)),
		Interface: string(a.text(daemonInterface)),
		SyncID:    uint32(a.number(daemonSyncID)),
		MaxLength: uint16(a.number(daemonMaxLength)),
		Port:      uint16(a.number(daemonPort)),
		TTL:       uint8(a.number(daemonTTL)),
	}
	if a.has(daemonGroup) {
		d.Group = a.address(daemonGroup, IPv4)
	}
	if a.has(daemonGroup6) {
		d.Group = a.address(daemonGroup6, IPv6)
	}
	return a.err
}
