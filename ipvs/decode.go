package ipvs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

var errTruncated = errors.New("truncated attribute in the kernel's answer")

// attributes walks over a message's attributes without a copy. (netlink.AttributeDecoder makes an object for each
// level of nesting, some forty thousand in a listing of two thousand services.)
type attributes struct {
	rest  []byte
	kind  uint16
	value []byte
	err   error
}

const (
	attributeHeader   = 4
	attributeKindMask = 0x3fff // NLA_TYPE_MASK: without the flags for "nested" and "network order"
	attributeNested   = 0x8000 // NLA_F_NESTED
)

// next moves to the next attribute, and returns false after the last and at the first that is not whole.
func (a *attributes) next() bool {
	b := a.rest
	if len(b) < attributeHeader {
		if len(b) > 0 {
			a.stop(errTruncated)
		}
		return false
	}
	length := int(binary.NativeEndian.Uint16(b))
	if length < attributeHeader || length > len(b) {
		a.stop(errTruncated)
		return false
	}
	a.kind = binary.NativeEndian.Uint16(b[2:]) & attributeKindMask
	a.value = b[attributeHeader:length]
	a.rest = b[min((length+3)&^3, len(b)):]
	return true
}

// stop ends the walk.
func (a *attributes) stop(err error) { a.rest, a.err = nil, err }

