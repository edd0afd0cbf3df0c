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

// change returns a change that is asked for by a command and the attributes that fill puts together.
func change(r request, command uint8, fill func(*encoder) error) Change {
	return Change{r.asking(command, fill)}
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
	return change(request{operation: operation, service: service.ServiceID}, command, func(e *encoder) error {
		return e.nested(attrService, func(e *encoder) error { return encodeService(e, service) })
	})
}

// DeleteService deletes an existing service (ESRCH) and its servers. IPVS_CMD_DEL_SERVICE.
func DeleteService(id ServiceID) Change {
	return change(request{operation: OpDeleteService, service: id}, cmdDelService, serviceOnly(id))
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
	r := request{operation: operation, service: id, destination: destination.Address}
	return change(r, command, func(e *encoder) error {
		if err := serviceOnly(id)(e); err != nil {
			return err
		}
		return e.nested(attrDest, func(e *encoder) error { return encodeDestination(e, destination) })
	})
}

// DeleteDestination takes an existing server (ENOENT) from an existing service (ESRCH). IPVS_CMD_DEL_DEST.
func DeleteDestination(id ServiceID, address netip.AddrPort) Change {
	r := request{operation: OpDeleteDestination, service: id, destination: address}
	return change(r, cmdDelDest, func(e *encoder) error {
		if err := serviceOnly(id)(e); err != nil {
			return err
		}
		return e.nested(attrDest, func(e *encoder) error { return encodeDestinationID(e, address) })
	})
}

// Zero sets the counters of an existing service (ESRCH) and of its servers to zero. IPVS_CMD_ZERO.
func Zero(id ServiceID) Change {
	return change(request{operation: OpZero, service: id}, cmdZero, serviceOnly(id))
}

// ZeroAll sets all counters to zero. IPVS_CMD_ZERO.
func ZeroAll() Change {
	return change(request{operation: OpZero}, cmdZero, nothing)
}

// Flush deletes all services and their servers. IPVS_CMD_FLUSH.
func Flush() Change {
	return change(request{operation: OpFlush}, cmdFlush, nothing)
}

// SetTimeouts sets the timeouts that are not zero. They are bounded by the kernel's clock (EINVAL).
// IPVS_CMD_SET_CONFIG.
func SetTimeouts(timeouts Timeouts) Change {
	return change(request{operation: OpSetTimeouts}, cmdSetConfig, func(e *encoder) error {
		return encodeTimeouts(e, timeouts)
	})
}

// StartDaemon starts a synchronization daemon on an existing interface (ENODEV); one of its kind must not run yet
// (EEXIST). IPVS_CMD_NEW_DAEMON.
func StartDaemon(daemon Daemon) Change {
	return change(request{operation: OpStartDaemon, daemon: daemon.State}, cmdNewDaemon, func(e *encoder) error {
		return e.nested(attrDaemon, func(e *encoder) error { return encodeDaemon(e, daemon) })
	})
}

// StopDaemon stops the daemon of a kind (ESRCH). IPVS_CMD_DEL_DAEMON.
func StopDaemon(state DaemonState) Change {
	return change(request{operation: OpStopDaemon, daemon: state}, cmdDelDaemon, func(e *encoder) error {
		return e.nested(attrDaemon, func(e *encoder) error {
			e.uint32(daemonState, uint32(state))
			return nil
		})
	})
}
