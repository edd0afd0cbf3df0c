package ipvs

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"ipvsadm/ipvs/internal/sockopt"
)

// Destination is a real server of a virtual service (struct ip_vs_dest_user and IPVS_DEST_ATTR_*, linux/ip_vs.h).
// Address names it within its service. A tunnelled server may have another family than its service.
type Destination struct {
	Address        netip.AddrPort
	Forwarding     Forwarding
	Weight         uint32 // share of the new connections, up to 2^31-1
	UpperThreshold uint32 // at so many connections it takes no new ones; zero for no limit
	LowerThreshold uint32 // below so many it takes new ones again; zero for three quarters of the upper
	Tunnel         Tunnel
}

// ListedDestination is a server as the kernel lists it, with its connections and counters.
type ListedDestination struct {
	Destination
	ActiveConnections     uint32
	InactiveConnections   uint32
	PersistentConnections uint32
	Traffic
}

// Compare orders the servers of a service as ipvsadm lists them: by address and then by port. A service may have tunnelled
// servers of both families. The first four octets of an IPv6 address then compare with those of an IPv4 address, as in
// the original: 10.0.0.1, 2001:db8::1, 198.51.100.7.
func (d Destination) Compare(other Destination) int {
	return compareAddresses(d.Address, other.Address)
}

// Destinations returns the servers of a service, each once, in the kernel's order. For a service that does not exist it
// returns no servers and no error. IPVS_CMD_GET_DEST.
func (c *Client) Destinations(ctx context.Context, id ServiceID) ([]ListedDestination, error) {
	return c.listDestinations(ctx, id, new(destinationReader))
}

type destinationReader = dumpReader[ListedDestination, netip.AddrPort]

// listDestinations returns the servers of a service, in the memory of the reader.
func (c *Client) listDestinations(ctx context.Context, id ServiceID, reader *destinationReader) ([]ListedDestination, error) {
	reader.decode = func(message []byte, d *ListedDestination) error { return c.decodeDestination(message, id.Family, d) }
	reader.key = func(d ListedDestination) netip.AddrPort { return d.Address }
	reader.confirm = func(known map[netip.AddrPort]bool) (all, sure bool) { return c.areAll(id, known) }
	return list(ctx, c, request{operation: OpListDestinations, service: id}.encoded(encodeAbout(cmdGetDest, id)), reader)
}

// areAll reports whether the kernel has no servers of a service but the known ones, and whether it is sure: the older
// interface lists only IPv4 servers of IPv4 services.
func (c *Client) areAll(id ServiceID, known map[netip.AddrPort]bool) (all, sure bool) {
	if c.option == nil || id.Family != IPv4 {
		return false, false
	}
	for address := range known {
		if address.Addr().Is6() {
			return false, false
		}
	}
	service := sockopt.Service{Protocol: uint16(id.Protocol), Address: id.Address, Mark: id.Mark}
	present, err := c.option.Servers(service, len(known))
	if errors.Is(err, sockopt.ErrMore) {
		return false, true
	}
	isUnknown := func(address netip.AddrPort) bool { return !known[address] }
	return !slices.ContainsFunc(present, isUnknown), err == nil
}

// AddDestination adds a server, which must be new (EEXIST), to an existing service (ESRCH). IPVS_CMD_NEW_DEST.
func AddDestination(id ServiceID, destination Destination) Change {
	return changeDestination(OpAddDestination, cmdNewDest, id, destination)
}

// EditDestination sets the weight, forwarding method, thresholds and tunnel of an existing server (ENOENT) of an existing
// service (ESRCH). IPVS_CMD_SET_DEST.
func EditDestination(id ServiceID, destination Destination) Change {
	return changeDestination(OpEditDestination, cmdSetDest, id, destination)
}

func changeDestination(operation Operation, command uint8, id ServiceID, destination Destination) Change {
	e := encodeAbout(command, id)
	e.destination(destination)
	return Change{request{operation: operation, service: id, destination: destination.Address}.encoded(e)}
}

// DeleteDestination deletes an existing server (ENOENT) of an existing service (ESRCH). IPVS_CMD_DEL_DEST.
func DeleteDestination(id ServiceID, address netip.AddrPort) Change {
	e := encodeAbout(cmdDelDest, id)
	e.destinationID(address)
	return Change{request{operation: OpDeleteDestination, service: id, destination: address}.encoded(e)}
}

// destinationID appends the attributes that name a server within its service, nested.
func (e *encoder) destinationID(address netip.AddrPort) {
	start := e.open(attrDest)
	e.endpoint(address)
	e.close(start)
}

// endpoint appends the attributes that name a server.
func (e *encoder) endpoint(address netip.AddrPort) {
	if !address.IsValid() {
		e.fail(errors.New("a server needs an address"))
		return
	}
	e.address(destAddress, address.Addr())
	e.port(destPort, address.Port())
	e.uint16(destFamily, uint16(FamilyOf(address.Addr())))
}

// destination appends a server. Kernels without tunnel types ignore them.
func (e *encoder) destination(d Destination) {
	start := e.open(attrDest)
	e.endpoint(d.Address)
	e.uint32(destForwarding, uint32(d.Forwarding))
	e.uint32(destWeight, d.Weight)
	e.uint32(destUpper, d.UpperThreshold)
	e.uint32(destLower, d.LowerThreshold)
	e.uint8(destTunnelType, uint8(d.Tunnel.Type))
	e.port(destTunnelPort, d.Tunnel.Port)
	e.uint16(destTunnelFlags, uint16(d.Tunnel.Checksum))
	e.close(start)
}

// decodeDestination reads a message that holds a server of a service of the given family.
func (c *Client) decodeDestination(message []byte, service Family, d *ListedDestination) error {
	var a attributes
	a.nested(message, attrDest)
	family := service // kernels before 3.18 send none, and know no other
	if a.has(destFamily) {
		family = Family(a.number(destFamily))
	}
	d.Address = netip.AddrPortFrom(a.address(destAddress, family), a.port(destPort))
	d.Forwarding = Forwarding(a.number(destForwarding) & forwardingMask)
	d.Weight = uint32(a.number(destWeight))
	d.UpperThreshold = uint32(a.number(destUpper))
	d.LowerThreshold = uint32(a.number(destLower))
	d.ActiveConnections = uint32(a.number(destActive))
	d.InactiveConnections = uint32(a.number(destInactive))
	d.PersistentConnections = uint32(a.number(destPersistent))
	d.Tunnel.Type = TunnelType(a.number(destTunnelType))
	d.Tunnel.Port = a.port(destTunnelPort)
	d.Tunnel.Checksum = TunnelChecksum(a.number(destTunnelFlags))
	if !c.withoutCounters {
		d.Traffic = a.traffic(destStats, destStats64)
	}
	return a.err
}
