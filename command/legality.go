package command

import (
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

// legality says which parameters go with a verb or with a tunnel type.
type legality struct {
	required  []parameter
	allowed   []parameter
	exclusive []parameter // allowed, but one at most
}

func legalityOfVerb(verb Verb) legality {
	switch verb {
	case AddService, EditService:
		return legality{
			required: []parameter{serviceAddress},
			allowed:  []parameter{scheduler, persistent, netmask, onePacket, engine, schedulerFlags},
		}
	case DeleteService:
		return legality{required: []parameter{serviceAddress}}
	case AddServer, EditServer:
		return legality{
			required: []parameter{serviceAddress, realServer},
			allowed: []parameter{forwarding, weight, upperThreshold, lowerThreshold,
				tunnelType, tunnelPort, tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum},
		}
	case DeleteServer:
		return legality{required: []parameter{serviceAddress, realServer}}
	case List:
		return legality{
			allowed: []parameter{numeric, stats, rate, thresholds, persistentConn, noSort, syncID, exact, tunnelInfo,
				listingFormat},
			exclusive: []parameter{connection, serviceAddress, timeout, daemon},
		}
	case Zero:
		return legality{allowed: []parameter{serviceAddress}}
	case Save:
		return legality{allowed: []parameter{numeric}}
	case StartDaemon:
		return legality{allowed: []parameter{mcastInterface, syncID, mcastGroup, mcastPort, mcastTTL, syncMaxLength}}
	case StopDaemon:
		return legality{allowed: []parameter{syncID}}
	default:
		return legality{}
	}
}

func legalityOfTunnel(tunnel ipvs.TunnelType) legality {
	switch tunnel {
	case ipvs.GUE:
		return legality{
			required:  []parameter{tunnelPort},
			exclusive: []parameter{tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum},
		}
	case ipvs.GRE:
		return legality{exclusive: []parameter{tunnelNoChecksum, tunnelChecksum}}
	default:
		return legality{}
	}
}

// check reports the first of the parameters, in their order, that is missing, illegal or excluded by one before it.
// Who is the verb or tunnel type in the words of the messages.
func (l legality) check(parameters []parameter, given *[parameterCount]bool, who string) error {
	var exclusive parameter
	for _, p := range parameters {
		switch {
		case slices.Contains(l.required, p):
			if !given[p] {
				return wrong("You need to supply the '%v' option for the %s", p, who)
			}
		case !given[p] || slices.Contains(l.allowed, p):
		case !slices.Contains(l.exclusive, p):
			return wrong("Illegal '%v' option with the %s", p, who)
		case exclusive != noParameter:
			return wrong("The option '%v' conflicts with the '%v' option in the %s", p, exclusive, who)
		default:
			exclusive = p
		}
	}
	return nil
}

func allParameters() []parameter {
	all := make([]parameter, 0, parameterCount)
	for p := noParameter + 1; p < parameterCount; p++ {
		all = append(all, p)
	}
	return all
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
	if err := legalityOfVerb(c.Verb).check(allParameters(), &p.given, "'"+c.Verb.String()+"' command"); err != nil {
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
	columns := l.Stats || l.Rate || l.Thresholds
	if l.Connections && columns || (l.Timeouts || l.Daemons) && (columns || l.PersistentConnections) {
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
	tunnelParameters := []parameter{tunnelPort, tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum}
	if c.Server.Forwarding == ipvs.Tunneling {
		who := "'" + c.Server.Tunnel.Type.String() + "' tunnel type"
		if err := legalityOfTunnel(c.Server.Tunnel.Type).check(tunnelParameters, &p.given, who); err != nil {
			return err
		}
	} else {
		for _, parameter := range append(tunnelParameters, tunnelType) {
			if p.given[parameter] {
				return wrong("Tunnel options conflict with forward method")
			}
		}
	}
	if c.Server.Forwarding != ipvs.Masquerading && c.Service.Mark == 0 {
		c.Server.Address = withPort(c.Server.Address, c.Service.Address.Port())
	}
	return nil
}
