package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Plan is the difference between what the kernel has and what rules describe.
type Plan struct {
	Source string
	Makes  []Line // what comes or changes: services, servers, timeouts and daemons
	Others []Line // the other commands of the file, such as -Z and -L
	Leaves []Line // servers and services that go
	before table  // what the plan changes, as it was
}

// Options say how a restore is planned.
type Options struct {
	Keep bool // what the file does not name stays: --noflush
}

// ErrNoCommands is the error of a plan of rules without a command for a table that is not empty: most often the file was
// lost, and not emptied on purpose.
var ErrNoCommands = errors.New(`no commands, and the table is not empty: nothing was changed (a line "-C" empties the table on purpose)`)

// NewPlan compares what the rules describe with what the kernel has. The error is a join of an *Error for each bad line:
// each one that does not parse, and each one that cannot apply, such as a server of an unknown service.
func NewPlan(ctx context.Context, client *ipvs.Client, rules *Rules, options Options) (*Plan, error) {
	present, err := look(ctx, client, rules.describesSettings())
	if err != nil {
		return nil, err
	}
	return newPlan(rules, present, options)
}

// kernel is what the kernel has.
type kernel struct {
	entries  iter.Seq2[ipvs.Entry, error]
	timeouts ipvs.Timeouts
	daemons  []ipvs.Daemon
}

// look reads timeouts and daemons if they are asked for, and begins to list the services.
func look(ctx context.Context, client *ipvs.Client, settings bool) (k kernel, err error) {
	if settings {
		if k.timeouts, err = client.Timeouts(ctx); err != nil {
			return k, err
		}
		if k.daemons, err = client.Daemons(ctx); err != nil {
			return k, err
		}
	}
	client.WithoutCounters = true
	k.entries, err = client.Entries(ctx, nil)
	return k, err
}

