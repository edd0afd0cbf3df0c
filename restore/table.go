package restore

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// table is the kernel's table with its settings, or the one that rules describe. The line of each part is the one that it
// comes from, and zero for a part that was there before.
type table struct {
	services map[ipvs.ServiceID]*service
	daemons  map[ipvs.DaemonState]daemon // no daemon of a state: it may run or not
	timeouts ipvs.Timeouts               // zero: they may have any value
	line     int                         // of the timeouts
}

type service struct {
	ipvs.Service
	servers     []server // in the order of their addition, which counts for some schedulers
	added, line int      // the line that added it and the last one that changed it
}

type server struct {
	ipvs.Destination
	line int
}

type daemon struct {
	ipvs.Daemon
	runs bool
	line int
}

func emptyTable() table {
	return table{services: make(map[ipvs.ServiceID]*service), daemons: make(map[ipvs.DaemonState]daemon)}
}

// addEntries adds the kernel's entries, which list the servers of a service in the reverse of the order of their addition.
func (t table) addEntries(entries ...ipvs.Entry) {
	for _, entry := range entries {
		s := &service{Service: entry.Service}
		for _, d := range slices.Backward(entry.Destinations) {
			s.servers = append(s.servers, server{Destination: d.Destination})
		}
		t.services[s.ServiceID] = s
	}
}

// addSettings adds the kernel's timeouts, if any are wanted, and daemons.
func (t *table) addSettings(present kernelState, wanted table) {
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

// has reports whether a service and its servers are the same in the table, in the same order if that counts.
func (t table) has(entry *ipvs.Entry) bool {
	s, ok := t.services[entry.ServiceID]
	if !ok || !s.Same(entry.Service) || len(s.servers) != len(entry.Destinations) {
		return false
	}
	for i := range entry.Destinations {
		d := &entry.Destinations[i].Destination
		if server := s.server(d.Address); server == nil || !server.Same(*d) {
			return false
		}
	}
	return s.sameOrder(entry.Destinations)
}

// server returns the server at an address, or nil. It searches them one by one, as the kernel does for every change. A map
// would take a restore that changes nothing 2 % longer.
func (s *service) server(address netip.AddrPort) *server {
	for i := range s.servers {
		if s.servers[i].Address == address {
			return &s.servers[i]
		}
	}
	return nil
}

// inOrder returns the services in the order of their addition. The kernel does not list that order, so services that were
// there before come first, by address.
func (t table) inOrder() []*service {
	return slices.SortedFunc(maps.Values(t.services), func(a, b *service) int {
		return cmp.Or(cmp.Compare(a.added, b.added), cmp.Compare(a.line, b.line), a.Compare(b.ServiceID))
	})
}

// apply does to the table what a line would do to the kernel's, and returns the error that the kernel would. If a part was
// there before, the first line that adds it changes it.
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
			return refusal(c, syscall.EEXIST)
		}
		t.daemons[c.Daemon.State] = daemon{c.Daemon, true, line.Number}
	case command.StopDaemon:
		t.daemons[c.Daemon.State] = daemon{c.Daemon, false, line.Number}
	}
	return nil
}

func (t *table) applyService(line *Line) *ipvs.Error {
	c := &line.Command
	s := t.services[c.Service.ServiceID]
	switch {
	case c.Kind == command.AddService && s == nil:
		s = &service{added: line.Number}
		t.services[c.Service.ServiceID] = s
	case c.Kind == command.AddService && s.line > 0:
		return refusal(c, syscall.EEXIST)
	case s == nil:
		return refusal(c, syscall.ESRCH)
	case c.Kind == command.DeleteService:
		delete(t.services, s.ServiceID)
		return nil
	}
	s.Service, s.line = c.Service, line.Number
	return nil
}

func (t *table) applyServer(line *Line) *ipvs.Error {
	c := &line.Command
	s := t.services[c.Service.ServiceID]
	if s == nil {
		return refusal(c, syscall.ESRCH)
	}
	changed := server{c.Server, line.Number}
	d := s.server(c.Server.Address)
	switch {
	case c.Kind == command.AddServer && d == nil:
		s.servers = append(s.servers, changed)
	case c.Kind == command.AddServer && d.line > 0:
		return refusal(c, syscall.EEXIST)
	case d == nil:
		return refusal(c, syscall.ENOENT)
	case c.Kind == command.DeleteServer:
		s.servers = slices.DeleteFunc(s.servers, func(other server) bool { return other.Address == c.Server.Address })
	default:
		*d = changed
	}
	return nil
}

// refusal returns the kernel's error for a command.
func refusal(c *command.Command, errno syscall.Errno) *ipvs.Error {
	change, _ := c.Change()
	return &ipvs.Error{Operation: change.Operation(), Err: errno}
}
