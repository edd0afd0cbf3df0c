package command

import (
	"iter"
	"math/bits"

	"ipvsadm/ipvs"
)

// decisions is a set of what options decide, each by its order. -t and -u decide the same.
type decisions uint64

const allDecisions = ^decisions(0)

func (set decisions) has(order int) bool { return set&(1<<order) != 0 }

// all yields the members in their order.
func (set decisions) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(bits.TrailingZeros64(uint64(set))) {
				return
			}
		}
	}
}

// decision returns the first option that decides what has this order.
func decision(order int) *option {
	for i := range options {
		if options[i].order == order {
			return &options[i]
		}
	}
	return nil
}

// legality is what must and what may be decided for a command, or for a type of tunnel.
type legality struct {
	required  decisions
	allowed   decisions
	exclusive decisions // allowed, but one at most
}

// may returns all that may be decided.
func (l legality) may() decisions { return l.required | l.allowed | l.exclusive }

// add adds an option for a command or type of tunnel of which this is the number.
func (l *legality) add(o *option, f fits, number int) {
	bit := decisions(1) << o.order
	if f.required.has(number) {
		l.required |= bit
	}
	if f.allowed.has(number) {
		l.allowed |= bit
	}
	if f.exclusive.has(number) {
		l.exclusive |= bit
	}
}

// The legality of each command and type of tunnel, as the table of options has it, and the options of tunnels.
var (
	commandLegality [Version + 1]legality
	tunnelLegality  [ipvs.GRE + 1]legality
	tunnelOptions   decisions
)

func init() {
	for i := range options {
		o := &options[i]
		if o.order == 0 {
			continue
		}
		for kind := range commandLegality {
			commandLegality[kind].add(o, o.commands, kind)
		}
		for tunnel := range tunnelLegality {
			tunnelLegality[tunnel].add(o, o.tunnels, tunnel)
		}
		if o.tunnels != (fits{}) {
			tunnelOptions |= 1 << o.order
		}
	}
}

// check reports the first decision, in their order, that is missing, illegal or excluded by one before it. The command
// or type of tunnel is called by its name and what it is.
func (l legality) check(within, given decisions, name, what string) error {
	exclusive := 0
	for order := range ((l.required | given) & within).all() {
		switch {
		case l.required.has(order):
			if !given.has(order) {
				return wrong("You need to supply the '%s' option for the '%s' %s", decision(order).decided(), name, what)
			}
		case l.allowed.has(order):
		case !l.exclusive.has(order):
			return wrong("Illegal '%s' option with the '%s' %s", decision(order).decided(), name, what)
		case exclusive != 0:
			return wrong("The option '%s' conflicts with the '%s' option in the '%s' %s",
				decision(order).decided(), decision(exclusive).decided(), name, what)
		default:
			exclusive = order
		}
	}
	return nil
}

// check reports what is not legal about a command line whose words are all well-formed.
func (p *parser) check() error {
	kind := p.command.Kind
	if err := commandLegality[kind].check(allDecisions, p.given, kind.String(), "command"); err != nil {
		return err
	}
	switch kind {
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
	if tunnel := c.Server.Tunnel.Type; c.Server.Forwarding == ipvs.Tunneling {
		return tunnelLegality[tunnel].check(tunnelOptions, p.given, tunnel.String(), "tunnel type")
	}
	if p.given&tunnelOptions != 0 {
		return wrong("Tunnel options conflict with forward method")
	}
	return nil
}
