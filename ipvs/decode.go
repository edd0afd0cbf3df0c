package ipvs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"
)

var errTruncated = errors.New("truncated attribute in the kernel's answer")

// attributes are those of a message, the last of each kind. (netlink.AttributeDecoder makes an object for each level of
// nesting, some forty thousand in a listing of two thousand services.)
type attributes struct {
	message []byte
	begins  [attributeKinds]uint16 // where the value is
	lengths [attributeKinds]uint16 // of the attribute with its header; zero for one that is absent
	err     error                  // something that was found wrong
}

// read finds the attributes of a message, up to the first that is not whole.
func (a *attributes) read(message []byte) {
	a.message = message
	if len(message) > math.MaxUint16 {
		a.err = errTruncated
		return
	}
	for at := 0; at < len(message); {
		rest := message[at:]
		if len(rest) < attributeHeader {
			a.err = errTruncated
			return
		}
		length, kind := int(binary.NativeEndian.Uint16(rest)), binary.NativeEndian.Uint16(rest[2:])&attributeKindMask
		if length < attributeHeader || length > len(rest) {
			a.err = errTruncated
			return
		}
		if kind < attributeKinds {
			a.begins[kind], a.lengths[kind] = uint16(at+attributeHeader), uint16(length)
		}
		at += (length + 3) &^ 3
	}
}

// nested reads the attributes of a message that are within one of a kind.
func (a *attributes) nested(message []byte, kind uint16) {
	var outer attributes
	outer.read(message)
	if a.err = outer.err; a.err == nil && !outer.has(kind) {
		a.err = errors.New("the kernel's answer lacks what was asked for")
	}
	a.read(outer.value(kind))
}

func (a *attributes) has(kind uint16) bool { return a.lengths[kind] != 0 }

// value returns the bytes of an attribute, none of one that is absent.
func (a *attributes) value(kind uint16) []byte {
	if !a.has(kind) {
		return nil
	}
	return a.message[a.begins[kind]:][:a.lengths[kind]-attributeHeader]
}

// number returns a number of whatever width it came in, as kernels have widened some; zero for one that is absent.
func (a *attributes) number(kind uint16) uint64 {
	if a.lengths[kind] == attributeHeader+4 { // as most have
		return uint64(binary.NativeEndian.Uint32(a.message[a.begins[kind]:]))
	}
	return a.otherNumber(kind)
}

func (a *attributes) otherNumber(kind uint16) uint64 {
	if !a.has(kind) {
		return 0
	}
	value := a.message[a.begins[kind]:]
	switch a.lengths[kind] - attributeHeader {
	case 8:
		return binary.NativeEndian.Uint64(value)
	case 2:
		return uint64(binary.NativeEndian.Uint16(value))
	case 1:
		return uint64(value[0])
	default:
		a.err = fmt.Errorf("%w: a number of an odd width", errTruncated)
		return 0
	}
}

// port returns a port, which is in network order.
func (a *attributes) port(kind uint16) uint16 {
	value := a.value(kind)
	if len(value) >= 2 {
		return binary.BigEndian.Uint16(value)
	}
	if a.has(kind) {
		a.err = errTruncated
	}
	return 0
}

func (a *attributes) seconds(kind uint16) time.Duration {
	return time.Duration(uint32(a.number(kind))) * time.Second
}

// text returns the bytes before the NUL, which a name that fills its field may lack.
func (a *attributes) text(kind uint16) []byte {
	value := a.value(kind)
	if end := bytes.IndexByte(value, 0); end >= 0 {
		return value[:end]
	}
	return value
}

// address returns a union nf_inet_addr.
func (a *attributes) address(kind uint16, family Family) netip.Addr {
	union := a.value(kind)
	switch {
	case family == IPv4 && len(union) >= 4:
		return netip.AddrFrom4([4]byte(union))
	case family == IPv6 && len(union) >= 16:
		return netip.AddrFrom16([16]byte(union))
	case family != IPv4 && family != IPv6:
		a.err = fmt.Errorf("unknown address family %d in the kernel's answer", family)
	default:
		a.err = errTruncated
	}
	return netip.Addr{}
}

// names keeps one copy of each name that the kernel told, as a table has many services and few schedulers.
type names map[string]string

// mostNames bounds what a flood of nonsense can make us keep.
const mostNames = 128

func (n names) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if name, ok := n[string(b)]; ok {
		return name
	}
	name := string(b)
	if len(n) < mostNames {
		n[name] = name
	}
	return name
}

