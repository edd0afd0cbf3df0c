package command

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// setter is how an option sets what it sets.
type setter = func(p *parser, o *option, text string) error

// turnOn sets a field to true.
func turnOn(field func(*Command) *bool) setter {
	return func(p *parser, _ *option, _ string) error {
		*field(&p.command) = true
		return nil
	}
}

// text sets a field to a name.
func text(field func(*Command) *string) setter {
	return func(p *parser, _ *option, text string) error {
		*field(&p.command) = text
		return nil
	}
}

// number sets a field to a number within the option's bounds.
func number[T uint8 | uint16 | uint32](complaint string, field func(*Command) *T) setter {
	return func(p *parser, o *option, text string) error {
		number, ok := parseNumber(text, o.bounds.low, o.bounds.high)
		if !ok {
			return wrong("%s", complaint)
		}
		*field(&p.command) = T(number)
		return nil
	}
}

func forwarding(method ipvs.Forwarding) setter {
	return func(p *parser, _ *option, _ string) error {
		p.command.Server.Forwarding = method
		p.command.Typed.Forwarding = true
		return nil
	}
}

func checksum(checksum ipvs.TunnelChecksum) setter {
	return func(p *parser, _ *option, _ string) error {
		p.command.Server.Tunnel.Checksum = checksum
		return nil
	}
}

func state(complaint string) setter {
	return func(p *parser, _ *option, text string) error {
		for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
			if text == state.String() {
				p.command.Daemon.State = state
				return nil
			}
		}
		return wrong("%s", complaint)
	}
}

func service(protocol ipvs.Protocol) setter {
	return func(p *parser, _ *option, text string) error {
		address, _, ok := p.lookup.endpoint(text, protocol)
		if !ok {
			return wrong("illegal virtual server address[:port] specified")
		}
		p.nameService(ipvs.AddressService(protocol, address))
		return nil
	}
}

func (p *parser) setMark(_ *option, text string) error {
	mark, ok := parseNumber(text, 1, 1<<32-1)
	if !ok {
		return wrong("invalid fwmark value `%s' specified", text)
	}
	p.nameService(ipvs.MarkService(uint32(mark), ipvs.IPv4))
	return nil
}

func (p *parser) setIPv6(*option, string) error {
	if p.command.Service.Mark == 0 {
		return wrong("-6 used before -f\n")
	}
	p.nameService(ipvs.MarkService(p.command.Service.Mark, ipvs.IPv6))
	return nil
}

// nameService sets what the command is about. A netmask before an IPv6 service was read as a dotted mask and is lost.
func (p *parser) nameService(id ipvs.ServiceID) {
	p.command.Service.ServiceID = id
	if id.Family == ipvs.IPv6 {
		p.command.Service.Netmask = ipvs.Netmask{}
	}
}

// schedulerFlag is a flag of -b. One that is named for a scheduler goes with no other.
type schedulerFlag struct {
	name      string
	scheduler string
	flag      ipvs.ServiceFlags
}

var schedulerFlagNames = [...]schedulerFlag{
	{"sh-fallback", "sh", ipvs.FallbackFlag},
	{"sh-port", "sh", ipvs.HashPortFlag},
	{"mh-fallback", "mh", ipvs.FallbackFlag},
	{"mh-port", "mh", ipvs.HashPortFlag},
	{"flag-1", "", ipvs.SchedulerFlag1},
	{"flag-2", "", ipvs.SchedulerFlag2},
	{"flag-3", "", ipvs.SchedulerFlag3},
}

func (p *parser) setSchedulerFlags(_ *option, text string) error {
	p.flags = text // read at the end, when the scheduler is known
	return nil
}

// readSchedulerFlags reads the value of -b.
func (p *parser) readSchedulerFlags() error {
	service := &p.command.Service
	for name := range strings.SplitSeq(p.flags, ",") {
		if name == "" {
			continue
		}
		i := slices.IndexFunc(schedulerFlagNames[:], func(f schedulerFlag) bool { return f.name == name })
		if i < 0 {
			return wrong("invalid scheduler flag `%s'", name)
		}
		flag := schedulerFlagNames[i]
		if flag.scheduler != "" && flag.scheduler != service.Scheduler {
			return wrong("incompatible scheduler flag `%s'", name)
		}
		service.Flags |= flag.flag
	}
	return nil
}

// defaultPersistence is the value of a bare -p, in seconds.
const defaultPersistence = "360"

// maxTimeout is the longest timeout that may be asked for: 31 days, in seconds.
const maxTimeout = 31 * 24 * 60 * 60

func (p *parser) setPersistent(o *option, text string) error {
	seconds, ok := parseNumber(text, o.bounds.low, o.bounds.high)
	if !ok {
		return wrong("invalid timeout value `%s' specified", text)
	}
	p.command.Service.Timeout = time.Duration(seconds) * time.Second
	p.command.Service.Flags |= ipvs.Persistent
	return nil
}

func (p *parser) setNetmask(_ *option, text string) error {
	if p.command.Service.Family == ipvs.IPv6 {
		length, ok := leadingNumber(text)
		if !ok || length < 1 || length > 128 {
			return wrong("illegal ipv6 netmask specified")
		}
		p.command.Service.Netmask = ipvs.IPv6Netmask(uint8(length))
		return nil
	}
	mask, ok := p.lookup.host(text)
	if !ok {
		return wrong("illegal virtual server persistent mask specified")
	}
	p.command.Service.Netmask = ipvs.IPv4Netmask(mask.As4())
	return nil
}

func (p *parser) setOnePacket(*option, string) error {
	p.command.Service.Flags |= ipvs.OnePacket
	return nil
}

func (p *parser) setServer(_ *option, text string) error {
	// The service, if it is named already, says what protocol a port's name is of, and which port is meant by none.
	service := p.command.Service.ServiceID
	protocol := service.Protocol
	if service.Mark != 0 {
		protocol = ipvs.TCP
	}
	address, hasPort, ok := p.lookup.endpoint(text, protocol)
	if !ok {
		return wrong("illegal real server address[:port] specified")
	}
	p.command.Typed.Port = address.Port()
	if !hasPort && service.Address.IsValid() {
		address = withPort(address, service.Address.Port())
	}
	p.command.Server.Address = address
	return nil
}

func (p *parser) setTunnelType(_ *option, text string) error {
	for _, tunnel := range []ipvs.TunnelType{ipvs.IPIP, ipvs.GUE, ipvs.GRE} {
		if text == tunnel.String() {
			p.command.Server.Tunnel.Type = tunnel
			return nil
		}
	}
	return wrong("illegal tunnel type specified")
}

func (p *parser) setFormat(_ *option, text string) error {
	if !format.Known(text) {
		return wrong("illegal format specified: `%s' (the formats are %s)", text, strings.Join(format.Names(), ", "))
	}
	p.command.Listing.Format = text
	return nil
}

func (p *parser) setGroup(_ *option, text string) error {
	family := "IPv4"
	if strings.Contains(text, ":") {
		family = "IPv6"
	}
	group, err := netip.ParseAddr(text)
	if err != nil || group.Zone() != "" || !group.IsMulticast() {
		return wrong("invalid %s mcast-group `%s'", family, text)
	}
	p.command.Daemon.Group = group
	return nil
}
