package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// The names and numbers of the family, as in include/uapi/linux/ip_vs.h.
const (
	familyName    = "IPVS"
	familyVersion = 1
)

// IPVS_CMD_*
const (
	cmdNewService = iota + 1
	cmdSetService
	cmdDelService
	cmdGetService
	cmdNewDest
	cmdSetDest
	cmdDelDest
	cmdGetDest
	cmdNewDaemon
	cmdDelDaemon
	cmdGetDaemon
	cmdSetConfig
	cmdGetConfig
	cmdSetInfo // the kernel's answer to cmdGetInfo
	cmdGetInfo
	cmdZero
	cmdFlush
)

// IPVS_CMD_ATTR_*
const (
	attrService = iota + 1
	attrDest
	attrDaemon
	attrTimeoutTCP
	attrTimeoutTCPFin
	attrTimeoutUDP
)

// IPVS_SVC_ATTR_*
const (
	svcFamily = iota + 1
	svcProtocol
	svcAddress
	svcPort
	svcMark
	svcScheduler
	svcFlags
	svcTimeout
	svcNetmask
	svcStats
	svcEngine
	svcStats64
)

// IPVS_DEST_ATTR_*
const (
	destAddress = iota + 1
	destPort
	destForwarding
	destWeight
	destUpper
	destLower
	destActive
	destInactive
	destPersistent
	destStats
	destFamily
	destStats64
	destTunnelType
	destTunnelPort
	destTunnelFlags
)

// IPVS_DAEMON_ATTR_*
const (
	daemonState = iota + 1
	daemonInterface
	daemonSyncID
	daemonMaxLength
	daemonGroup
	daemonGroup6
	daemonPort
	daemonTTL
)

// IPVS_STATS_ATTR_*
const (
	statsConnections = iota + 1
	statsIncomingPackets
	statsOutgoingPackets
	statsIncomingBytes
	statsOutgoingBytes
	statsConnectionRate
	statsIncomingPacketRate
	statsOutgoingPacketRate
	statsIncomingByteRate
	statsOutgoingByteRate
)

// IPVS_INFO_ATTR_*
const (
	infoVersion = iota + 1
	infoTableSize
)

// nameSize is the room that the kernel has for a name, the NUL at its end included: IP_VS_SCHEDNAME_MAXLEN,
// IP_VS_PENAME_MAXLEN, IP_VS_IFNAME_MAXLEN.
const nameSize = 16

// encode returns the message of a command, with the attributes that fill puts together.
func encode(command uint8, fill func(*encoder) error) ([]byte, error) {
	e := encoder{make([]byte, 0, usualMessage)}
	e.message = append(e.message, command, familyVersion, 0, 0)
	if err := fill(&e); err != nil {
		return nil, err
	}
	return e.message, nil
}

// usualMessage is room for any message but that of a daemon with an IPv6 group.
const usualMessage = 160

// encoder puts attributes behind each other in one message. (netlink.AttributeEncoder allocates each of them, and each
// level of nesting anew, some twenty times for a real server.)
type encoder struct {
	message []byte
}

func (e *encoder) begin(kind uint16, length int) {
	e.message = binary.NativeEndian.AppendUint16(e.message, uint16(attributeHeader+length))
	e.message = binary.NativeEndian.AppendUint16(e.message, kind)
}

func (e *encoder) uint8(kind uint16, value uint8) {
	e.begin(kind, 1)
	e.message = append(e.message, value, 0, 0, 0)
}

func (e *encoder) uint16(kind, value uint16) {
	e.begin(kind, 2)
	e.message = binary.NativeEndian.AppendUint16(e.message, value)
	e.message = append(e.message, 0, 0)
}

func (e *encoder) uint32(kind uint16, value uint32) {
	e.begin(kind, 4)
	e.message = binary.NativeEndian.AppendUint32(e.message, value)
}

func (e *encoder) bytes(kind uint16, value []byte) {
	e.begin(kind, len(value))
	e.message = append(e.message, value...)
	e.align()
}

// text puts a name and the NUL at its end.
func (e *encoder) text(kind uint16, value string) {
	e.begin(kind, len(value)+1)
	e.message = append(e.message, value...)
	e.message = append(e.message, 0)
	e.align()
}

// align fills up to where the next attribute may begin.
func (e *encoder) align() {
	for len(e.message)%4 != 0 {
		e.message = append(e.message, 0)
	}
}

// nested puts an attribute that holds those that fill puts.
func (e *encoder) nested(kind uint16, fill func(*encoder) error) error {
	start := len(e.message)
	e.begin(kind|attributeNested, 0)
	if err := fill(e); err != nil {
		return err
	}
	binary.NativeEndian.PutUint16(e.message[start:], uint16(len(e.message)-start))
	return nil
}