// number returns a number of whatever width it came in, as kernels have widened some.
func (a *attributes) number() uint64 {
	switch len(a.value) {
	case 1:
		return uint64(a.value[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(a.value))
	case 4:
		return uint64(binary.NativeEndian.Uint32(a.value))
	case 8:
		return binary.NativeEndian.Uint64(a.value)
	}
	a.stop(fmt.Errorf("%w: a number of %d bytes", errTruncated, len(a.value)))
	return 0
}

// port returns a port in network order.
func (a *attributes) port() uint16 {
	if len(a.value) < 2 {
		a.stop(errTruncated)
		return 0
	}
	return binary.BigEndian.Uint16(a.value)
}

func (a *attributes) seconds() time.Duration {
	return time.Duration(uint32(a.number())) * time.Second
}

// text returns the bytes before the NUL, which a name that fills its field may lack.
func (a *attributes) text() []byte {
	before, _, _ := bytes.Cut(a.value, []byte{0})
	return before
}

// nested returns the value of the first attribute of a kind.
func nested(message []byte, kind uint16) ([]byte, error) {
	a := attributes{rest: message}
	for a.next() {
		if a.kind == kind {
			return a.value, nil
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return nil, errors.New("the kernel's answer lacks what was asked for")
}

// names keeps one copy of each name that the kernel told, as a table has many services and few schedulers.
type names map[string]string

// mostNames bounds what a flood of nonsense can make us keep.
const mostNames = 128

func (n names) intern(b []byte) string {
	if name, ok := n[string(b)]; ok {
		return name
	}
	name := string(b)
	if len(n) < mostNames {
		n[name] = name
	}
	return name
}

// decodeAddress reads a union nf_inet_addr.
func decodeAddress(union []byte, family Family) (netip.Addr, error) {
	switch {
	case family == IPv4 && len(union) >= 4:
		return netip.AddrFrom4([4]byte(union)), nil
	case family == IPv6 && len(union) >= 16:
		return netip.AddrFrom16([16]byte(union)), nil
	case family != IPv4 && family != IPv6:
		return netip.Addr{}, fmt.Errorf("unknown address family %d in the kernel's answer", family)
	default:
		return netip.Addr{}, errTruncated
	}
}

// decodeService reads a message that holds a service.
func decodeService(message []byte, names names) (Service, error) {
	content, err := nested(message, attrService)
	if err != nil {
		return Service{}, err
	}
	s := Service{ServiceID: ServiceID{Family: IPv4}}
	var address, netmask, stats, stats64 []byte
	var port uint16
	a := attributes{rest: content}
	for a.next() {
		switch a.kind {
		case svcFamily:
			s.Family = Family(a.number())
		case svcProtocol:
			s.Protocol = Protocol(a.number())
		case svcAddress:
			address = a.value
		case svcPort:
			port = a.port()
		case svcMark:
			s.Mark = uint32(a.number())
		case svcScheduler:
			s.Scheduler = names.intern(a.text())
		case svcFlags:
			if len(a.value) < 4 {
				return Service{}, errTruncated
			}
			s.Flags = ServiceFlags(binary.NativeEndian.Uint32(a.value)) // and a mask, which says nothing here
		case svcTimeout:
			s.Timeout = a.seconds()
		case svcNetmask:
			netmask = a.value
		case svcStats:
			stats = a.value
		case svcEngine:
			s.Engine = names.intern(a.text())
		case svcStats64:
			stats64 = a.value
		}
	}
	if a.err != nil {
		return Service{}, a.err
	}

	// The rest depends on the family, which may come after it.
	if s.Mark != 0 {
		s.Protocol = 0
	} else {
		ip, err := decodeAddress(address, s.Family)
		if err != nil {
			return Service{}, err
		}
		s.Address = netip.AddrPortFrom(ip, port)
	}
	switch {
	case netmask == nil:
		s.Netmask = HostNetmask(s.Family)
	case len(netmask) < 4:
		return Service{}, errTruncated
	case s.Family == IPv4:
		s.Netmask = Netmask(binary.BigEndian.Uint32(netmask))
	default:
		s.Netmask = Netmask(binary.NativeEndian.Uint32(netmask))
	}
	s.Totals, s.Rates, err = decodeStats(stats, stats64)
	return s, err
}

// decodeDestination reads a message that holds a real server of a service of the given family.
func decodeDestination(message []byte, service Family) (Destination, error) {
	content, err := nested(message, attrDest)
	if err != nil {
		return Destination{}, err
	}
	var d Destination
	var address, stats, stats64 []byte
	var port uint16
	family := service // before 3.18 there was no other
	a := attributes{rest: content}
	for a.next() {
		switch a.kind {
		case destAddress:
			address = a.value
		case destPort:
			port = a.port()
		case destForwarding:
			// The kernel tells all flags of a server's connections; the method is the low three.
			d.Forwarding = Forwarding(a.number() & forwardingMask)
		case destWeight:
			d.Weight = uint32(a.number())
		case destUpper:
			d.UpperThreshold = uint32(a.number())
		case destLower:
			d.LowerThreshold = uint32(a.number())
		case destActive:
			d.ActiveConnections = uint32(a.number())
		case destInactive:
			d.InactiveConnections = uint32(a.number())
		case destPersistent:
			d.PersistentConnections = uint32(a.number())
		case destStats:
			stats = a.value
		case destFamily:
			family = Family(a.number())
		case destStats64:
			stats64 = a.value
		case destTunnelType:
			d.Tunnel.Type = TunnelType(a.number())
		case destTunnelPort:
			d.Tunnel.Port = a.port()
		case destTunnelFlags:
			d.Tunnel.Checksum = TunnelChecksum(a.number())
		}
	}
	if a.err != nil {
		return Destination{}, a.err
	}
	ip, err := decodeAddress(address, family)
	if err != nil {
		return Destination{}, err
	}
	d.Address = netip.AddrPortFrom(ip, port)
	d.Totals, d.Rates, err = decodeStats(stats, stats64)
	return d, err
}

// forwardingMask is IP_VS_CONN_F_FWD_MASK.
const forwardingMask = 7

// decodeStats reads the 64-bit counters, or the older ones where those are absent.
func decodeStats(stats, stats64 []byte) (totals, rates Counters, err error) {
	if stats64 != nil {
		stats = stats64
	}
	a := attributes{rest: stats}
	for a.next() {
		switch a.kind {
		case statsConnections:
			totals.Connections = a.number()
		case statsIncomingPackets:
			totals.IncomingPackets = a.number()
		case statsOutgoingPackets:
			totals.OutgoingPackets = a.number()
		case statsIncomingBytes:
			totals.IncomingBytes = a.number()
		case statsOutgoingBytes:
			totals.OutgoingBytes = a.number()
		case statsConnectionRate:
			rates.Connections = a.number()
		case statsIncomingPacketRate:
			rates.IncomingPackets = a.number()
		case statsOutgoingPacketRate:
			rates.OutgoingPackets = a.number()
		case statsIncomingByteRate:
			rates.IncomingBytes = a.number()
		case statsOutgoingByteRate:
			rates.OutgoingBytes = a.number()
		}
	}
	return totals, rates, a.err
}

// decodeDaemon reads a message that holds a synchronization daemon.
func decodeDaemon(message []byte) (Daemon, error) {
	content, err := nested(message, attrDaemon)
	if err != nil {
		return Daemon{}, err
	}
	var d Daemon
	a := attributes{rest: content}
	for a.next() {
		switch a.kind {
		case daemonState:
			d.State = DaemonState(a.number())
		case daemonInterface:
			d.Interface = string(a.text())
		case daemonSyncID:
			d.SyncID = uint32(a.number())
		case daemonMaxLength:
			d.MaxLength = uint16(a.number())
		case daemonGroup:
			d.Group, err = decodeAddress(a.value, IPv4)
		case daemonGroup6:
			d.Group, err = decodeAddress(a.value, IPv6)
		case daemonPort:
			d.Port = uint16(a.number())
		case daemonTTL:
			d.TTL = uint8(a.number())
		}
		if err != nil {
			return Daemon{}, err
		}
	}
	return d, a.err
}

// decodeInfo reads a message that holds the information.
func decodeInfo(message []byte) (Info, error) {
	var info Info
	a := attributes{rest: message}
	for a.next() {
		switch a.kind {
		case infoVersion:
			info.Version = Version(a.number())
		case infoTableSize:
			info.ConnectionTableSize = uint32(a.number())
		}
	}
	return info, a.err
}

// decodeTimeouts reads a message that holds the timeouts.
func decodeTimeouts(message []byte) (Timeouts, error) {
	var t Timeouts
	a := attributes{rest: message}
	for a.next() {
		switch a.kind {
		case attrTimeoutTCP:
			t.TCP = a.seconds()
		case attrTimeoutTCPFin:
			t.TCPFin = a.seconds()
		case attrTimeoutUDP:
			t.UDP = a.seconds()
		}
	}
	return t, a.err
}
