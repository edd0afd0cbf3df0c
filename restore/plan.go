package restore

import (
	"errors"
	"iter"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Plan is what brings the kernel to what a file describes.
type Plan struct {
	Source string
	Makes  []Line       // services and servers that come or change
	Others []Line       // commands of the file that are not about services and servers, such as --set
	Leaves []Line       // servers and services that go
	before []ipvs.Entry // what of the table is to be otherwise
}

// Options say how a restore is planned.
type Options struct {
	Keep bool // what the file does not name stays: --noflush
}

// NewPlan compares what the lines describe with the table as it is. If a line asks for what cannot be, such as a server
// of no service, the error is a join of an *Error for each that does. Any other error is that of the entries.
func NewPlan(source string, lines []Line, current iter.Seq2[ipvs.Entry, error], options Options) (*Plan, error) {
	var kept []ipvs.Entry
	if options.Keep {
		var err error
		if kept, err = ipvs.Gather(current); err != nil {
			return nil, err
		}
		current = ipvs.Each(kept...)
	}
	wanted := newTable(kept, servicesIn(lines))
	plan := &Plan{Source: source}
	var wrong []error
	for i := range lines {
		line := &lines[i]
		if !isRule(line.Command.Verb) {
			plan.Others = append(plan.Others, *line)
		} else if err := wanted.change(line); err != nil {
			wrong = append(wrong, &Error{source, line.Number, err})
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	before, err := ipvs.Gather(wanted.unsettled(current))
	if err != nil {
		return nil, err
	}
	plan.before = before
	plan.Makes, plan.Leaves = difference(newTable(before, 0), wanted)
	return plan, nil
}

// servicesIn returns how many services the lines add.
func servicesIn(lines []Line) (services int) {
	for i := range lines {
		if lines[i].Command.Verb == command.AddService {
			services++
		}
	}
	return services
}

// isRule tells whether a command is about what services and servers there are.
func isRule(verb command.Verb) bool {
	switch verb {
	case command.AddService, command.EditService, command.DeleteService, command.Clear,
		command.AddServer, command.EditServer, command.DeleteServer:
		return true
	default:
		return false
	}
}

// unsettled yields the entries that are otherwise than the table has them, which are most often few, and marks in the
// table what is settled.
func (t *table) unsettled(entries iter.Seq2[ipvs.Entry, error]) iter.Seq2[ipvs.Entry, error] {
	return func(yield func(ipvs.Entry, error) bool) {
		for entry, err := range entries {
			if s := t.byID[entry.ServiceID]; err == nil && s != nil && s.is(&entry) {
				s.settled = true
			} else if !yield(entry, err) {
				return
			}
		}
	}
}

// is tells whether a service is as the kernel has it.
func (s *service) is(entry *ipvs.Entry) bool {
	if settledService(s.Service) != settledService(&entry.Service) {
		return false
	}
	wanted := 0
	for range s.servers() {
		wanted++
	}
	for i := range entry.Destinations {
		present := &entry.Destinations[i].Destination
		if server := s.server(present.Address); server == nil || !sameServer(present, server.Destination) {
			return false
		}
	}
	return wanted == len(entry.Destinations)
}

// difference returns what brings one table to another: what comes or changes, and what goes. A service is never left
// without a server that takes connections in between, if it has one before and after: those that stop taking them are
// told last.
func difference(from, to *table) (makes, leaves []Line) {
	add := func(line Line) {
		if len(makes) == cap(makes) {
			makes = slices.Grow(makes, max(64, len(makes))) // append alone would copy many lines more often
		}
		makes = append(makes, line)
	}
	for wanted := range to.services() {
		if wanted.settled {
			continue
		}
		present := from.byID[wanted.ServiceID]
		switch {
		case present == nil:
			add(serviceLine(command.AddService, wanted))
			present = &service{}
		case settledService(present.Service) != settledService(wanted.Service):
			add(serviceLine(command.EditService, wanted))
		}
		var quiesced []Line
		for server := range wanted.servers() {
			old := present.server(server.Address)
			switch {
			case old == nil:
				add(serverLine(command.AddServer, wanted, server))
			case sameServer(old.Destination, server.Destination):
			case server.Weight == 0:
				quiesced = append(quiesced, serverLine(command.EditServer, wanted, server))
			default:
				add(serverLine(command.EditServer, wanted, server))
			}
		}
		makes = append(makes, quiesced...)
		for server := range present.servers() {
			if wanted.server(server.Address) == nil {
				leaves = append(leaves, serverLine(command.DeleteServer, wanted, server))
			}
		}
	}
	for present := range from.services() {
		if to.byID[present.ServiceID] == nil {
			leaves = append(leaves, serviceLine(command.DeleteService, present))
		}
	}
	return makes, leaves
}

func serviceLine(verb command.Verb, s *service) Line {
	return Line{s.line, command.Command{Verb: verb, Service: *s.Service}}
}

func serverLine(verb command.Verb, s *service, d *server) Line {
	line := Line{d.line, command.Command{Verb: verb, Server: *d.Destination}}
	line.Command.Service.ServiceID = s.ServiceID
	return line
}

// settledService returns a service without what the kernel alone decides and what has no effect.
func settledService(s *ipvs.Service) ipvs.Service {
	settled := *s
	settled.Flags &^= ipvs.Hashed
	if s.Flags&ipvs.Persistent == 0 {
		settled.Timeout, settled.Netmask = 0, 0
	}
	return settled
}

func sameServer(present, wanted *ipvs.Destination) bool {
	if *present == *wanted {
		return true
	}
	a, b := *present, *wanted
	// Old kernels say of a server on this machine that it is local, however it was to be reached.
	if a.Forwarding == ipvs.LocalNode || b.Forwarding == ipvs.LocalNode {
		a.Forwarding = b.Forwarding
	}
	return settledServer(a) == settledServer(b)
}

// settledServer returns a server without what the kernel alone decides and what has no effect.
func settledServer(d ipvs.Destination) ipvs.Destination {
	settled := ipvs.Destination{
		Address:        d.Address,
		Forwarding:     d.Forwarding,
		Weight:         d.Weight,
		UpperThreshold: d.UpperThreshold,
		LowerThreshold: d.LowerThreshold,
	}
	if d.Forwarding == ipvs.Tunneling {
		settled.Tunnel.Type = d.Tunnel.Type
		if d.Tunnel.Type == ipvs.GUE {
			settled.Tunnel.Port = d.Tunnel.Port
		}
		if d.Tunnel.Type != ipvs.IPIP {
			settled.Tunnel.Checksum = d.Tunnel.Checksum
		}
	}
	return settled
}

// AppendRules writes the plan to b as it would be typed, a line each, with addresses and ports as numbers.
func (p *Plan) AppendRules(b []byte) []byte {
	for _, lines := range [][]Line{p.Makes, p.Others, p.Leaves} {
		for _, line := range lines {
			if _, ok := line.Command.Change(); ok {
				b = append(line.Command.AppendRule(b, nil), '\n')
			}
		}
	}
	return b
}