// decodeService reads a message that holds a service, and returns the attributes that are its counters.
func decodeService(message []byte, names names, s *ListedService) (stats []byte, err error) {
	var a attributes
	a.nested(message, attrService)
	s.Family = IPv4
	if a.has(svcFamily) {
		s.Family = Family(a.number(svcFamily))
	}
	if s.Mark = uint32(a.number(svcMark)); s.Mark == 0 {
		s.Protocol = Protocol(a.number(svcProtocol))
		s.Address = netip.AddrPortFrom(a.address(svcAddress, s.Family), a.port(svcPort))
	}
	s.Scheduler = names.intern(a.text(svcScheduler))
	if flags := a.value(svcFlags); len(flags) >= 4 {
		s.Flags = ServiceFlags(binary.NativeEndian.Uint32(flags)) // and a mask, which says nothing here
	} else if a.has(svcFlags) {
		a.err = errTruncated
	}
	s.Timeout = a.seconds(svcTimeout)
	switch netmask := a.value(svcNetmask); {
	case !a.has(svcNetmask):
		s.Netmask = HostNetmask(s.Family)
	case len(netmask) < 4:
		a.err = errTruncated
	case s.Family == IPv4:
		s.Netmask = Netmask(binary.BigEndian.Uint32(netmask))
	default:
		s.Netmask = Netmask(binary.NativeEndian.Uint32(netmask))
	}
	s.Engine = names.intern(a.text(svcEngine))
	return a.stats(svcStats, svcStats64), a.err
}

// decodeDestination reads a message that holds a real server of a service of the given family, and returns the attributes
// that are its counters.
func decodeDestination(message []byte, service Family, d *ListedDestination) (stats []byte, err error) {
	var a attributes
	a.nested(message, attrDest)
	family := service // before 3.18 there was no other
	if a.has(destFamily) {
		family = Family(a.number(destFamily))
	}
	d.Address = netip.AddrPortFrom(a.address(destAddress, family), a.port(destPort))
	// The kernel tells all flags of a server's connections; the method is the low three.
	d.Forwarding = Forwarding(a.number(destForwarding) & forwardingMask)
	d.Weight = uint32(a.number(destWeight))
	d.UpperThreshold = uint32(a.number(destUpper))
	d.LowerThreshold = uint32(a.number(destLower))
	d.ActiveConnections = uint32(a.number(destActive))
	d.InactiveConnections = uint32(a.number(destInactive))
	d.PersistentConnections = uint32(a.number(destPersistent))
	d.Tunnel = Tunnel{
		Type:     TunnelType(a.number(destTunnelType)),
		Port:     a.port(destTunnelPort),
		Checksum: TunnelChecksum(a.number(destTunnelFlags)),
	}
	return a.stats(destStats, destStats64), a.err
}

// stats returns the 64-bit counters, or the older ones where those are absent.
func (a *attributes) stats(older, newer uint16) []byte {
	if a.has(newer) {
		return a.value(newer)
	}
	return a.value(older)
}

// decodeStats reads counters, of either width.
func decodeStats(stats []byte, traffic *Traffic) error {
	var a attributes
	a.read(stats)
	traffic.Totals = Counters{
		Connections:     a.number(statsConnections),
		IncomingPackets: a.number(statsIncomingPackets),
		OutgoingPackets: a.number(statsOutgoingPackets),
		IncomingBytes:   a.number(statsIncomingBytes),
		OutgoingBytes:   a.number(statsOutgoingBytes),
	}
	traffic.Rates = Counters{
		Connections:     a.number(statsConnectionRate),
		IncomingPackets: a.number(statsIncomingPacketRate),
		OutgoingPackets: a.number(statsOutgoingPacketRate),
		IncomingBytes:   a.number(statsIncomingByteRate),
		OutgoingBytes:   a.number(statsOutgoingByteRate),
	}
	return a.err
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

// decodeInfo reads a message that holds the information.
func decodeInfo(message []byte, info *Info) error {
	var a attributes
	a.read(message)
	info.Version = Version(a.number(infoVersion))
	info.ConnectionTableSize = uint32(a.number(infoTableSize))
	return a.err
}

// decodeTimeouts reads a message that holds the timeouts.
func decodeTimeouts(message []byte, t *Timeouts) error {
	var a attributes
	a.read(message)
	*t = Timeouts{TCP: a.seconds(attrTimeoutTCP), TCPFin: a.seconds(attrTimeoutTCPFin), UDP: a.seconds(attrTimeoutUDP)}
	return a.err
}
