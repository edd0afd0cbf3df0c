package restore

import (
	"iter"
	"net/netip"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// table is what commands make of a table, without the kernel.
type table struct {
	added []*service // in their order, and left there when they are deleted
	byID  map[ipvs.ServiceID]*service
	last  *service // that was looked for, unless it was deleted: most lines are about the service of the line before
}

// service is a service of an entry or of a line. It points to what that says, as do its servers, so that it must not
// change while the table is in use.
type service struct {
	*ipvs.Service
	line    int // that says what it is; zero if it was there before
	deleted bool
	settled bool     // the kernel has it, with its servers
	added   []server // in their order, and left there when they are deleted

	byAddress map[netip.AddrPort]int // where in added they are; nil as long as they are few
}

type server struct {
	*ipvs.Destination
	line    int
	deleted bool
}

// few servers are looked through sooner than found in a map, of which a table would need one for each service.
const few = 8

// newTable returns the table that entries are, with room for more services.
func newTable(entries []ipvs.Entry, more int) *table {
	t := &table{byID: make(map[ipvs.ServiceID]*service, len(entries)+more), added: make([]*service, 0, len(entries)+more)}
	services := make([]service, len(entries))
	for i := range entries {
		s, destinations := &services[i], entries[i].Destinations
		s.Service = &entries[i].Service
		t.put(s)
		s.added = make([]server, len(destinations))
		for j := range destinations {
			s.added[j].Destination = &destinations[j].Destination
		}
	}
	return t
}

// lookUp returns a service, nil if there is none.
func (t *table) lookUp(id ipvs.ServiceID) *service {
	if t.last == nil || t.last.ServiceID != id {
		t.last = t.byID[id]
	}
	return t.last
}

// services yields the services in the order in which they were added.
func (t *table) services() iter.Seq[*service] {
	return func(yield func(*service) bool) {
		for _, s := range t.added {
			if !s.deleted && !yield(s) {
				return
			}
		}
	}
}

// servers yields the servers in the order in which they were added.
func (s *service) servers() iter.Seq[*server] {
	return func(yield func(*server) bool) {
		for i := range s.added {
			if d := &s.added[i]; !d.deleted && !yield(d) {
				return
			}
		}
	}
}

func (t *table) put(s *service) {
	t.added = append(t.added, s)
	t.byID[s.ServiceID] = s
}

func (s *service) add(added *ipvs.Destination, line int) {
	s.added = append(s.added, server{Destination: added, line: line})
	if s.byAddress != nil {
		s.byAddress[added.Address] = len(s.added) - 1
	}
}

// server returns the server at an address, nil if there is none.
func (s *service) server(address netip.AddrPort) *server {
	if len(s.added) > few {
		return s.indexed(address)
	}
	for i := range s.added {
		if d := &s.added[i]; d.Address == address && !d.deleted {
			return d
		}
	}
	return nil
}

func (s *service) indexed(address netip.AddrPort) *server {
	if s.byAddress == nil {
		s.byAddress = make(map[netip.AddrPort]int)
		for i := range s.added {
			s.byAddress[s.added[i].Address] = i
		}
	}
	if i, ok := s.byAddress[address]; ok && !s.added[i].deleted {
		return &s.added[i]
	}
	return nil
}

// change does to the table what the kernel would do, and refuses what it would for what is there or not. What was there
// before the first line may be added again: that changes it.
func (t *table) change(line *Line) error {
	c := &line.Command
	if c.Verb == command.Clear {
		t.added, t.last = nil, nil
		clear(t.byID)
		return nil
	}
	s := t.lookUp(c.Service.ServiceID)
	switch c.Verb {
	case command.AddService:
		return t.addService(s, line)
	case command.EditService:
		if s == nil {
			return refused(ipvs.OpEditService, syscall.ESRCH)
		}
		s.Service, s.line = &c.Service, line.Number
	case command.DeleteService:
		if s == nil {
			return refused(ipvs.OpDeleteService, syscall.ESRCH)
		}
		delete(t.byID, s.ServiceID)
		s.deleted, t.last = true, nil
	case command.AddServer:
		return s.addServer(line)
	case command.EditServer:
		d, err := s.find(ipvs.OpEditDestination, c.Server.Address)
		if err != nil {
			return err
		}
		d.Destination, d.line = &c.Server, line.Number
	case command.DeleteServer:
		d, err := s.find(ipvs.OpDeleteDestination, c.Server.Address)
		if err != nil {
			return err
		}
		d.deleted = true
	}
	return nil
}

func (t *table) addService(present *service, line *Line) error {
	switch {
	case present == nil:
		t.put(&service{Service: &line.Command.Service, line: line.Number, added: make([]server, 0, few/2)})
	case present.line != 0:
		return refused(ipvs.OpAddService, syscall.EEXIST)
	default:
		present.Service, present.line = &line.Command.Service, line.Number
	}
	return nil
}

func (s *service) addServer(line *Line) error {
	if s == nil {
		return refused(ipvs.OpAddDestination, syscall.ESRCH)
	}
	added := &line.Command.Server
	present := s.server(added.Address)
	switch {
	case present == nil:
		s.add(added, line.Number)
	case present.line != 0:
		return refused(ipvs.OpAddDestination, syscall.EEXIST)
	default:
		present.Destination, present.line = added, line.Number
	}
	return nil
}

func (s *service) find(operation ipvs.Operation, address netip.AddrPort) (*server, error) {
	if s == nil {
		return nil, refused(operation, syscall.ESRCH)
	}
	found := s.server(address)
	if found == nil {
		return nil, refused(operation, syscall.ENOENT)
	}
	return found, nil
}

func refused(operation ipvs.Operation, errno syscall.Errno) error {
	return &ipvs.Error{Operation: operation, Err: errno}
}
