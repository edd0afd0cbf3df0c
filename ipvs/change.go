package ipvs

import (
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// Change is one thing to be done to the kernel's tables by [Client.Apply]. It is made by the functions below.
type Change struct {
	operation   Operation
	service     ServiceID
	destination netip.AddrPort
	daemon      DaemonState

	command    uint8
	attributes []byte
	invalid    error // why it cannot be put to the kernel at all
}

// String returns what is done to what, such as "add service TCP 192.0.2.1:80".
func (c Change) String() string {
	if object := c.object(); object != "" {
		return fmt.Sprintf("%s %s", c.operation, object)
	}
	return string(c.operation)
}

// object returns what the change is done to.
func (c Change) object() string {
	switch {
	case c.destination.IsValid():
		return fmt.Sprintf("%s of %s", c.destination, c.service)
	case c.service != ServiceID{}:
		return c.service.String()
	case c.daemon != 0:
		return c.daemon.String()
	default:
		return ""
	}
}

// filled returns the change with the attributes that fill puts together.
func (c Change) filled(fill func(*netlink.AttributeEncoder) error) Change {
	c.attributes, c.invalid = encode(fill)
	return c
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
	return Change{operation: operation, service: service.ServiceID, command: command}.filled(func(e *netlink.AttributeEncoder) error {
		e.Nested(attrService, func(e *netlink.AttributeEncoder) error { return encodeService(e, service) })
		return nil
	})
}

// DeleteService deletes an existing service (ESRCH) and its servers. IPVS_CMD_DEL_SERVICE.
func DeleteService(id ServiceID) Change {
	return Change{operation: OpDeleteService, service: id, command: cmdDelService}.filled(serviceOnly(id))
}

// serviceOnly puts the name of a service.
func serviceOnly(id ServiceID) func(*netlink.AttributeEncoder) error {
	return func(e *netlink.AttributeEncoder) error {
		e.Nested(attrService, func(e *netlink.AttributeEncoder) error { return encodeServiceID(e, id) })
		return nil
	}
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
	change := Change{operation: operation, service: id, destination: destination.Address, command: command}
	return change.filled(func(e *netlink.AttributeEncoder) error {
		e.Nested(attrService, func(e *netlink.AttributeEncoder) error { return encodeServiceID(e, id) })
		e.Nested(attrDest, func(e *netlink.AttributeEncoder) error { return encodeDestination(e, destination) })
		return nil
	})
}

// DeleteDestination takes an existing server (ENOENT) from an existing service (ESRCH). IPVS_CMD_DEL_DEST.
func DeleteDestination(id ServiceID, address netip.AddrPort) Change {
	change := Change{operation: OpDeleteDestination, service: id, destination: address, command: cmdDelDest}
	return change.filled(func(e *netlink.AttributeEncoder) error {
		e.Nested(attrService, func(e *netlink.AttributeEncoder) error { return encodeServiceID(e, id) })
		e.Nested(attrDest, func(e *netlink.AttributeEncoder) error { return encodeDestinationID(e, address) })
		return nil
	})
}

// Zero sets the counters of an existing service (ESRCH) and of its servers to zero. IPVS_CMD_ZERO.
func Zero(id ServiceID) Change {
	return Change{operation: OpZero, service: id, command: cmdZero}.filled(serviceOnly(id))
}

// ZeroAll sets all counters to zero. IPVS_CMD_ZERO.
func ZeroAll() Change {
	return Change{operation: OpZero, command: cmdZero}
}

// Flush deletes all services and their servers. IPVS_CMD_FLUSH.
func Flush() Change {
	return Change{operation: OpFlush, command: cmdFlush}
}

// SetTimeouts sets the timeouts that are not zero. They are bounded by the kernel's clock (EINVAL).
// IPVS_CMD_SET_CONFIG.
func SetTimeouts(timeouts Timeouts) Change {
	return Change{operation: OpSetTimeouts, command: cmdSetConfig}.filled(func(e *netlink.AttributeEncoder) error {
		return encodeTimeouts(e, timeouts)
	})
}

// StartDaemon starts a synchronization daemon on an existing interface (ENODEV); one of its kind must not run yet
// (EEXIST). IPVS_CMD_NEW_DAEMON.
func StartDaemon(daemon Daemon) Change {
	return Change{operation: OpStartDaemon, daemon: daemon.State, command: cmdNewDaemon}.filled(func(e *netlink.AttributeEncoder) error {
		e.Nested(attrDaemon, func(e *netlink.AttributeEncoder) error { return encodeDaemon(e, daemon) })
		return nil
	})
}

// StopDaemon stops the daemon of a kind (ESRCH). IPVS_CMD_DEL_DAEMON.
func StopDaemon(state DaemonState) Change {
	return Change{operation: OpStopDaemon, daemon: state, command: cmdDelDaemon}.filled(func(e *netlink.AttributeEncoder) error {
		e.Nested(attrDaemon, func(e *netlink.AttributeEncoder) error {
			e.Uint32(daemonState, uint32(state))
			return nil
		})
		return nil
	})
}