// encodeServiceID puts the attributes that name a service.
func encodeServiceID(e *encoder, id ServiceID) error {
	if id.Mark != 0 {
		if id.Family != IPv4 && id.Family != IPv6 {
			return fmt.Errorf("firewall mark %d is of no address family", id.Mark)
		}
		e.uint16(svcFamily, uint16(id.Family))
		e.uint32(svcMark, id.Mark)
		return nil
	}
	if !id.Address.IsValid() {
		return errors.New("a service needs an address or a firewall mark")
	}
	if family := FamilyOf(id.Address.Addr()); id.Family != family {
		return fmt.Errorf("address %s is not of family %d", id.Address.Addr(), id.Family)
	}
	e.uint16(svcFamily, uint16(id.Family))
	e.uint16(svcProtocol, uint16(id.Protocol))
	encodeAddress(e, svcAddress, id.Address.Addr())
	encodePort(e, svcPort, id.Address.Port())
	return nil
}

// encodeService puts all attributes of a service.
func encodeService(e *encoder, s Service) error {
	if err := encodeServiceID(e, s.ServiceID); err != nil {
		return err
	}
	if err := encodeName(e, svcScheduler, "scheduler", s.Scheduler, syscall.ENOENT); err != nil {
		return err
	}
	// An engine is taken away by naming none.
	if s.Engine != "" {
		if err := encodeName(e, svcEngine, "persistence engine", s.Engine, syscall.ENOENT); err != nil {
			return err
		}
	}
	// struct ip_vs_flags: the flags, and which of them are meant, all.
	var flags [8]byte
	binary.NativeEndian.PutUint32(flags[:], uint32(s.Flags))
	binary.NativeEndian.PutUint32(flags[4:], math.MaxUint32)
	e.bytes(svcFlags, flags[:])
	if err := encodeSeconds(e, svcTimeout, s.Timeout); err != nil {
		return err
	}
	if s.Family == IPv4 {
		e.bytes(svcNetmask, binary.BigEndian.AppendUint32(nil, uint32(s.Netmask)))
		return nil
	}
	mask := s.Netmask
	if mask == 0 { // no prefix length that the kernel takes
		mask = HostNetmask(IPv6)
	}
	e.uint32(svcNetmask, uint32(mask))
	return nil
}

// encodeDestinationID puts the attributes that name a real server within its service.
func encodeDestinationID(e *encoder, address netip.AddrPort) error {
	if !address.IsValid() {
		return errors.New("a destination needs an address")
	}
	encodeAddress(e, destAddress, address.Addr())
	encodePort(e, destPort, address.Port())
	e.uint16(destFamily, uint16(FamilyOf(address.Addr())))
	return nil
}

// encodeDestination puts all attributes of a real server. A kernel that knows no tunnel types ignores them.
func encodeDestination(e *encoder, d Destination) error {
	if err := encodeDestinationID(e, d.Address); err != nil {
		return err
	}
	e.uint32(destForwarding, uint32(d.Forwarding))
	e.uint32(destWeight, d.Weight)
	e.uint32(destUpper, d.UpperThreshold)
	e.uint32(destLower, d.LowerThreshold)
	e.uint8(destTunnelType, uint8(d.Tunnel.Type))
	encodePort(e, destTunnelPort, d.Tunnel.Port)
	e.uint16(destTunnelFlags, uint16(d.Tunnel.Checksum))
	return nil
}

// encodeDaemon puts all attributes of a daemon, and leaves out those whose choice is the kernel's.
func encodeDaemon(e *encoder, d Daemon) error {
	e.uint32(daemonState, uint32(d.State))
	if err := encodeName(e, daemonInterface, "interface", d.Interface, syscall.ENODEV); err != nil {
		return err
	}
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
	return nil
}

// encodeTimeouts puts the timeouts.
func encodeTimeouts(e *encoder, t Timeouts) error {
	return errors.Join(
		encodeSeconds(e, attrTimeoutTCP, t.TCP),
		encodeSeconds(e, attrTimeoutTCPFin, t.TCPFin),
		encodeSeconds(e, attrTimeoutUDP, t.UDP),
	)
}

// encodeAddress puts a union nf_inet_addr: 16 bytes, of which IPv4 takes the first four.
func encodeAddress(e *encoder, attribute uint16, address netip.Addr) {
	var union [16]byte
	if address.Is4() {
		octets := address.As4()
		copy(union[:], octets[:])
	} else {
		union = address.As16()
	}
	e.bytes(attribute, union[:])
}

// encodePort puts a port in network order.
func encodePort(e *encoder, attribute, port uint16) {
	e.bytes(attribute, []byte{byte(port >> 8), byte(port)})
}

// encodeName puts a name, which must be one in the kernel's eyes too: it has room for so many bytes, and NUL ends it.
// Nothing has a longer one, so it is missing as any other that nothing has.
func encodeName(e *encoder, attribute uint16, what, name string, missing syscall.Errno) error {
	if len(name) >= nameSize {
		return fmt.Errorf("%s %q is longer than %d bytes: %w", what, name, nameSize-1, missing)
	}
	if strings.IndexByte(name, 0) >= 0 {
		return fmt.Errorf("%s %q holds a NUL", what, name)
	}
	e.text(attribute, name)
	return nil
}

// encodeSeconds puts a duration, a part of a second counting as a whole one lest a short timeout become none.
func encodeSeconds(e *encoder, attribute uint16, d time.Duration) error {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	if d < 0 || seconds > math.MaxUint32 {
		return fmt.Errorf("timeout %v is not between 0 and %d seconds", d, uint32(math.MaxUint32))
	}
	e.uint32(attribute, uint32(seconds))
	return nil
}
