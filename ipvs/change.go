package ipvs

import (
	"fmt"
	"net/netip"
)

// Change is one thing to be done to the kernel's tables by [Client.Apply]. It is made by the functions below.
type Change struct {
	request
}

// String returns what is done to what, such as "add service TCP 192.0.2.1:80".
func (c Change) String() string {
	if object := c.object(); object != "" {
		return fmt.Sprintf("%s %s", c.operation, object)
	}
	return string(c.operation)
}

// AddService makes a new virtual service, which must not exist (EEXIST). Its scheduler and engine are loaded as
// modules if need be (ENOENT). IPVS_CMD_NEW_SERVICE.
func AddService(service Service) Change {
	return changeService(OpAddService, cmdNewService, service)
}

// EditService gives an existing service (ESRCH) another scheduler, flags, timeout, netmask and engine. Its servers,
// connections and counters stay. IPVS_CMD_SET_SERVICE.
func EditService(service Service) Change {
	return changeService(OpEditService, cmdSetService, service)
}

func changeService(operation Operation, command uint8, service Service) Change {
	e := encode(command)
	e.service(service)
	return Change{request{operation: operation, service: service.ServiceID}.asking(e)}
}

// DeleteService deletes an existing service (ESRCH) and its servers. IPVS_CMD_DEL_SERVICE.
func DeleteService(id ServiceID) Change {
	return Change{request{operation: OpDeleteService, service: id}.asking(encodeAbout(cmdDelService, id))}
}

// AddDestination gives an existing service (ESRCH) another real server (EEXIST). IPVS_CMD_NEW_DEST.
func AddDestination(id ServiceID, destination Destination) Change {
	return changeDestination(OpAddDestination, cmdNewDest, id, destination)
}

// EditDestination gives an existing server (ENOENT) of an existing service (ESRCH) another weight, forwarding method,
// thresholds and tunnel. IPVS_CMD_SET_DEST.
func EditDestination(id ServiceID, destination Destination) Change {
	return changeDestination(OpEditDestination, cmdSetDest, id, destination)
}

func changeDestination(operation Operation, command uint8, id ServiceID, destination Destination) Change {
	e := encodeAbout(command, id)
	e.destination(destination)
	return Change{request{operation: operation, service: id, destination: destination.Address}.asking(e)}
}

// DeleteDestination takes an existing server (ENOENT) from an existing service (ESRCH). IPVS_CMD_DEL_DEST.
func DeleteDestination(id ServiceID, address netip.AddrPort) Change {
	e := encodeAbout(cmdDelDest, id)
	e.destinationID(address)
	return Change{request{operation: OpDeleteDestination, service: id, destination: address}.asking(e)}
}

// Zero sets the counters of an existing service (ESRCH) and of its servers to zero. IPVS_CMD_ZERO.
func Zero(id ServiceID) Change {
	return Change{request{operation: OpZero, service: id}.asking(encodeAbout(cmdZero, id))}
}

// ZeroAll sets all counters to zero. IPVS_CMD_ZERO.
func ZeroAll() Change {
	return Change{request{operation: OpZero}.asking(encode(cmdZero))}
}

// Flush deletes all services and their servers. IPVS_CMD_FLUSH.
func Flush() Change {
	return Change{request{operation: OpFlush}.asking(encode(cmdFlush))}
}

// SetTimeouts sets the timeouts that are not zero. They are bounded by the kernel's clock (EINVAL).
// IPVS_CMD_SET_CONFIG.
func SetTimeouts(timeouts Timeouts) Change {
	e := encode(cmdSetConfig)
	e.timeouts(timeouts)
	return Change{request{operation: OpSetTimeouts}.asking(e)}
}

// StartDaemon starts a synchronization daemon on an existing interface (ENODEV); one of its kind must not run yet
// (EEXIST). IPVS_CMD_NEW_DAEMON.
func StartDaemon(daemon Daemon) Change {
	e := encode(cmdNewDaemon)
	e.daemon(daemon)
	return Change{request{operation: OpStartDaemon, daemon: daemon.State}.asking(e)}
}

// StopDaemon stops the daemon of a kind (ESRCH). IPVS_CMD_DEL_DAEMON.
func StopDaemon(state DaemonState) Change {
	e := encode(cmdDelDaemon)
	e.daemonID(state)
	return Change{request{operation: OpStopDaemon, daemon: state}.asking(e)}
}
