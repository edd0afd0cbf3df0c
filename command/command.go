// Package command is the classic grammar of ipvsadm: Parse reads a command line as a [Command], and AppendRule writes a
// Command as the line that would be typed for it. It touches neither the kernel nor the terminal.
//
// One table, in option.go, drives parsing, legality, help, completion and hints: an option is one row of it. An option of a
// service, a server or a daemon also needs a line in rule.go, or saved files lose it. The messages are the original's words.
// This program adds hints to them, in the files that begin with hint.
package command

import (
	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// Kind is what a command line asks for.
type Kind int

// The kinds, one for each option that is a command.
const (
	None Kind = iota
	AddService
	EditService
	DeleteService
	Clear
	AddServer
	EditServer
	DeleteServer
	List
	Zero
	Save
	Restore
	SetTimeouts
	StartDaemon
	StopDaemon
	Help
	Version
)

// String returns the name that the error messages use, such as "add-service".
func (k Kind) String() string {
	switch k {
	case AddService:
		return "add-service"
	case EditService:
		return "edit-service"
	case DeleteService:
		return "delete-service"
	case Clear:
		return "flush"
	case AddServer:
		return "add-server"
	case EditServer:
		return "edit-server"
	case DeleteServer:
		return "delete-server"
	case List:
		return "list"
	case Zero:
		return "zero"
	case Save:
		return "save"
	case Restore:
		return "restore"
	case SetTimeouts:
		return "set"
	case StartDaemon:
		return "start-daemon"
	case StopDaemon:
		return "stop-daemon"
	case Help:
		return "help"
	case Version:
		return "version"
	default:
		return "none"
	}
}

// Command is a legal command line. Its kind decides which fields count.
type Command struct {
	Kind     Kind
	Service  ipvs.Service     // of AddService and EditService; for the others its ServiceID alone
	Server   ipvs.Destination // of AddServer, EditServer and DeleteServer
	Timeouts ipvs.Timeouts    // of SetTimeouts
	Daemon   ipvs.Daemon      // of StartDaemon; for StopDaemon its State alone
	Listing  Listing          // of List; for Save its Numeric alone
	Typed    Typed            // of AddServer and EditServer
}

// Typed is what was typed about a server and cannot be seen in the server. Hints need it.
type Typed struct {
	Port       uint16 // the port of -r, or 0: the service's port may replace it
	HasPort    bool   // -r had a port
	Forwarding bool   // -g, -i or -m was typed
}

// Listing is what List shows, and how.
type Listing struct {
	Connections bool // the connection table
	Timeouts    bool // the timeouts of connections
	Daemons     bool // the synchronization daemons; without one of these three, services and servers

	Numeric bool // addresses and ports as numbers
	NoSort  bool // in the kernel's order

	Format  string // the name of a format; empty for the default
	Colour  string // one of ColourWords; empty for the default
	Options format.Options
}

// HasService reports whether a service was named. List and Zero without one apply to all.
func (c Command) HasService() bool { return c.Service.ServiceID != ipvs.ServiceID{} }

// Change returns the change that the command makes in the kernel, and false if it makes none.
func (c Command) Change() (ipvs.Change, bool) {
	c = c.withNamesCut()
	id := c.Service.ServiceID
	switch c.Kind {
	case AddService:
		return ipvs.AddService(c.Service), true
	case EditService:
		return ipvs.EditService(c.Service), true
	case DeleteService:
		return ipvs.DeleteService(id), true
	case Clear:
		return ipvs.Flush(), true
	case AddServer:
		return ipvs.AddDestination(id, c.Server), true
	case EditServer:
		return ipvs.EditDestination(id, c.Server), true
	case DeleteServer:
		return ipvs.DeleteDestination(id, c.Server.Address), true
	case Zero:
		if c.HasService() {
			return ipvs.Zero(id), true
		}
		return ipvs.ZeroAll(), true
	case SetTimeouts:
		return ipvs.SetTimeouts(c.Timeouts), true
	case StartDaemon:
		return ipvs.StartDaemon(c.Daemon), true
	case StopDaemon:
		return ipvs.StopDaemon(c.Daemon.State), true
	default:
		return ipvs.Change{}, false
	}
}
