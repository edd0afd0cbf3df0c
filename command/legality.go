package command

import (
	"iter"
	"math/bits"
	"slices"

	"ipvsadm/ipvs"
)

// parameter is what an option decides. A parameter is decided once: -t and -u both decide the service address.
type parameter int

// The parameters, in the order in which errors about them are reported.
const (
	noParameter parameter = iota
	numeric
	connection
	serviceAddress
	scheduler
	persistent
	netmask
	realServer
	forwarding
	weight
	upperThreshold
	lowerThreshold
	mcastInterface
	timeout
	daemon
	stats
	rate
	thresholds
	persistentConn
	noSort
	syncID
	exact
	onePacket
	engine
	schedulerFlags
	mcastGroup
	mcastPort
	mcastTTL
	syncMaxLength
	tunnelInfo
	tunnelType
	tunnelPort
	tunnelNoChecksum
	tunnelChecksum
	tunnelRemoteChecksum
	listingFormat
	parameterCount
)

// String returns the parameter as the error messages name it: as its option, unless it has several.
func (p parameter) String() string {
	switch p {
	case serviceAddress:
		return "service-address"
	case forwarding:
		return "forwarding-method"
	default:
		i := slices.IndexFunc(options[:], func(o option) bool { return o.parameter == p })
		return options[i].long
	}
}

// parameters is a set of them.
type parameters uint64

const allParameters parameters = 1<<parameterCount - 1

func setOf(members ...parameter) (set parameters) {
	for _, p := range members {
		set |= 1 << p
	}
	return set
}

func (set parameters) has(p parameter) bool { return set&(1<<p) != 0 }

// all yields the members in their order.
func (set parameters) all() iter.Seq[parameter] {
	return func(yield func(parameter) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(parameter(bits.TrailingZeros64(uint64(set)))) {
				return
			}
		}
	}
}

// legality says which parameters go with a verb or with a tunnel type.
type legality struct {
	required  parameters
	allowed   parameters
	exclusive parameters // allowed, but one at most
}

func legalityOfVerb(verb Verb) legality {
	switch verb {
	case AddService, EditService:
		return legality{
			required: setOf(serviceAddress),
			allowed:  setOf(scheduler, persistent, netmask, onePacket, engine, schedulerFlags),
		}
	case DeleteService:
		return legality{required: setOf(serviceAddress)}
	case AddServer, EditServer:
		return legality{
			required: setOf(serviceAddress, realServer),
			allowed: setOf(forwarding, weight, upperThreshold, lowerThreshold,
				tunnelType, tunnelPort, tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum),
		}
	case DeleteServer:
		return legality{required: setOf(serviceAddress, realServer)}
	case List:
		return legality{
			allowed: setOf(numeric, stats, rate, thresholds, persistentConn, noSort, syncID, exact, tunnelInfo,
				listingFormat),
			exclusive: setOf(connection, serviceAddress, timeout, daemon),
		}
	case Zero:
		return legality{allowed: setOf(serviceAddress)}
	case Save:
		return legality{allowed: setOf(numeric)}
	case StartDaemon:
		return legality{allowed: setOf(mcastInterface, syncID, mcastGroup, mcastPort, mcastTTL, syncMaxLength)}
	case StopDaemon:
		return legality{allowed: setOf(syncID)}
	default:
		return legality{}
	}
}

func legalityOfTunnel(tunnel ipvs.TunnelType) legality {
	switch tunnel {
	case ipvs.GUE:
		return legality{
			required:  setOf(tunnelPort),
			exclusive: setOf(tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum),
		}
	case ipvs.GRE:
		return legality{exclusive: setOf(tunnelNoChecksum, tunnelChecksum)}
	default:
		return legality{}
	}
}

// check reports the first of the parameters, in their order, that is missing, illegal or excluded by one before it. The
// verb or tunnel type is called by its name and what it is.
func (l legality) check(within, given parameters, name, what string) error {
	var exclusive parameter
	for p := range ((l.required | given) & within).all() {
		switch {
		case l.required.has(p):
			if !given.has(p) {
				return wrong("You need to supply the '%v' option for the '%s' %s", p, name, what)
			}
		case l.allowed.has(p):
		case !l.exclusive.has(p):
			return wrong("Illegal '%v' option with the '%s' %s", p, name, what)
		case exclusive != noParameter:
			return wrong("The option '%v' conflicts with the '%v' option in the '%s' %s", p, exclusive, name, what)
		default:
			exclusive = p
		}
	}
	return nil
}

// check reports what is not legal about a command line whose words are all well-formed, and fills in what is left to
// the end: the defaults and the server's port.
func (p *parser) check() error {
	c := &p.command
	if c.Service.Scheduler == "" {
		c.Service.Scheduler = "wlc"
	}
	if err := p.readSchedulerFlags(); err != nil {
		return err
	}
	if err := legalityOfVerb(c.Verb).check(allParameters, p.given, c.Verb.String(), "command"); err != nil {
		return err
	}
	switch c.Verb {
	case List:
		return p.checkListing()
	case AddService, EditService:
		return p.checkService()
	case AddServer, EditServer:
		return p.checkServer()
	}
	return nil
}

func (p *parser) checkListing() error {
	l := p.command.Listing
	columns := l.Options.Stats || l.Options.Rate || l.Options.Thresholds
	if l.Connections && columns || (l.Timeouts || l.Daemons) && (columns || l.Options.PersistentConnections) {
		return wrong("options conflicts in the list command")
	}
	return nil
}

func (p *parser) checkService() error {
	service := p.command.Service
	if service.Mark != 0 {
		return nil
	}
	if service.Address.Port() == 0 && service.Flags&ipvs.Persistent == 0 {
		return wrong("Zero port specified for non-persistent service")
	}
	if service.Flags&ipvs.OnePacket != 0 && service.Protocol != ipvs.UDP {
		return wrong("One-Packet Scheduling is only for UDP virtual services")
	}
	return nil
}

func (p *parser) checkServer() error {
	c := &p.command
	if ipvs.FamilyOf(c.Server.Address.Addr()) != c.Service.Family && c.Server.Forwarding != ipvs.Tunneling {
		return wrong("Different address family is allowed only for tunneling servers")
	}
	tunnelOptions := setOf(tunnelPort, tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum)
	if tunnel := c.Server.Tunnel.Type; c.Server.Forwarding == ipvs.Tunneling {
		if err := legalityOfTunnel(tunnel).check(tunnelOptions, p.given, tunnel.String(), "tunnel type"); err != nil {
			return err
		}
	} else if p.given&(tunnelOptions|setOf(tunnelType)) != 0 {
		return wrong("Tunnel options conflict with forward method")
	}
	if c.Server.Forwarding != ipvs.Masquerading && c.Service.Mark == 0 {
		c.Server.Address = withPort(c.Server.Address, c.Service.Address.Port())
	}
	return nil
}
