package command

import (
	"iter"
	"math/bits"

	"ipvsadm/ipvs"
)

// decisions is a set of the orders of what options decide: -t and -u decide the same.
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

// decision returns the first option of an order.
func decision(order int) *option {
	for i := range options {
		if options[i].order == order {
			return &options[i]
		}
	}
	return nil
}

// legality is what options of a command, or of a type of tunnel, must and may decide.
type legality struct {
	required  decisions
	allowed   decisions
	exclusive decisions // allowed, but one at most
}

// may returns all that may be decided.
func (l legality) may() decisions { return l.required | l.allowed | l.exclusive }

// add adds an option that fits commands or types of tunnel, of which the legality is the one with this number.
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

// The table of options seen from the other side: the legality of each command and type of tunnel.
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

// check checks what is legal for a command, whose words are all well-formed, as a whole. given holds what its options
// decide.
func check(c *Command, given decisions) error {
	if err := commandLegality[c.Kind].check(allDecisions, given, c.Kind.String(), "command"); err != nil {
		return err
	}
	switch c.Kind {
	case List:
		return checkListing(c.Listing)
	case AddService, EditService:
		return checkService(&c.Service)
	case AddServer, EditServer:
		return checkServer(c, given)
	default:
		return nil
	}
}

// check reports the first decision, in their order, that is missing, illegal or excluded by one before it. The error
// calls the command or type of tunnel by its name and what it is.
func (l legality) check(within, given decisions, name, what string) error {
	exclusive := 0
	for order := range ((l.required | given) & within).all() {
		switch {
		case l.required.has(order):
			if !given.has(order) {
				return usageError("You need to supply the '%s' option for the '%s' %s", decision(order).decided(), name, what)
			}
		case l.allowed.has(order):
		case !l.exclusive.has(order):
			return usageError("Illegal '%s' option with the '%s' %s", decision(order).decided(), name, what)
		case exclusive != 0:
			return usageError("The option '%s' conflicts with the '%s' option in the '%s' %s",
				decision(order).decided(), decision(exclusive).decided(), name, what)
		default:
			exclusive = order
		}
	}
	return nil
}

func checkListing(l Listing) error {
	columns := l.Options.Stats || l.Options.Rate || l.Options.Thresholds
	if l.Connections && columns || (l.Timeouts || l.Daemons) && (columns || l.Options.PersistentConnections) {
		return usageError("options conflicts in the list command")
	}
	return nil
}

func checkService(service *ipvs.Service) error {
	if service.Mark != 0 {
		return nil
	}
	if service.Address.Port() == 0 && service.Flags&ipvs.Persistent == 0 {
		return usageError("Zero port specified for non-persistent service")
	}
	if service.Flags&ipvs.OnePacket != 0 && service.Protocol != ipvs.UDP {
		return usageError("One-Packet Scheduling is only for UDP virtual services")
	}
	return nil
}

func checkServer(c *Command, given decisions) error {
	if ipvs.FamilyOf(c.Server.Address.Addr()) != c.Service.Family && c.Server.Forwarding != ipvs.Tunneling {
		return usageError("Different address family is allowed only for tunneling servers")
	}
	if tunnel := c.Server.Tunnel.Type; c.Server.Forwarding == ipvs.Tunneling {
		return tunnelLegality[tunnel].check(tunnelOptions, given, tunnel.String(), "tunnel type")
	}
	if given&tunnelOptions != 0 {
		return usageError("Tunnel options conflict with forward method")
	}
	return nil
}
