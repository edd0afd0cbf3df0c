package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"syscall"
	"time"
)

// ServiceFlags are the IP_VS_SVC_F_ bits of a service (linux/ip_vs.h).
type ServiceFlags uint32

// The flags of a service. Each scheduler gives the three scheduler flags a meaning of its own. Only sh and mh use them.
const (
	Persistent     ServiceFlags = 0x01 // a client stays with its server
	Hashed         ServiceFlags = 0x02 // the kernel sets it: the service is in its table
	OnePacket      ServiceFlags = 0x04 // the scheduler chooses a server for each packet
	SchedulerFlag1 ServiceFlags = 0x08
	SchedulerFlag2 ServiceFlags = 0x10
	SchedulerFlag3 ServiceFlags = 0x20
	FallbackFlag                = SchedulerFlag1 // of sh and mh: another server replaces an unavailable one
	HashPortFlag                = SchedulerFlag2 // of sh and mh: the hash includes the client's port
	SchedulerFlags              = SchedulerFlag1 | SchedulerFlag2 | SchedulerFlag3
)

// Service is a virtual service (struct ip_vs_service_user and IPVS_SVC_ATTR_*, linux/ip_vs.h).
type Service struct {
	ServiceID
	Scheduler string        // "wlc" for the module ip_vs_wlc; at most 15 bytes
	Flags     ServiceFlags  // a change sets these and clears the others
	Timeout   time.Duration // of persistence, in whole seconds; without effect unless Persistent is set
	Netmask   Netmask       // of persistence
	Engine    string        // persistence engine, such as "sip"; empty for none
}

// SchedulerFlagNames returns the names of the scheduler flags that are set, as -b takes them. The schedulers sh and mh
// have their own names for the first two.
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

// ListedService is a service as the kernel lists it, with its counters.
type ListedService struct {
	Service
	Traffic
}

// Service returns one service, which must exist (ESRCH). IPVS_CMD_GET_SERVICE.
func (c *Client) Service(ctx context.Context, id ServiceID) (ListedService, error) {
	r := request{operation: OpGetService, service: id}.encoded(encodeAbout(cmdGetService, id))
	return get(ctx, c, r, c.decodeService)
}

// Services returns the virtual services, each once, in the kernel's order. If one service comes and another goes within
// a few microseconds, a service that stays may be missing; Entries finds it. IPVS_CMD_GET_SERVICE.
func (c *Client) Services(ctx context.Context) ([]ListedService, error) {
	uses := watchUses(c.moduleUse)
	defer uses.close()
	return c.listServices(ctx, uses)
}

func (c *Client) listServices(ctx context.Context, uses *useCount) ([]ListedService, error) {
	r := request{operation: OpListServices}.encoded(encode(cmdGetService))
	services := make([]ListedService, 0, uses.estimate())
	return list(ctx, c, r, &dumpReader[ListedService, ServiceID]{decode: c.decodeService, key: serviceID, uses: uses, items: services})
}

func serviceID(s ListedService) ServiceID { return s.ServiceID }

// AddService makes a new virtual service, which must not exist (EEXIST). The kernel loads the modules of its scheduler
// and engine (ENOENT). IPVS_CMD_NEW_SERVICE.
func AddService(service Service) Change {
	return changeService(OpAddService, cmdNewService, service)
}

// EditService sets the scheduler, flags, timeout, netmask and engine of an existing service (ESRCH). Its servers,
// connections and counters stay. IPVS_CMD_SET_SERVICE.
func EditService(service Service) Change {
	return changeService(OpEditService, cmdSetService, service)
}

func changeService(operation Operation, command uint8, service Service) Change {
	e := encode(command)
	e.service(service)
	return Change{request{operation: operation, service: service.ServiceID}.encoded(e)}
}

// DeleteService deletes an existing service (ESRCH) and its servers. IPVS_CMD_DEL_SERVICE.
func DeleteService(id ServiceID) Change {
	return Change{request{operation: OpDeleteService, service: id}.encoded(encodeAbout(cmdDelService, id))}
}

// serviceID appends the attributes that name a service, nested.
func (e *encoder) serviceID(id ServiceID) {
	start := e.open(attrService)
	e.identity(id)
	e.close(start)
}

// identity appends the attributes that name a service.
func (e *encoder) identity(id ServiceID) {
	switch {
	case id.Mark != 0 && id.Family != IPv4 && id.Family != IPv6:
		e.fail(fmt.Errorf("firewall mark %d has no address family", id.Mark))
	case id.Mark != 0:
		e.uint16(svcFamily, uint16(id.Family))
		e.uint32(svcMark, id.Mark)
	case !id.Address.IsValid():
		e.fail(errors.New("a service needs an address or a firewall mark"))
	case id.Family != FamilyOf(id.Address.Addr()):
		e.fail(fmt.Errorf("address %s is not of family %s", id.Address.Addr(), id.Family))
	default:
		e.uint16(svcFamily, uint16(id.Family))
		e.uint16(svcProtocol, uint16(id.Protocol))
		e.address(svcAddress, id.Address.Addr())
		e.port(svcPort, id.Address.Port())
	}
}

// service appends a service.
func (e *encoder) service(s Service) {
	start := e.open(attrService)
	e.identity(s.ServiceID)
	e.name(svcScheduler, "scheduler", s.Scheduler, syscall.ENOENT)
	if s.Engine != "" { // an edit without an engine removes it
		e.name(svcEngine, "persistence engine", s.Engine, syscall.ENOENT)
	}
	e.flags(svcFlags, s.Flags)
	e.seconds(svcTimeout, s.Timeout)
	e.netmask(svcNetmask, s.Netmask, s.Family)
	e.close(start)
}

// flags appends a struct ip_vs_flags: the flags, and the mask of those that the kernel sets, here all.
func (e *encoder) flags(kind uint16, flags ServiceFlags) {
	e.begin(kind, 8)
	e.message = binary.NativeEndian.AppendUint32(e.message, uint32(flags))
	e.message = binary.NativeEndian.AppendUint32(e.message, math.MaxUint32)
}

// decodeService reads a message that holds a service.
func (c *Client) decodeService(message []byte, s *ListedService) error {
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
	s.Scheduler = a.text(svcScheduler)
	s.Flags = a.flags(svcFlags)
	s.Timeout = a.seconds(svcTimeout)
	s.Netmask = a.netmask(svcNetmask, s.Family)
	s.Engine = a.text(svcEngine)
	if !c.withoutCounters {
		s.Traffic = a.traffic(svcStats, svcStats64)
	}
	return a.err
}

// flags returns the flags of a struct ip_vs_flags. Its mask has no meaning in a reply.
func (a *attributes) flags(kind uint16) ServiceFlags {
	value := a.value(kind)
	if len(value) >= 4 {
		return ServiceFlags(binary.NativeEndian.Uint32(value))
	}
	if a.has(kind) {
		a.err = errTruncated
	}
	return 0
}
