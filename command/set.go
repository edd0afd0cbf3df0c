package command

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// setter sets what an option sets, from the text of its value.
type setter = func(p *Parser, o *option, text string) error

// turnOn sets a field to true.
func turnOn(field func(*Command) *bool) setter {
	return func(p *Parser, _ *option, _ string) error {
		*field(&p.command) = true
		return nil
	}
}

// word sets a field to the value as it is.
func word(field func(*Command) *string) setter {
	return func(p *Parser, _ *option, text string) error {
		*field(&p.command) = text
		return nil
	}
}

// number sets a field to a number within the option's bounds.
func number[T uint8 | uint16 | uint32](complaint string, field func(*Command) *T) setter {
	return func(p *Parser, o *option, text string) error {
		number, ok := parseNumber(text, o.bounds.low, o.bounds.high)
		if !ok {
			return usageError("%s", complaint)
		}
		*field(&p.command) = T(number)
		return nil
	}
}

func forwarding(method ipvs.Forwarding) setter {
	return func(p *Parser, _ *option, _ string) error {
		p.command.Server.Forwarding = method
		p.command.Typed.Forwarding = true
		return nil
	}
}

func checksum(checksum ipvs.TunnelChecksum) setter {
	return func(p *Parser, _ *option, _ string) error {
		p.command.Server.Tunnel.Checksum = checksum
		return nil
	}
}

func state(complaint string) setter {
	return choice(complaint, func(c *Command) *ipvs.DaemonState { return &c.Daemon.State }, ipvs.Master, ipvs.Backup)
}

// choice sets a field to the one of its values that is called like the text.
func choice[T fmt.Stringer](complaint string, field func(*Command) *T, values ...T) setter {
	return func(p *Parser, _ *option, text string) error {
		i := slices.IndexFunc(values, func(value T) bool { return value.String() == text })
		if i < 0 {
			return usageError("%s", complaint)
		}
		*field(&p.command) = values[i]
		return nil
	}
}

func service(protocol ipvs.Protocol) setter {
	return func(p *Parser, _ *option, text string) error {
		address, _, ok := p.lookup.endpoint(text, protocol)
		if !ok {
			return usageError("illegal virtual server address[:port] specified")
		}
		p.nameService(ipvs.AddressService(protocol, address))
		return nil
	}
}

func (p *Parser) setMark(_ *option, text string) error {
	mark, ok := parseNumber(text, 1, 1<<32-1)
	if !ok {
		return usageError("invalid fwmark value `%s' specified", text)
	}
	p.nameService(ipvs.MarkService(uint32(mark), ipvs.IPv4))
	return nil
}

func (p *Parser) setIPv6(*option, string) error {
	if p.command.Service.Mark == 0 {
		return usageError("-6 used before -f\n")
	}
	p.nameService(ipvs.MarkService(p.command.Service.Mark, ipvs.IPv6))
	return nil
}

// nameService sets the service. -M before an IPv6 service was read as a dotted mask, so it is lost.
func (p *Parser) nameService(id ipvs.ServiceID) {
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

func (p *Parser) setSchedulerFlags(_ *option, text string) error {
	p.flags = text // until the scheduler is known
	return nil
}

// finishSchedulerFlags sets the flags of -b.
func (p *Parser) finishSchedulerFlags() error {
	service := &p.command.Service
	for name := range strings.SplitSeq(p.flags, ",") {
		if name == "" {
			continue
		}
		i := slices.IndexFunc(schedulerFlagNames[:], func(f schedulerFlag) bool { return f.name == name })
		if i < 0 {
			return usageError("invalid scheduler flag `%s'", name)
		}
		flag := schedulerFlagNames[i]
		if flag.scheduler != "" && flag.scheduler != service.Scheduler {
			return usageError("incompatible scheduler flag `%s'", name)
		}
		service.Flags |= flag.flag
	}
	return nil
}

// maxTimeout is the longest timeout that a command may ask for: 31 days, in seconds.
const maxTimeout = 31 * 24 * 60 * 60

func (p *Parser) setPersistent(o *option, text string) error {
	seconds, ok := parseNumber(text, o.bounds.low, o.bounds.high)
	if !ok {
		return usageError("invalid timeout value `%s' specified", text)
	}
	p.command.Service.Timeout = time.Duration(seconds) * time.Second
	p.command.Service.Flags |= ipvs.Persistent
	return nil
}

func (p *Parser) setNetmask(_ *option, text string) error {
	if p.command.Service.Family == ipvs.IPv6 {
		length := leadingNumber(text)
		if length < 1 || length > 128 {
			return usageError("illegal ipv6 netmask specified")
		}
		p.command.Service.Netmask = ipvs.IPv6Netmask(uint8(length))
		return nil
	}
	mask, ok := p.lookup.host(text)
	if !ok {
		return usageError("illegal virtual server persistent mask specified")
	}
	p.command.Service.Netmask = ipvs.IPv4Netmask(mask.As4())
	return nil
}

func (p *Parser) setOnePacket(*option, string) error {
	p.command.Service.Flags |= ipvs.OnePacket
	return nil
}

func (p *Parser) setServer(_ *option, text string) error {
	// A service before -r decides the protocol of a port's name, and the port of a server without one.
	service := p.command.Service.ServiceID
	address, hasPort, ok := p.lookup.endpoint(text, serverProtocol(service))
	if !ok {
		return usageError("illegal real server address[:port] specified")
	}
	p.command.Typed.Port, p.command.Typed.HasPort = address.Port(), hasPort
	if !hasPort && service.Address.IsValid() {
		address = withPort(address, service.Address.Port())
	}
	p.command.Server.Address = address
	return nil
}

// serverProtocol returns the protocol of the ports of a service's servers.
func serverProtocol(id ipvs.ServiceID) ipvs.Protocol {
	if id.Mark != 0 {
		return ipvs.TCP
	}
	return id.Protocol
}

func (p *Parser) setFormat(_ *option, text string) error {
	if !format.Known(text) {
		return usageError("illegal format specified: `%s' (the formats are %s)", text, strings.Join(format.Names(), ", "))
	}
	p.command.Listing.Format = text
	return nil
}

// colourWords are the values of --color: colours on a terminal, everywhere or nowhere.
var colourWords = []string{"auto", "always", "never"}

// ColourWords returns the values of --color, the default first.
func ColourWords() []string { return slices.Clone(colourWords) }

func (p *Parser) setColour(_ *option, text string) error {
	if !slices.Contains(colourWords, text) {
		return usageError("illegal color specified: `%s'", text)
	}
	p.command.Listing.Colour = text
	return nil
}

func (p *Parser) setGroup(_ *option, text string) error {
	family := "IPv4"
	if strings.Contains(text, ":") {
		family = "IPv6"
	}
	group, err := netip.ParseAddr(text)
	if err != nil || group.Zone() != "" || !group.IsMulticast() {
		return usageError("invalid %s mcast-group `%s'", family, text)
	}
	p.command.Daemon.Group = group
	return nil
}
