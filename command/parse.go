package command

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// Lookup turns names into addresses and ports. The names of protocols are "tcp", "udp" and "sctp".
type Lookup struct {
	Host func(name string) (netip.Addr, error)
	Port func(name, protocol string) (uint16, bool)
}

// Parse reads a command line without its first word, which is the program's name. No words at all ask for a listing. Its
// errors are of type *Error; the Command is then as much as was read before the mistake.
func Parse(program string, arguments []string, lookup Lookup) (Command, error) {
	return new(Parser).Parse(program, arguments, lookup)
}

// Parser reads command lines one after the other, in memory that it allocates once. The zero value is ready.
type Parser struct{ line parser }

// Parse reads a command line as the function of that name does.
func (r *Parser) Parse(program string, arguments []string, lookup Lookup) (Command, error) {
	if len(arguments) == 0 {
		return Command{Verb: List}, nil
	}
	p := &r.line
	err := p.read(program, arguments, lookup)
	var wrong *Error
	if errors.As(err, &wrong) {
		wrong.Hints = hints(arguments, lookup)
	}
	return p.command, err
}

type parser struct {
	words   words
	lookup  Lookup
	command Command
	given   parameters
	flags   string // the value of -b
}

// read reads a line of at least one word.
func (p *parser) read(program string, arguments []string, lookup Lookup) error {
	p.begin(arguments, lookup)
	return p.parse(program)
}

// begin forgets the line before.
func (p *parser) begin(arguments []string, lookup Lookup) {
	*p = parser{words: words{rest: arguments}, lookup: lookup}
	p.command.Service.Netmask = ipvs.HostNetmask(ipvs.IPv4)
	p.command.Server.Weight = 1
	p.command.Server.Forwarding = ipvs.DirectRouting
}

func (p *parser) parse(program string) error {
	found, value, _, _, err := p.words.next()
	if err != nil || found == nil || found.verb == None {
		return refused("Try `%s -h' or '%s --help' for more information.", program, program)
	}
	p.command.Verb = found.verb
	if found.verb == Help || found.verb == Version {
		return nil
	}
	if found.set != nil {
		if err := found.set(p, value); err != nil {
			return err
		}
	}
	if err := p.parseOptions(); err != nil {
		return err
	}
	if found.verb == SetTimeouts {
		if err := p.takeTimeouts(); err != nil {
			return err
		}
	}
	if len(p.words.others) > 0 {
		return wrong("unexpected argument %s", p.words.others[0])
	}
	return p.check()
}

func (p *parser) parseOptions() error {
	for {
		found, value, given, word, err := p.words.next()
		if err != nil || found == nil {
			return err
		}
		if found.verb != None {
			return wrong("invalid option `%s'", word)
		}
		if found.parameter != noParameter {
			if p.given.has(found.parameter) {
				return wrong("multiple '%v' options specified", found.parameter)
			}
			p.given |= setOf(found.parameter)
		}
		if found.takes == optional && !given {
			value = defaultPersistence
		}
		if err := found.set(p, value); err != nil {
			return err
		}
	}
}

// takeTimeouts reads the three words of --set.
func (p *parser) takeTimeouts() error {
	others := p.words.others
	if len(others) < 3 {
		return wrong("--set option requires 3 timeout values")
	}
	t := &p.command.Timeouts
	for i, timeout := range []*time.Duration{&t.TCP, &t.TCPFin, &t.UDP} {
		seconds, ok := parseNumber(others[i], 0, maxTimeout)
		if !ok {
			return wrong("invalid timeout value `%s' specified", others[i])
		}
		*timeout = time.Duration(seconds) * time.Second
	}
	p.words.others = others[3:]
	return nil
}

func (p *parser) setStartDaemon(text string) error {
	return p.setState(text, "illegal start-daemon parameter specified")
}

func (p *parser) setStopDaemon(text string) error {
	return p.setState(text, "illegal start_daemon specified") // sic
}

func (p *parser) setState(text, complaint string) error {
	switch text {
	case "master":
		p.command.Daemon.State = ipvs.Master
	case "backup":
		p.command.Daemon.State = ipvs.Backup
	default:
		return wrong("%s", complaint)
	}
	return nil
}

func (p *parser) setTCPService(text string) error  { return p.setService(text, ipvs.TCP) }
func (p *parser) setUDPService(text string) error  { return p.setService(text, ipvs.UDP) }
func (p *parser) setSCTPService(text string) error { return p.setService(text, ipvs.SCTP) }

func (p *parser) setService(text string, protocol ipvs.Protocol) error {
	address, _, ok := p.lookup.endpoint(text, protocol)
	if !ok {
		return wrong("illegal virtual server address[:port] specified")
	}
	p.nameService(ipvs.AddressService(protocol, address))
	return nil
}

func (p *parser) setMarkService(text string) error {
	mark, ok := parseNumber(text, 1, 1<<32-1)
	if !ok {
		return wrong("invalid fwmark value `%s' specified", text)
	}
	p.nameService(ipvs.MarkService(uint32(mark), ipvs.IPv4))
	return nil
}

func (p *parser) setIPv6(string) error {
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
		p.command.Service.Netmask = ipvs.HostNetmask(ipvs.IPv6)
	}
}

