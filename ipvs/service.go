package ipvs

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"syscall"
	"time"
)

// Family is the address family of a service or of a real server. Its numbers are the kernel's AF_INET and AF_INET6
// (linux/socket.h).
type Family uint16

// The families that IPVS knows.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// FamilyOf returns the family of an address. An IPv4 address mapped into IPv6 is IPv6, as it is to the kernel.
func FamilyOf(address netip.Addr) Family {
	if address.Is4() {
		return IPv4
	}
	return IPv6
}

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	if f == IPv6 {
		return "ipv6"
	}
	return "ipv4"
}

// Protocol is the transport protocol of a service, by its IANA number (linux/in.h).
type Protocol uint16

// The protocols that IPVS balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// String returns the protocol's name as the listings print it, such as "TCP".
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case SCTP:
		return "SCTP"
	default:
		return fmt.Sprintf("%d", uint16(p))
	}
}

// ServiceID is what names a virtual service: protocol, address and port, or a firewall mark and a family. It is
// comparable, and made by AddressService and MarkService.
type ServiceID struct {
	Family   Family
	Protocol Protocol       // zero for a firewall mark
	Address  netip.AddrPort // the zero value for a firewall mark
	Mark     uint32         // zero for an address
}

// AddressService names the service of a protocol at an address and port.
func AddressService(protocol Protocol, address netip.AddrPort) ServiceID {
	return ServiceID{Family: FamilyOf(address.Addr()), Protocol: protocol, Address: address}
}

// MarkService names the service of the packets that the firewall gave a mark; one mark names a service in each family.
func MarkService(mark uint32, family Family) ServiceID {
	return ServiceID{Family: family, Mark: mark}
}

// String returns the service as an error message names it, such as "TCP 192.0.2.1:80" or "FWM 1 IPv6".
func (id ServiceID) String() string {
	switch {
	case id.Mark == 0:
		return fmt.Sprintf("%s %s", id.Protocol, id.Address)
	case id.Family == IPv6:
		return fmt.Sprintf("FWM %d IPv6", id.Mark)
	default:
		return fmt.Sprintf("FWM %d", id.Mark)
	}
}

// Compare orders services as ipvsadm lists them: addresses before firewall marks, IPv4 before IPv6, then by protocol,
// address and port; marks by their number and then IPv4 before IPv6. An address is compared as a number, an IPv6 one
// too; the original compares only the first four octets.
func (id ServiceID) Compare(other ServiceID) int {
	switch {
	case id.Mark != other.Mark:
		return cmp.Compare(id.Mark, other.Mark)
	case id.Family != other.Family:
		return cmp.Compare(id.Family, other.Family)
	case id.Protocol != other.Protocol:
		return cmp.Compare(id.Protocol, other.Protocol)
	default:
		return compareAddresses(id.Address, other.Address)
	}
}

// ServiceFlags are the IP_VS_SVC_F_ bits of a service (linux/ip_vs.h).
type ServiceFlags uint32

// The flags of a service. What the three scheduler flags mean is the scheduler's business: sh and mh take the first
// for fallback and the second for hashing the port too.
const (
	Persistent     ServiceFlags = 0x01 // a client stays with its server
	Hashed         ServiceFlags = 0x02 // the service is in the kernel's table; set by the kernel
	OnePacket      ServiceFlags = 0x04 // each packet is scheduled by itself
	SchedulerFlag1 ServiceFlags = 0x08
	SchedulerFlag2 ServiceFlags = 0x10
	SchedulerFlag3 ServiceFlags = 0x20
	FallbackFlag                = SchedulerFlag1 // of sh and mh: another server for one that is down
	HashPortFlag                = SchedulerFlag2 // of sh and mh: the port of the client is hashed too
	SchedulerFlags              = SchedulerFlag1 | SchedulerFlag2 | SchedulerFlag3
)

// Service is a virtual service (struct ip_vs_service_user and IPVS_SVC_ATTR_*, linux/ip_vs.h).
type Service struct {
	ServiceID
	Scheduler string        // name of the scheduler's module, "wlc" for ip_vs_wlc; at most 15 bytes
	Flags     ServiceFlags  // in a change these are all of them: those left out are taken away
	Timeout   time.Duration // how long a client stays with its server, in whole seconds; counts if Persistent is set
	Netmask   Netmask
	Engine    string // persistence engine, such as "sip"; empty for none
}

// SchedulerFlagNames returns the scheduler flags that are set, as -b takes them. The schedulers sh and mh have names of
// their own for the first two.
func (s *Service) SchedulerFlagNames() []string {
	names := [...]string{"flag-1", "flag-2", "flag-3"}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		names[0], names[1] = s.Scheduler+"-fallback", s.Scheduler+"-port"
	}
	var set []string
	for i, flag := range [...]ServiceFlags{SchedulerFlag1, SchedulerFlag2, SchedulerFlag3} {
		if s.Flags&flag != 0 {
			set = append(set, names[i])
		}
	}
	return set
}

// ListedService is a service and what the kernel tells of it.
type ListedService struct {
	Service
	Traffic
}

// serviceID puts the name of a service.
func (e *encoder) serviceID(id ServiceID) {
	start := e.open(attrService)
	e.identity(id)
	e.close(start)
}

// identity puts the attributes that name a service.
func (e *encoder) identity(id ServiceID) {
	switch {
	case id.Mark != 0 && id.Family != IPv4 && id.Family != IPv6:
		e.fail(fmt.Errorf("firewall mark %d is of no address family", id.Mark))
	case id.Mark != 0:
		e.uint16(svcFamily, uint16(id.Family))
		e.uint32(svcMark, id.Mark)
	case !id.Address.IsValid():
		e.fail(errors.New("a service needs an address or a firewall mark"))
	case id.Family != FamilyOf(id.Address.Addr()):
		e.fail(fmt.Errorf("address %s is not of family %d", id.Address.Addr(), id.Family))
	default:
		e.uint16(svcFamily, uint16(id.Family))
		e.uint16(svcProtocol, uint16(id.Protocol))
		e.address(svcAddress, id.Address.Addr())
		e.port(svcPort, id.Address.Port())
	}
}

// service puts a service.
func (e *encoder) service(s Service) {
	start := e.open(attrService)
	e.identity(s.ServiceID)
	e.name(svcScheduler, "scheduler", s.Scheduler, syscall.ENOENT)
	if s.Engine != "" { // an engine is taken away by naming none
		e.name(svcEngine, "persistence engine", s.Engine, syscall.ENOENT)
	}
	// struct ip_vs_flags: the flags, and which of them are meant, all.
	e.begin(svcFlags, 8)
	e.message = binary.NativeEndian.AppendUint32(e.message, uint32(s.Flags))
	e.message = binary.NativeEndian.AppendUint32(e.message, math.MaxUint32)
	e.seconds(svcTimeout, s.Timeout)
	e.netmask(svcNetmask, s.Netmask, s.Family)
	e.close(start)
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
	s.Netmask = a.netmask(svcNetmask, s.Family)
	s.Engine = names.intern(a.text(svcEngine))
	return a.stats(svcStats, svcStats64), a.err
}