func newPlan(rules *Rules, present kernel, options Options) (*Plan, error) {
	wanted := emptyTable()
	if options.Keep {
		kept, err := ipvs.Gather(present.entries)
		if err != nil {
			return nil, err
		}
		present.entries = ipvs.Each(kept...)
		wanted.addEntries(kept...)
	}
	if err := wanted.change(rules, make(doubts)); err != nil {
		return nil, err
	}
	var others []Line
	for _, line := range rules.Lines {
		if !describes(line.Command.Kind) {
			others = append(others, line)
		}
	}

	// Of what is as it should be, which is usually nearly everything, no more is kept.
	before := emptyTable()
	for entry, err := range present.entries {
		if err != nil {
			return nil, err
		}
		if len(rules.Lines) == 0 && !options.Keep {
			return nil, fmt.Errorf("%s: %w", rules.Source, ErrNoCommands)
		}
		if wanted.has(&entry) {
			delete(wanted.services, entry.ServiceID)
			continue
		}
		before.addEntries(entry)
	}
	before.addSettings(present, wanted)
	makes, leaves := difference(before, wanted)
	return &Plan{Source: rules.Source, Makes: makes, Others: others, Leaves: leaves, before: before}, nil
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

// Check finds the bad lines that can be found without the kernel. The error is a join of an *Error for each one. With
// Keep, a service or server that no line adds may be in the kernel's table.
func (r *Rules) Check(options Options) error {
	known := make(doubts)
	if options.Keep {
		maps.Copy(known, missing)
	}
	wanted := emptyTable()
	return wanted.change(r, known)
}

// describes reports whether a command describes the table that a restore is to make. The other commands do something.
func describes(kind command.Kind) bool { return isRule(kind) || isSetting(kind) }

func isRule(kind command.Kind) bool {
	switch kind {
	case command.AddService, command.EditService, command.DeleteService, command.Clear,
		command.AddServer, command.EditServer, command.DeleteServer:
		return true
	default:
		return false
	}
}

func isSetting(kind command.Kind) bool {
	return kind == command.SetTimeouts || kind == command.StartDaemon || kind == command.StopDaemon
}

func (r *Rules) describesSettings() bool {
	return slices.ContainsFunc(r.Lines, func(line Line) bool { return isSetting(line.Command.Kind) })
}

// table is what the kernel has, or what rules want it to have. What was there before the first line has no line: its
// numbers are zero or less.
type table struct {
	services map[ipvs.ServiceID]service
	daemons  map[ipvs.DaemonState]daemon // a state that is missing may be either way
	timeouts ipvs.Timeouts               // zero for any
	line     int                         // of the timeouts
}

type service struct {
	ipvs.Service
	servers     map[netip.AddrPort]server
	added, line int // the numbers of the lines that add it and that say how it is
}

type server struct {
	ipvs.Destination
	added, line int
}

type daemon struct {
	ipvs.Daemon
	runs bool
	line int
}

func emptyTable() table {
	return table{services: make(map[ipvs.ServiceID]service), daemons: make(map[ipvs.DaemonState]daemon)}
}

// addEntries adds what the kernel has. It lists the servers of a service in the opposite of the order of their addition,
// which counts for some schedulers.
func (t table) addEntries(entries ...ipvs.Entry) {
	for _, entry := range entries {
		s := service{Service: entry.Service, servers: make(map[netip.AddrPort]server)}
		for i, d := range entry.Destinations {
			s.servers[d.Address] = server{Destination: d.Destination, added: -i}
		}
		t.services[s.ServiceID] = s
	}
}

// addSettings adds the kernel's timeouts, if any are wanted, and daemons.
func (t *table) addSettings(present kernel, wanted table) {
	if wanted.timeouts != (ipvs.Timeouts{}) {
		t.timeouts = present.timeouts
	}
	for state := range wanted.daemons {
		t.daemons[state] = daemon{Daemon: ipvs.Daemon{State: state}}
	}
	for _, d := range present.daemons {
		t.daemons[d.State] = daemon{Daemon: d, runs: true}
	}
}

// has reports whether a service and its servers are the same in the table.
func (t table) has(entry *ipvs.Entry) bool {
	s, ok := t.services[entry.ServiceID]
	if !ok || !s.Same(entry.Service) || len(s.servers) != len(entry.Destinations) {
		return false
	}
	for i := range entry.Destinations {
		d := &entry.Destinations[i].Destination
		if server, ok := s.servers[d.Address]; !ok || !server.Same(*d) {
			return false
		}
	}
	return true
}

// change does to the table what the lines would do to the kernel's. The error is a join of an *Error for each bad line.
func (t *table) change(rules *Rules, known doubts) error {
	var errs []error
	fail := func(number int, err error) { errs = append(errs, &Error{rules.Source, number, err}) }
	bad := rules.bad
	for i := range rules.Lines {
		line := &rules.Lines[i]
		for len(bad) > 0 && bad[0].Number < line.Number {
			fail(bad[0].Number, bad[0].err)
			t.doubt(&bad[0].Line, known)
			bad = bad[1:]
		}
		if err := t.apply(line); err != nil && !known.explain(line.Command.Service.ServiceID, err.Err) {
			fail(line.Number, err)
		}
	}
	for _, last := range bad {
		fail(last.Number, last.err)
	}
	return errors.Join(errs...)
}

// doubt is an errno that a line about a service may get because of a bad line, not by its own fault.
type doubt struct {
	service ipvs.ServiceID // zero for any service
	errno   error
}

type doubts map[doubt]bool

// missing is what may be missing because the line that adds it is unknown.
var missing = doubts{{errno: syscall.ESRCH}: true, {errno: syscall.ENOENT}: true}

// explain reports whether a bad line may be the reason of an errno.
func (d doubts) explain(service ipvs.ServiceID, errno error) bool {
	return d[doubt{service, errno}] || d[doubt{errno: errno}]
}

// doubt does to the table what a bad line would surely do, and notes what it may do. The line is as much as was
// understood of it.
func (t *table) doubt(bad *Line, known doubts) {
	id := bad.Command.Service.ServiceID
	switch kind := bad.Command.Kind; {
	case kind == command.AddServer:
		known[doubt{id, syscall.ENOENT}] = true
	case kind == command.DeleteServer:
		known[doubt{id, syscall.EEXIST}] = true
	case kind == command.Clear, kind == command.StopDaemon, isRule(kind) && id != ipvs.ServiceID{}:
		t.apply(bad) // its error would follow from this one
	case kind == command.DeleteService:
		known[doubt{id, syscall.EEXIST}] = true
	case kind == command.AddService, kind == command.None:
		maps.Copy(known, missing)
	}
}

// apply does to the table what a line would do to the kernel's, and fails as the kernel would. The first line that adds a
// service or server which was there before changes it.
func (t *table) apply(line *Line) *ipvs.Error {
	c := &line.Command
	switch c.Kind {
	case command.Clear:
		clear(t.services)
	case command.AddService, command.EditService, command.DeleteService:
		return t.applyService(line)
	case command.AddServer, command.EditServer, command.DeleteServer:
		return t.applyServer(line)
	case command.SetTimeouts:
		t.timeouts, t.line = t.timeouts.With(c.Timeouts), line.Number
	case command.StartDaemon:
		if t.daemons[c.Daemon.State].runs {
			return refused(c.Kind, syscall.EEXIST)
		}
		t.daemons[c.Daemon.State] = daemon{c.Daemon, true, line.Number}
	case command.StopDaemon:
		t.daemons[c.Daemon.State] = daemon{c.Daemon, false, line.Number}
	}
	return nil
}

func (t *table) applyService(line *Line) *ipvs.Error {
	c := &line.Command
	s, exists := t.services[c.Service.ServiceID]
	switch {
	case c.Kind == command.AddService && s.line > 0:
		return refused(c.Kind, syscall.EEXIST)
	case c.Kind == command.AddService && !exists:
		s = service{added: line.Number, servers: make(map[netip.AddrPort]server)}
	case !exists:
		return refused(c.Kind, syscall.ESRCH)
	case c.Kind == command.DeleteService:
		delete(t.services, s.ServiceID)
		return nil
	}
	s.Service, s.line = c.Service, line.Number
	t.services[s.ServiceID] = s
	return nil
}

func (t *table) applyServer(line *Line) *ipvs.Error {
	c := &line.Command
	s, exists := t.services[c.Service.ServiceID]
	if !exists {
		return refused(c.Kind, syscall.ESRCH)
	}
	d, exists := s.servers[c.Server.Address]
	switch {
	case c.Kind == command.AddServer && d.line > 0:
		return refused(c.Kind, syscall.EEXIST)
	case c.Kind == command.AddServer && !exists:
		d.added = line.Number
	case !exists:
		return refused(c.Kind, syscall.ENOENT)
	case c.Kind == command.DeleteServer:
		delete(s.servers, d.Address)
		return nil
	}
	d.Destination, d.line = c.Server, line.Number
	s.servers[d.Address] = d
	return nil
}

// refused returns the error that the kernel would have for a command.
func refused(kind command.Kind, errno syscall.Errno) *ipvs.Error {
	operation := map[command.Kind]ipvs.Operation{
		command.AddService:    ipvs.OpAddService,
		command.EditService:   ipvs.OpEditService,
		command.DeleteService: ipvs.OpDeleteService,
		command.AddServer:     ipvs.OpAddDestination,
		command.EditServer:    ipvs.OpEditDestination,
		command.DeleteServer:  ipvs.OpDeleteDestination,
		command.StartDaemon:   ipvs.OpStartDaemon,
	}[kind]
	return &ipvs.Error{Operation: operation, Err: errno}
}

// difference returns the lines that bring one table to another: what comes or changes, and what goes.
//
// A service that has a server which takes connections, before and after, is never without one in between: the servers
// that stop taking them change last, and go later still. The kernel refuses a server of another family than its service
// while a daemon runs, and a daemon while there is such a server. So daemons stop first, and start when such servers have
// gone.
func difference(from, to table) (makes, leaves []Line) {
	makes, starts := daemonLines(from, to)
	for _, wanted := range to.inOrder() {
		present, exists := from.services[wanted.ServiceID]
		switch {
		case !exists:
			makes = append(makes, serviceLine(command.AddService, wanted))
		case !present.Same(wanted.Service):
			makes = append(makes, serviceLine(command.EditService, wanted))
		}
		var quiesced []Line
		for _, server := range wanted.inOrder() {
			old, exists := present.servers[server.Address]
			switch {
			case !exists:
				makes = append(makes, serverLine(command.AddServer, wanted, server))
			case old.Same(server.Destination):
			case server.Weight == 0:
				quiesced = append(quiesced, serverLine(command.EditServer, wanted, server))
			default:
				makes = append(makes, serverLine(command.EditServer, wanted, server))
			}
		}
		makes = append(makes, quiesced...)
		for _, server := range present.inOrder() {
			if _, stays := wanted.servers[server.Address]; !stays {
				leaves = append(leaves, serverLine(command.DeleteServer, wanted, server))
			}
		}
	}
	for _, present := range from.inOrder() {
		if _, stays := to.services[present.ServiceID]; !stays {
			leaves = append(leaves, serviceLine(command.DeleteService, present))
		}
	}
	if from.timeouts.With(to.timeouts) != from.timeouts {
		makes = append(makes, Line{to.line, command.Command{Kind: command.SetTimeouts, Timeouts: to.timeouts}})
	}
	if from.mixesFamilies() {
		return makes, append(leaves, starts...)
	}
	return append(makes, starts...), leaves
}

// daemonLines returns the lines that stop daemons, and those that start them. A daemon cannot be edited: one that changes
// stops right before it starts.
func daemonLines(from, to table) (stops, starts []Line) {
	for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
		wanted, named := to.daemons[state]
		if !named {
			continue
		}
		present := from.daemons[state]
		stop := Line{wanted.line, command.Command{Kind: command.StopDaemon, Daemon: ipvs.Daemon{State: state}}}
		start := Line{wanted.line, command.Command{Kind: command.StartDaemon, Daemon: wanted.Daemon}}
		switch {
		case present.runs && !wanted.runs:
			stops = append(stops, stop)
		case !present.runs && wanted.runs:
			starts = append(starts, start)
		case wanted.runs && !present.Same(wanted.Daemon):
			starts = append(starts, stop, start)
		}
	}
	return stops, starts
}

// mixesFamilies reports whether a server has another family than its service.
func (t table) mixesFamilies() bool {
	for id, s := range t.services {
		for address := range s.servers {
			if ipvs.FamilyOf(address.Addr()) != id.Family {
				return true
			}
		}
	}
	return false
}

func serviceLine(kind command.Kind, s service) Line {
	return Line{s.line, command.Command{Kind: kind, Service: s.Service}}
}

func serverLine(kind command.Kind, s service, d server) Line {
	return Line{d.line, command.Command{Kind: kind, Service: ipvs.Service{ServiceID: s.ServiceID}, Server: d.Destination}}
}

// inOrder returns the services in the order of their addition. The kernel does not list that order.
func (t table) inOrder() []service {
	return slices.SortedFunc(maps.Values(t.services), func(a, b service) int {
		return cmp.Or(cmp.Compare(a.added, b.added), cmp.Compare(a.line, b.line), a.Compare(b.ServiceID))
	})
}

// inOrder returns the servers in the order of their addition.
func (s service) inOrder() []server {
	return slices.SortedFunc(maps.Values(s.servers), func(a, b server) int { return cmp.Compare(a.added, b.added) })
}
