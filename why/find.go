package why

import (
	"fmt"
	"strings"
	"time"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// The names of the settings that decide.
const (
	reuseMode       = "net.ipv4.vs.conn_reuse_mode"
	expireNoServer  = "net.ipv4.vs.expire_nodest_conn"
	expireQuiescent = "net.ipv4.vs.expire_quiescent_template"
	runEstimation   = "net.ipv4.vs.run_estimation" // only of kernels that look at expire_nodest_conn for a server of weight 0
)

// address tells whether the packet reaches IPVS.
func (w *way) address() bool {
	const name = "address"
	if w.Service.Mark != 0 {
		return w.doubt(name, fmt.Sprintf("whether a firewall gives the packet the mark %d, and whether its address is one of this machine", w.Service.Mark))
	}
	vip := w.Service.Address.Addr()
	route := w.Machine.Routes[vip]
	switch {
	case route.Kind == "":
		return w.doubt(name, fmt.Sprintf("whether %s is an address of this machine: the routes cannot be read", vip))
	case route.Kind == check.RouteLocal:
		return w.say(name, fmt.Sprintf("%s is an address of this machine, so packets to it reach IPVS", vip))
	default:
		return w.stop(name, fmt.Sprintf("%s is not an address of this machine (ip route get: %s)", vip, w.describe(route)),
			"IPVS never sees the packet: the kernel forwards or drops it")
	}
}

// describe returns a route in words.
func (w *way) describe(route check.Route) string {
	device := w.Machine.Links[route.Link].Name
	switch {
	case route.Kind == check.RouteNone:
		return "no route"
	case route.Kind.Drops():
		return string(route.Kind)
	case route.Gateway.IsValid():
		return fmt.Sprintf("via %s dev %s", route.Gateway, device)
	default:
		return "dev " + device
	}
}

// service finds the service of the packet.
func (w *way) service() bool {
	const name = "service"
	if w.Service.Mark == 0 {
		if marks := w.marks(); marks != "" {
			w.maybeMarked = true
			w.doubt(name, "whether a firewall gives the packet a mark: a service of a mark comes before one of an address, and the table has "+marks)
		}
	}
	w.matched = Match(w.Machine.Table, w.Service)
	if w.matched == nil {
		return w.stop(name, "no service of the table has "+check.ServiceName(w.Service),
			"IPVS leaves the packet alone: a program of this machine gets it, or the client is refused")
	}
	text := fmt.Sprintf("%s matches", check.ServiceName(w.matched.ServiceID))
	if w.matched.ServiceID != w.Service {
		text += ", which has every port that no other service has"
	}
	text += fmt.Sprintf("; its scheduler is %s", w.matched.Scheduler)
	if w.matched.Flags&ipvs.OnePacket != 0 {
		text += ", for each packet anew"
	}
	return w.say(name, text)
}

// marks lists the services of marks that packets of the client could have.
func (w *way) marks() string {
	var all []string
	for _, entry := range w.Machine.Table {
		if entry.Mark != 0 && entry.Family == w.Service.Family {
			all = append(all, check.ServiceName(entry.ServiceID))
		}
	}
	return shortened(all)
}

// entry tells whether the packet belongs to a connection that is in the table.
func (w *way) entry() bool {
	const name = "entry"
	c := w.Entries.Connection
	switch {
	case w.Machine.Unread[check.FactConnections] != nil:
		return w.doubt(name, "whether the connection table has the client: it cannot be read")
	case w.matched.Flags&ipvs.OnePacket != 0:
		return w.say(name, "none: the service keeps none")
	case c == nil && w.Client.Port() == 0:
		return w.say(name, fmt.Sprintf("none, if the client uses a new port; it has %s", counted(w.Entries.Others, "other connection")))
	case c == nil:
		return w.say(name, fmt.Sprintf("none for port %d; the client has %s", w.Client.Port(), counted(w.Entries.Others, "other connection")))
	}
	is := fmt.Sprintf("the connection is in the table: %s, %s, %s left", c.Destination, c.State, c.Expires.Round(time.Second))
	server := w.listed(c)
	if server == nil {
		if w.Machine.Settings.Number(expireNoServer) == 0 {
			return w.stop(name, is+"; the service does not have this server any more, and "+w.setting(expireNoServer), "the kernel drops the packet")
		}
		return w.doubt(name, is+"; the service does not have this server any more, so the kernel deletes the entry; whether before this packet, or with it, depends on the time")
	}
	if why := w.reused(c, server); why != "" {
		return w.say(name, is+"; the kernel chooses a server again, because "+why)
	}
	if c.State == "FIN_WAIT" && w.Machine.Settings.Number(reuseMode) > 1 {
		return w.doubt(name, is+"; whether the packet follows it: "+w.setting(reuseMode))
	}
	w.servers = []ipvs.ListedDestination{*server}
	if server.Weight == 0 {
		is += "; the packet follows it, although the server has weight 0"
	} else {
		is += "; the packet follows it"
	}
	return w.say(name, is)
}

// listed returns the server of a connection or template, unless the service does not have it.
func (w *way) listed(c *ipvs.Connection) *ipvs.ListedDestination {
	for i := range w.matched.Destinations {
		server := &w.matched.Destinations[i]
		if server.Address == c.Destination || server.Address.Port() == 0 && server.Address.Addr() == c.Destination.Addr() {
			return server
		}
	}
	return nil
}

// reused returns why the first packet of a TCP connection does not follow an older entry of the same addresses and ports.
func (w *way) reused(c *ipvs.Connection, server *ipvs.ListedDestination) string {
	_, newer := w.Machine.Settings[runEstimation]
	ended := c.State == "TIME_WAIT" || c.State == "CLOSE"
	switch {
	case c.Protocol != "TCP":
		return ""
	case ended && w.Machine.Settings.Number(reuseMode) != 0:
		return w.setting(reuseMode)
	case newer && server.Weight == 0 && w.Machine.Settings.Number(expireNoServer) != 0:
		return "its server has weight 0, and " + w.setting(expireNoServer)
	default:
		return ""
	}
}

func (w *way) setting(name string) string { return w.Machine.Settings.Evidence(name) }

// template tells which server persistence chooses.
func (w *way) template() bool {
	const name = "template"
	if len(w.servers) > 0 {
		return true
	}
	if w.matched.Flags&ipvs.Persistent == 0 {
		return w.say(name, "none: the service is not persistent")
	}
	if w.matched.Engine != "" {
		return w.doubt(name, fmt.Sprintf("which template: the engine %s chooses it by the contents of the packet", w.matched.Engine))
	}
	c := w.Entries.Template
	group := masked(w.Client.Addr(), w.matched.Netmask)
	if c == nil {
		return w.say(name, fmt.Sprintf("none for %s: this connection makes one, for %s", group, w.matched.Timeout))
	}
	is := fmt.Sprintf("%s has one: %s, %s left", group, c.Destination, c.Expires.Round(time.Second))
	server := w.listed(c)
	switch {
	case server == nil:
		return w.say(name, is+"; the service does not have this server any more, so the kernel chooses another one")
	case server.Weight == 0 && w.Machine.Settings.Number(expireQuiescent) != 0:
		return w.say(name, is+"; the server has weight 0, and "+w.setting(expireQuiescent)+", so the kernel chooses another one")
	case server.Weight == 0:
		is += "; the kernel obeys it, although the server has weight 0: " + w.setting(expireQuiescent)
	}
	w.servers = []ipvs.ListedDestination{*server}
	return w.say(name, is)
}

// counted returns a number with its word.
func counted(n int, word string) string {
	switch n {
	case 0:
		return "no " + word
	case 1:
		return "1 " + word
	default:
		return fmt.Sprintf("%d %ss", n, word)
	}
}

// mostListed is how many objects a step names.
const mostListed = 8

// shortened returns a list of names.
func shortened(names []string) string {
	if more := len(names) - mostListed; more > 0 {
		names = append(names[:mostListed:mostListed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// list returns the addresses of servers.
func list(servers []ipvs.ListedDestination) string {
	var names []string
	for _, server := range servers {
		names = append(names, server.Address.String())
	}
	return shortened(names)
}
