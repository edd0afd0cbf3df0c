package restore

import (
	"context"
	"errors"
	"fmt"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Plan is what brings the kernel to what a file describes.
type Plan struct {
	Source string
	Makes  []Line // services and servers that come or change
	Others []Line // commands of the file that are not about services and servers, such as --set
	Leaves []Line // servers and services that go
	before []ipvs.Entry
}

// Options say how a restore is planned.
type Options struct {
	Keep bool // what the file does not name stays: --noflush
}

// NewPlan compares what the lines describe with the table as it is. If a line asks for what cannot be, such as a server
// of no service, the error is a join of an *Error for each that does.
func NewPlan(source string, lines []Line, current []ipvs.Entry, options Options) (*Plan, error) {
	wanted := newTable(nil)
	if options.Keep {
		wanted = newTable(current)
	}
	plan := &Plan{Source: source, before: current}
	var wrong []error
	for _, line := range lines {
		switch line.Command.Verb {
		case command.AddService, command.EditService, command.DeleteService, command.Clear,
			command.AddServer, command.EditServer, command.DeleteServer:
			if err := wanted.change(line); err != nil {
				wrong = append(wrong, &Error{source, line.Number, err})
			}
		default:
			plan.Others = append(plan.Others, line)
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	plan.Makes, plan.Leaves = difference(newTable(current), wanted)
	return plan, nil
}

// difference returns what brings one table to another: what comes or changes, and what goes.
func difference(from, to *table) (makes, leaves []Line) {
	for _, wanted := range to.services {
		present := from.byID[wanted.ServiceID]
		switch {
		case present == nil:
			makes = append(makes, serviceLine(command.AddService, wanted))
			present = &service{}
		case settledService(present.Service) != settledService(wanted.Service):
			makes = append(makes, serviceLine(command.EditService, wanted))
		}
		for _, server := range wanted.servers {
			old := present.byName[server.Address]
			switch {
			case old == nil:
				makes = append(makes, serverLine(command.AddServer, wanted, server))
			case !sameServer(old.Destination, server.Destination):
				makes = append(makes, serverLine(command.EditServer, wanted, server))
			}
		}
		for _, server := range present.servers {
			if wanted.byName[server.Address] == nil {
				leaves = append(leaves, serverLine(command.DeleteServer, wanted, server))
			}
		}
	}
	for _, present := range from.services {
		if to.byID[present.ServiceID] == nil {
			leaves = append(leaves, serviceLine(command.DeleteService, present))
		}
	}
	return makes, leaves
}

func serviceLine(verb command.Verb, s *service) Line {
	return Line{s.line, command.Command{Verb: verb, Service: s.Service}}
}

func serverLine(verb command.Verb, s *service, d *server) Line {
	line := Line{d.line, command.Command{Verb: verb, Server: d.Destination}}
	line.Command.Service.ServiceID = s.ServiceID
	return line
}

// settledService returns a service without what the kernel alone decides and what has no effect.
func settledService(s ipvs.Service) ipvs.Service {
	s.Totals, s.Rates = ipvs.Counters{}, ipvs.Counters{}
	s.Flags &^= ipvs.Hashed
	if s.Flags&ipvs.Persistent == 0 {
		s.Timeout, s.Netmask = 0, 0
	}
	return s
}

func sameServer(a, b ipvs.Destination) bool {
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

// Carry carries the plan out: what comes and changes, the other commands by run if they change nothing, and at the end
// what goes. If the kernel refuses anything the table is brought back to what it was. The error is a join of an *Error
// for each line that failed, and of what else went wrong.
func (p *Plan) Carry(ctx context.Context, client *ipvs.Client, run func(command.Command) error) error {
	for _, lines := range [][]Line{p.Makes, p.Others, p.Leaves} {
		if err := InOrder(ctx, client, p.Source, lines, run); err != nil {
			return errors.Join(err, p.revert(ctx, client))
		}
	}
	return nil
}

func (p *Plan) revert(ctx context.Context, client *ipvs.Client) error {
	now, err := client.Table(ctx)
	if err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	makes, leaves := difference(newTable(now), newTable(p.before))
	if err := InOrder(ctx, client, p.Source, append(makes, leaves...), nil); err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	return nil
}
