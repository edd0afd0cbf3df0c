package command

import (
	"iter"
	"math/bits"

	"ipvsadm/ipvs"
)

// properties is a set of the numbers of properties that options set.
type properties uint64

const allProperties = ^properties(0)

func (set properties) has(property int) bool { return set&(1<<property) != 0 }

// all yields the members in their order.
func (set properties) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(bits.TrailingZeros64(uint64(set))) {
				return
			}
		}
	}
}

// optionOf returns the first option that sets a property.
func optionOf(property int) *option {
	for i := range options {
		if options[i].property == property {
			return &options[i]
		}
	}
	return nil
}

// legality is which properties the options of a command, or of a type of tunnel, must and may set.
type legality struct {
	required  properties
	allowed   properties
	exclusive properties // allowed, but one at most
}

// may returns all that may be set.
func (l legality) may() properties { return l.required | l.allowed | l.exclusive }

// grammar is the table of options seen from other sides. A Parser makes it once, which saves 8 % of a restore: searching the
// table for every letter costs 2.5 %, and searching it for what goes with the command the rest.
type grammar struct {
	letters       [256]*option
	commands      [Version + 1]legality
	tunnels       [ipvs.GRE + 1]legality
	tunnelOptions properties
}

func newGrammar() *grammar {
	g := new(grammar)
	for i := range options {
		o := &options[i]
		if o.letter != 0 {
			g.letters[o.letter] = o
		}
		if o.property == 0 {
			continue
		}
		if o.commands != nil {
			o.commands.allow(g.commands[:], o.property)
		}
		if o.tunnels != nil {
			o.tunnels.allow(g.tunnels[:], o.property)
			g.tunnelOptions |= 1 << o.property
		}
	}
	return g
}

// allow adds an option's property to the legality of each command or type of tunnel that it goes with.
func (f *fits[T]) allow(all []legality, property int) {
	for _, member := range f.required {
		all[member].required |= 1 << property
	}
	for _, member := range f.allowed {
		all[member].allowed |= 1 << property
	}
	for _, member := range f.exclusive {
		all[member].exclusive |= 1 << property
	}
}

// check checks a command whose words are all well-formed. given holds the properties that its options set.
func (g *grammar) check(c *Command, given properties) error {
	if err := g.commands[c.Kind].check(allProperties, given, c.Kind.String(), "command"); err != nil {
		return err
	}
	switch c.Kind {
	case List:
		return checkListing(c.Listing)
	case AddService, EditService:
		return checkService(&c.Service)
	case AddServer, EditServer:
		return g.checkServer(c, given)
	default:
		return nil
	}
}

// check reports the first property, in their order, that is missing, illegal or excluded by one before it. The error names
// the command or type of tunnel, as in "the 'gre' tunnel type": name is "gre", and what is "tunnel type".
func (l legality) check(within, given properties, name, what string) error {
	exclusive := 0
	for property := range ((l.required | given) & within).all() {
		switch {
		case l.required.has(property):
			if !given.has(property) {
				return usageError("You need to supply the '%s' option for the '%s' %s", optionOf(property).propertyName(), name, what)
			}
		case l.allowed.has(property):
		case !l.exclusive.has(property):
			return usageError("Illegal '%s' option with the '%s' %s", optionOf(property).propertyName(), name, what)
		case exclusive != 0:
			return usageError("The option '%s' conflicts with the '%s' option in the '%s' %s",
				optionOf(property).propertyName(), optionOf(exclusive).propertyName(), name, what)
		default:
			exclusive = property
		}
	}
	return nil
}

func checkListing(l Listing) error {
	columns := l.Options.Stats || l.Options.Rate || l.Options.Thresholds
	if l.Connections && columns || (l.Timeouts || l.Daemons) && (columns || l.Options.PersistentConnections) {
		return usageError("options conflicts in the list command")
	}
	if l.Options.Summary && !l.Connections {
		return usageError("You need to supply the 'connection' option for the 'summary' option")
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

func (g *grammar) checkServer(c *Command, given properties) error {
	if ipvs.FamilyOf(c.Server.Address.Addr()) != c.Service.Family && c.Server.Forwarding != ipvs.Tunneling {
		return usageError("Different address family is allowed only for tunneling servers")
	}
	if tunnel := c.Server.Tunnel.Type; c.Server.Forwarding == ipvs.Tunneling {
		return g.tunnels[tunnel].check(g.tunnelOptions, given, tunnel.String(), "tunnel type")
	}
	if given&g.tunnelOptions != 0 {
		return usageError("Tunnel options conflict with forward method")
	}
	return nil
}
