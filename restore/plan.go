package restore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"syscall"

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

// Carry carries the plan out: what comes and changes, the other commands by run if they change nothing, and at the end
// what goes. If the kernel refuses anything, what was done so far is undone: nothing of it has gone yet, unless what is
// refused is among what goes. What another program took away in the meantime is gone as it should be, and no failure.
// The error is a join of an *Error for each line that failed, and of what else went wrong.
func (p *Plan) Carry(ctx context.Context, client *ipvs.Client, run func(command.Command) error) error {
	var done []*Line
	for _, lines := range [][]Line{p.Makes, p.Others, p.Leaves} {
		made, err := inOrder(ctx, client, p.Source, lines, run)
		done = append(done, made...)
		if err = withoutGone(err); err != nil {
			return errors.Join(err, p.revert(ctx, client, done))
		}
	}
	return nil
}

// withoutGone returns what is left of a join of errors without those of deleting what is not there.
func withoutGone(err error) error {
	join, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	return errors.Join(slices.DeleteFunc(slices.Clone(join.Unwrap()), isGone)...)
}

func isGone(err error) bool {
	var refused *ipvs.Error
	if !errors.As(err, &refused) {
		return false
	}
	deletion := refused.Operation == ipvs.OpDeleteService || refused.Operation == ipvs.OpDeleteDestination
	return deletion && (errors.Is(refused, syscall.ESRCH) || errors.Is(refused, syscall.ENOENT))
}

// revert undoes what was done, and leaves alone what another program did to other services and servers meanwhile.
func (p *Plan) revert(ctx context.Context, client *ipvs.Client, done []*Line) error {
	ctx = context.WithoutCancel(ctx) // a plan that was cancelled is undone all the same
	now, err := client.Table(ctx)
	if errors.Is(err, ipvs.ErrOutOfStep) {
		if client, err = ipvs.Dial(); err == nil {
			defer client.Close()
			now, err = client.Table(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	// What was to stay as it is is not in before, and would go: it is none of what the plan touched.
	makes, leaves := difference(newTable(now, 0), newTable(p.before, 0))
	mine := touchedBy(done)
	back := slices.DeleteFunc(append(makes, leaves...), func(line Line) bool { return !mine.has(line) })
	if err := withoutGone(InOrder(ctx, client, p.Source, back, nil)); err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	return nil
}

// touched is the services and servers that a plan made, changed or deleted, and may do so again to undo it. (To zero the
// counters of one is none of that.)
type touched map[subject]bool

// subject names a service, or one of its servers.
type subject struct {
	service ipvs.ServiceID
	server  netip.AddrPort
	whole   bool // the service and whatever servers it has
}

func touchedBy(lines []*Line) touched {
	t := make(touched, len(lines))
	for _, line := range lines {
		c := line.Command
		if !isRule(c.Verb) {
			continue
		}
		whole := c.Verb == command.AddService || c.Verb == command.DeleteService
		t[subject{c.Service.ServiceID, c.Server.Address, whole}] = true
	}
	return t
}

func (t touched) has(line Line) bool {
	c := line.Command
	return t[subject{c.Service.ServiceID, c.Server.Address, false}] || t[subject{service: c.Service.ServiceID, whole: true}]
}
