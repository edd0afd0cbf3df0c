package ipvs

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
)

// DaemonState is the role of a connection-synchronization daemon: IP_VS_STATE_* (linux/ip_vs.h).
type DaemonState uint32

// The two roles. A network namespace may run one daemon of each.
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

// Daemon is a connection-synchronization daemon (IPVS_DAEMON_ATTR_*, linux/ip_vs.h). The kernel chooses the last four if
// they are zero. Kernels before 4.3 do not know them.
type Daemon struct {
	State     DaemonState
	Interface string     // multicast interface, at most 15 bytes
	SyncID    uint32     // 0 to 255; a backup accepts only its own, or all if it is zero
	MaxLength uint16     // bytes of a sync message (UDP payload)
	Group     netip.Addr // multicast address
	Port      uint16     // UDP port
	TTL       uint8
}

// Daemons returns the synchronization daemons that run, at most one of each state. IPVS_CMD_GET_DAEMON.
func (c *Client) Daemons(ctx context.Context) ([]Daemon, error) {
	r := request{operation: OpListDaemons}.encoded(encode(cmdGetDaemon))
	state := func(d Daemon) DaemonState { return d.State }
	return list(ctx, c, r, &dumpReader[Daemon, DaemonState]{decode: decodeDaemon, key: state})
}

// StartDaemon starts a synchronization daemon on an existing interface (ENODEV). None of its state may run (EEXIST).
// IPVS_CMD_NEW_DAEMON.
func StartDaemon(daemon Daemon) Change {
	e := encode(cmdNewDaemon)
	e.daemon(daemon)
	return Change{request{operation: OpStartDaemon, daemon: daemon.State}.encoded(e)}
}

// StopDaemon stops the running daemon of a state (ESRCH). IPVS_CMD_DEL_DAEMON.
func StopDaemon(state DaemonState) Change {
	e := encode(cmdDelDaemon)
	e.daemonID(state)
	return Change{request{operation: OpStopDaemon, daemon: state}.encoded(e)}
}

// daemon appends a daemon, without what the kernel is to choose.
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
		e.uint16(daemonPort, d.Port) // in the machine's byte order, unlike every other port
	}
	if d.TTL != 0 {
		e.uint8(daemonTTL, d.TTL)
	}
	e.close(start)
}

// daemonID appends the state of a daemon, which names it.
func (e *encoder) daemonID(state DaemonState) {
	start := e.open(attrDaemon)
	e.uint32(daemonState, uint32(state))
	e.close(start)
}

// decodeDaemon reads a message that holds a synchronization daemon.
func decodeDaemon(message []byte, d *Daemon) error {
	var a attributes
	a.nested(message, attrDaemon)
	d.State = DaemonState(a.number(daemonState))
	d.Interface = a.text(daemonInterface)
	d.SyncID = uint32(a.number(daemonSyncID))
	d.MaxLength = uint16(a.number(daemonMaxLength))
	if a.has(daemonGroup) {
		d.Group = a.address(daemonGroup, IPv4)
	}
	if a.has(daemonGroup6) {
		d.Group = a.address(daemonGroup6, IPv6)
	}
	d.Port = uint16(a.number(daemonPort))
	d.TTL = uint8(a.number(daemonTTL))
	return a.err
}