func (p *parser) setScheduler(text string) error {
	p.command.Service.Scheduler = text
	return nil
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

func (p *parser) setSchedulerFlags(text string) error {
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

func (p *parser) setPersistent(text string) error {
	seconds, ok := parseNumber(text, 1, maxTimeout)
	if !ok {
		return wrong("invalid timeout value `%s' specified", text)
	}
	p.command.Service.Timeout = time.Duration(seconds) * time.Second
	p.command.Service.Flags |= ipvs.Persistent
	return nil
}

func (p *parser) setNetmask(text string) error {
	if p.command.Service.Family == ipvs.IPv6 {
		length, ok := leadingNumber(text)
		if !ok || length < 1 || length > 128 {
			return wrong("illegal ipv6 netmask specified")
		}
		p.command.Service.Netmask = ipvs.Netmask(length)
		return nil
	}
	mask, ok := p.lookup.host(text)
	if !ok {
		return wrong("illegal virtual server persistent mask specified")
	}
	p.command.Service.Netmask = maskOf(mask)
	return nil
}

func (p *parser) setEngine(text string) error {
	p.command.Service.Engine = text
	return nil
}

func (p *parser) setOnePacket(string) error {
	p.command.Service.Flags |= ipvs.OnePacket
	return nil
}

func (p *parser) setRealServer(text string) error {
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

func (p *parser) setGatewaying(string) error   { return p.setForwarding(ipvs.DirectRouting) }
func (p *parser) setTunneling(string) error    { return p.setForwarding(ipvs.Tunneling) }
func (p *parser) setMasquerading(string) error { return p.setForwarding(ipvs.Masquerading) }

func (p *parser) setForwarding(forwarding ipvs.Forwarding) error {
	p.command.Server.Forwarding = forwarding
	p.command.Typed.Forwarding = true
	return nil
}

func (p *parser) setWeight(text string) error {
	return setNumber(text, 0, maxInt, &p.command.Server.Weight, "illegal weight specified")
}

func (p *parser) setUpperThreshold(text string) error {
	return setNumber(text, 0, maxInt, &p.command.Server.UpperThreshold, "illegal u_threshold specified")
}

func (p *parser) setLowerThreshold(text string) error {
	return setNumber(text, 0, maxInt, &p.command.Server.LowerThreshold, "illegal l_threshold specified")
}

func (p *parser) setTunnelType(text string) error {
	for _, tunnel := range []ipvs.TunnelType{ipvs.IPIP, ipvs.GUE, ipvs.GRE} {
		if text == tunnel.String() {
			p.command.Server.Tunnel.Type = tunnel
			return nil
		}
	}
	return wrong("illegal tunnel type specified")
}

func (p *parser) setTunnelPort(text string) error {
	return setNumber(text, 1, 65535, &p.command.Server.Tunnel.Port, "illegal tunnel port specified")
}

func (p *parser) setTunnelNoChecksum(string) error     { return p.setChecksum(ipvs.NoChecksum) }
func (p *parser) setTunnelChecksum(string) error       { return p.setChecksum(ipvs.Checksum) }
func (p *parser) setTunnelRemoteChecksum(string) error { return p.setChecksum(ipvs.RemoteChecksum) }

func (p *parser) setChecksum(checksum ipvs.TunnelChecksum) error {
	p.command.Server.Tunnel.Checksum = checksum
	return nil
}

func (p *parser) setNumeric(string) error    { return set(&p.command.Listing.Numeric) }
func (p *parser) setConnection(string) error { return set(&p.command.Listing.Connections) }
func (p *parser) setTimeout(string) error    { return set(&p.command.Listing.Timeouts) }
func (p *parser) setDaemon(string) error     { return set(&p.command.Listing.Daemons) }
func (p *parser) setStats(string) error      { return set(&p.command.Listing.Options.Stats) }
func (p *parser) setRate(string) error       { return set(&p.command.Listing.Options.Rate) }
func (p *parser) setExact(string) error      { return set(&p.command.Listing.Options.Exact) }
func (p *parser) setThresholds(string) error { return set(&p.command.Listing.Options.Thresholds) }
func (p *parser) setPersistentConn(string) error {
	return set(&p.command.Listing.Options.PersistentConnections)
}
func (p *parser) setTunnelInfo(string) error { return set(&p.command.Listing.Options.TunnelInfo) }
func (p *parser) setNoSort(string) error     { return set(&p.command.Listing.NoSort) }
func (p *parser) setSort(string) error       { return nil }

func (p *parser) setFormat(text string) error {
	if !format.Known(text) {
		return wrong("illegal format specified: `%s' (the formats are %s)", text, strings.Join(format.Names(), ", "))
	}
	p.command.Listing.Format = text
	return nil
}

func set(flag *bool) error {
	*flag = true
	return nil
}

func (p *parser) setSyncID(text string) error {
	return setNumber(text, 0, 255, &p.command.Daemon.SyncID, "illegal syncid specified")
}

func (p *parser) setSyncMaxLength(text string) error {
	const longest = 65535 - 20 - 8 // what fits in an IP packet behind its header and UDP's
	return setNumber(text, 1, longest, &p.command.Daemon.MaxLength, "illegal sync-maxlen specified")
}

func (p *parser) setMcastInterface(text string) error {
	p.command.Daemon.Interface = text
	return nil
}

func (p *parser) setMcastGroup(text string) error {
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

func (p *parser) setMcastPort(text string) error {
	return setNumber(text, 1, 65535, &p.command.Daemon.Port, "illegal mcast-port specified")
}

func (p *parser) setMcastTTL(text string) error {
	return setNumber(text, 1, 255, &p.command.Daemon.TTL, "illegal mcast-ttl specified")
}
