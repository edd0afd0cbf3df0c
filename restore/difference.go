package restore

import (
	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// difference returns the lines that turn one table into another: first those that add or edit, then those that delete.
//
// A service that takes connections before and after also takes them in between: servers that get weight 0 change last, and
// servers are deleted later still.
//
// The kernel refuses a server of another family than its service while a daemon runs, and a daemon while such a server
// exists. So daemons stop first, and start when such servers are gone: among the deletions.
func difference(from, to table) (additions, deletions []Line) {
	additions, starts := daemonLines(from, to)
	for _, wanted := range to.inOrder() {
		present := from.services[wanted.ServiceID]
		switch {
		case present == nil:
			present = new(service)
			additions = append(additions, serviceLine(command.AddService, wanted))
		case !present.Same(wanted.Service):
			additions = append(additions, serviceLine(command.EditService, wanted))
		}
		var quiesced []Line
		for _, server := range wanted.servers {
			old := present.server(server.Address)
			switch {
			case old == nil:
				additions = append(additions, serverLine(command.AddServer, wanted, server))
			case old.Same(server.Destination):
			case server.Weight == 0:
				quiesced = append(quiesced, serverLine(command.EditServer, wanted, server))
			default:
				additions = append(additions, serverLine(command.EditServer, wanted, server))
			}
		}
		additions = append(additions, quiesced...)
		for _, server := range present.servers {
			if wanted.server(server.Address) == nil {
				deletions = append(deletions, serverLine(command.DeleteServer, wanted, server))
			}
		}
	}
	for _, present := range from.inOrder() {
		if to.services[present.ServiceID] == nil {
			deletions = append(deletions, serviceLine(command.DeleteService, present))
		}
	}
	if from.timeouts.With(to.timeouts) != from.timeouts {
		additions = append(additions, Line{to.line, command.Command{Kind: command.SetTimeouts, Timeouts: to.timeouts}})
	}
	if from.mixesFamilies() {
		return additions, append(deletions, starts...)
	}
	return append(additions, starts...), deletions
}

// daemonLines returns the lines that stop daemons, and those that start them. The kernel edits no daemon, so one that
// changes stops right before it starts.
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
		for _, server := range s.servers {
			if ipvs.FamilyOf(server.Address.Addr()) != id.Family {
				return true
			}
		}
	}
	return false
}

func serviceLine(kind command.Kind, s *service) Line {
	return Line{s.line, command.Command{Kind: kind, Service: s.Service}}
}

func serverLine(kind command.Kind, s *service, d server) Line {
	return Line{d.line, command.Command{Kind: kind, Service: ipvs.Service{ServiceID: s.ServiceID}, Server: d.Destination}}
}
