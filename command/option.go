package command

import (
	"strings"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// option is a row of the table below: how an option is typed, what it goes with, what it sets, and what help, completion
// and hints say about it.
type option struct {
	long     string
	letter   byte   // zero for none
	takes    takes  // whether it has a value
	bare     string // the value of an optional one that is left out
	argument string // what the value stands for, in the help text
	help     string // empty for an alias

	kind Kind // of the command that the option is, or None

	// The number of the property that the option sets. Options that set the same one, such as -t and -u, exclude each other.
	// The original reports errors about properties in the order of their numbers, which begin at 1. Zero is for an option
	// that may be repeated.
	property int
	called   string // the property in the original's errors, if it is not called like the option

	commands *fits[Kind]            // the commands that it goes with; nil for all
	tunnels  *fits[ipvs.TunnelType] // the types of tunnel that it goes with; nil for an option that is not about tunnels

	set     func(p *Parser, o *option, text string) error
	bounds  bounds   // of a number
	choices []string // the values, or the usual ones

	offered  func(c *Command) bool                                   // reports whether completion offers it; nil for always
	complete func(c *completion, o *option, text string) []Candidate // completes the value, if choices do not say enough
	explain  func(r *reading, o *option, text string)                // adds hints to a bad value, if bounds and choices do not say enough
}

// takes says whether an option has a value.
type takes int

const (
	nothing  takes = iota
	value          // the next word, or what follows the letter or the sign =
	optional       // the next word unless it begins with a dash
)

// fits says which commands, or types of tunnel, an option goes with.
type fits[T Kind | ipvs.TunnelType] struct {
	required  []T
	allowed   []T
	exclusive []T // allowed, but together with no other exclusive option
}

// bounds are the lowest and the highest number that an option takes, and what it counts. The zero value is for an option
// without a number.
type bounds struct {
	low, high int64
	of        string // such as " of seconds"
}

// What options go with.
var (
	forNamingService = &fits[Kind]{
		required:  []Kind{AddService, EditService, DeleteService, AddServer, EditServer, DeleteServer},
		allowed:   []Kind{Zero},
		exclusive: []Kind{List},
	}
	forSettingService = &fits[Kind]{allowed: []Kind{AddService, EditService}}
	forSettingServer  = &fits[Kind]{allowed: []Kind{AddServer, EditServer}}
	forList           = &fits[Kind]{allowed: []Kind{List}}
	forListSubject    = &fits[Kind]{exclusive: []Kind{List}} // what to list instead of the table
	forStartDaemon    = &fits[Kind]{allowed: []Kind{StartDaemon}}
	forChecksum       = &fits[ipvs.TunnelType]{exclusive: []ipvs.TunnelType{ipvs.GUE, ipvs.GRE}}
)

// options is every option, in the order of the help text.
var options = [...]option{
	{long: "add-service", letter: 'A', kind: AddService, help: "add a virtual service"},
	{long: "edit-service", letter: 'E', kind: EditService, help: "change a virtual service"},
	{long: "delete-service", letter: 'D', kind: DeleteService, help: "delete a virtual service and its servers"},
	{long: "clear", letter: 'C', kind: Clear, help: "delete all virtual services"},
	{long: "restore", letter: 'R', kind: Restore, help: "run the commands on standard input"},
	{long: "save", letter: 'S', kind: Save, help: "print the table as commands for -R"},
	{long: "add-server", letter: 'a', kind: AddServer, help: "add a real server to a virtual service"},
	{long: "edit-server", letter: 'e', kind: EditServer, help: "change a real server"},
	{long: "delete-server", letter: 'd', kind: DeleteServer, help: "delete a real server from a virtual service"},
	{long: "list", letter: 'L', kind: List, help: "list services, or connections, timeouts or daemons"},
	{long: "list", letter: 'l', kind: List},
	{long: "zero", letter: 'Z', kind: Zero, help: "zero the counters of one service or of all"},
	{long: "set", kind: SetTimeouts, argument: "TCP TCPFIN UDP", help: "set the connection timeouts in seconds; 0 keeps one"},
	{long: "start-daemon", takes: value, kind: StartDaemon, argument: "master|backup",
		help:    "start a connection synchronization daemon",
		choices: []string{"master", "backup"}, set: state("illegal start-daemon parameter specified")},
	{long: "stop-daemon", takes: value, kind: StopDaemon, argument: "master|backup",
		help:    "stop a connection synchronization daemon",
		choices: []string{"master", "backup"}, set: state("illegal start_daemon specified")}, // sic
	{long: "help", letter: 'h', kind: Help, help: "print this summary"},
	{long: "version", letter: 'v', kind: Version, help: "print the version"},

	{long: "tcp-service", letter: 't', takes: value, property: 3, called: "service-address", commands: forNamingService, argument: "ADDRESS[:PORT]",
		help: "TCP service", set: service(ipvs.TCP), complete: (*completion).services, explain: explainService(ipvs.TCP)},
	{long: "udp-service", letter: 'u', takes: value, property: 3, called: "service-address", commands: forNamingService, argument: "ADDRESS[:PORT]",
		help: "UDP service", set: service(ipvs.UDP), complete: (*completion).services, explain: explainService(ipvs.UDP)},
	{long: "sctp-service", takes: value, property: 3, called: "service-address", commands: forNamingService, argument: "ADDRESS[:PORT]",
		help: "SCTP service", set: service(ipvs.SCTP), complete: (*completion).services, explain: explainService(ipvs.SCTP)},
	{long: "fwmark-service", letter: 'f', takes: value, property: 3, called: "service-address", commands: forNamingService, argument: "MARK",
		help: "service for packets with this firewall mark", set: (*Parser).setMark, complete: (*completion).services, explain: (*reading).explainMark},
	{long: "ipv6", letter: '6', commands: forNamingService, help: "the mark's packets are IPv6; after -f", set: (*Parser).setIPv6,
		offered: func(c *Command) bool { return c.Service.Mark != 0 }, explain: (*reading).explainIPv6},

	{long: "scheduler", letter: 's', takes: value, property: 4, commands: forSettingService, argument: "NAME",
		help:    "rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, sed, nq, fo, ovf or mh",
		choices: schedulers, set: word(func(c *Command) *string { return &c.Service.Scheduler })},
	{long: "sched-flags", letter: 'b', takes: value, property: 24, commands: forSettingService, argument: "FLAG,...",
		help: "sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3",
		set:  (*Parser).setSchedulerFlags, complete: (*completion).flags},
	{long: "persistent", letter: 'p', takes: optional, bare: "360", property: 5, commands: forSettingService, argument: "[SECONDS]",
		help: "keep a client on its server (default 360 seconds)", bounds: bounds{1, maxTimeout, " of seconds"}, set: (*Parser).setPersistent},
	{long: "netmask", letter: 'M', takes: value, property: 6, commands: forSettingService, argument: "MASK",
		help: "group clients for -p: IPv4 mask or IPv6 prefix length", set: (*Parser).setNetmask, explain: (*reading).explainMask},
	{long: "pe", takes: value, property: 23, commands: forSettingService, argument: "ENGINE", help: "persistence engine (sip)",
		choices: []string{"sip"}, set: word(func(c *Command) *string { return &c.Service.Engine })},
	{long: "ops", letter: 'o', property: 22, commands: forSettingService, help: "one-packet scheduling: a server for each packet (UDP)", set: (*Parser).setOnePacket},

	{long: "real-server", letter: 'r', takes: value, property: 7, argument: "ADDRESS[:PORT]", help: "real server",
		commands: &fits[Kind]{required: []Kind{AddServer, EditServer, DeleteServer}},
		set:      (*Parser).setServer, complete: (*completion).servers, explain: (*reading).explainServer},
	{long: "gatewaying", letter: 'g', property: 8, called: "forwarding-method", commands: forSettingServer,
		help: "forward by direct routing (default)", set: forwarding(ipvs.DirectRouting)},
	{long: "ipip", letter: 'i', property: 8, called: "forwarding-method", commands: forSettingServer,
		help: "forward by tunnel", set: forwarding(ipvs.Tunneling)},
	{long: "masquerading", letter: 'm', property: 8, called: "forwarding-method", commands: forSettingServer,
		help: "forward by network address translation", set: forwarding(ipvs.Masquerading)},
	{long: "weight", letter: 'w', takes: value, property: 9, commands: forSettingServer, argument: "WEIGHT",
		help: "weight relative to the other servers (default 1)", bounds: bounds{low: 0, high: maxInt},
		set: number("illegal weight specified", func(c *Command) *uint32 { return &c.Server.Weight })},
	{long: "u-threshold", letter: 'x', takes: value, property: 10, commands: forSettingServer, argument: "CONNECTIONS",
		help: "no new connections once the server has this many", bounds: bounds{low: 0, high: maxInt},
		set: number("illegal u_threshold specified", func(c *Command) *uint32 { return &c.Server.UpperThreshold })},
	{long: "l-threshold", letter: 'y', takes: value, property: 11, commands: forSettingServer, argument: "CONNECTIONS",
		help: "new connections again when it has fewer than this", bounds: bounds{low: 0, high: maxInt},
		set: number("illegal l_threshold specified", func(c *Command) *uint32 { return &c.Server.LowerThreshold })},
	{long: "tun-type", takes: value, property: 30, commands: forSettingServer, argument: "TYPE", help: "tunnel type: ipip (default), gue or gre",
		tunnels: &fits[ipvs.TunnelType]{allowed: []ipvs.TunnelType{ipvs.IPIP, ipvs.GUE, ipvs.GRE}}, choices: []string{"ipip", "gue", "gre"},
		set: choice("illegal tunnel type specified", func(c *Command) *ipvs.TunnelType { return &c.Server.Tunnel.Type }, ipvs.IPIP, ipvs.GUE, ipvs.GRE)},
	{long: "tun-port", takes: value, property: 31, commands: forSettingServer, argument: "PORT", help: "UDP port of the tunnel (gue)",
		tunnels: &fits[ipvs.TunnelType]{required: []ipvs.TunnelType{ipvs.GUE}}, bounds: bounds{low: 1, high: 65535},
		set: number("illegal tunnel port specified", func(c *Command) *uint16 { return &c.Server.Tunnel.Port })},
	{long: "tun-nocsum", property: 32, commands: forSettingServer, help: "no checksum in the outer header (default)",
		tunnels: forChecksum, set: checksum(ipvs.NoChecksum)},
	{long: "tun-csum", property: 33, commands: forSettingServer, help: "checksum in the outer header (gue, gre)",
		tunnels: forChecksum, set: checksum(ipvs.Checksum)},
	{long: "tun-remcsum", property: 34, commands: forSettingServer, help: "remote checksum offload (gue)",
		tunnels: &fits[ipvs.TunnelType]{exclusive: []ipvs.TunnelType{ipvs.GUE}}, set: checksum(ipvs.RemoteChecksum)},

	{long: "numeric", letter: 'n', property: 1, commands: &fits[Kind]{allowed: []Kind{List, Save}}, help: "print numbers instead of host and port names",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Numeric })},
	{long: "connection", letter: 'c', property: 2, commands: forListSubject, help: "list connections",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Connections })},
	{long: "summary", property: 37, commands: forList, help: "with -c, print only how many connections there are",
		set:     turnOn(func(c *Command) *bool { return &c.Listing.Options.Summary }),
		offered: func(c *Command) bool { return c.Listing.Connections }},
	{long: "timeout", property: 13, commands: forListSubject, help: "list the connection timeouts",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Timeouts })},
	{long: "daemon", property: 14, commands: forListSubject, help: "list the synchronization daemons",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Daemons })},
	{long: "stats", property: 15, commands: forList, help: "show counters",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Options.Stats })},
	{long: "rate", property: 16, commands: forList, help: "show rates per second",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Options.Rate })},
	{long: "exact", letter: 'X', property: 21, commands: forList, help: "print counters in full",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Options.Exact })},
	{long: "thresholds", property: 17, commands: forList, help: "show thresholds",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Options.Thresholds })},
	{long: "persistent-conn", property: 18, commands: forList, help: "show persistence templates; with -c, engine data",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Options.PersistentConnections })},
	{long: "tun-info", property: 29, commands: forList, help: "show tunnels",
		set: turnOn(func(c *Command) *bool { return &c.Listing.Options.TunnelInfo })},
	{long: "nosort", property: 19, commands: forList, help: "list in the kernel's order",
		set: turnOn(func(c *Command) *bool { return &c.Listing.NoSort })},
	{long: "sort", commands: forList, help: "list in sorted order (default)",
		set: func(*Parser, *option, string) error { return nil }},
	{long: "format", takes: value, property: 35, commands: forList, argument: strings.Join(format.Names(), "|"),
		help: format.Help(), choices: format.Names(), set: (*Parser).setFormat},
	{long: "color", takes: value, property: 36, commands: forList, argument: strings.Join(colourWords, "|"),
		help: "colours of the aligned columns (default auto: on a terminal)", choices: colourWords, set: (*Parser).setColour},

	{long: "syncid", takes: value, property: 20, argument: "ID", help: "group of directors, 0 to 255 (default 0)",
		commands: &fits[Kind]{allowed: []Kind{List, StartDaemon, StopDaemon}}, bounds: bounds{low: 0, high: 255},
		set: number("illegal syncid specified", func(c *Command) *uint32 { return &c.Daemon.SyncID })},
	{long: "sync-maxlen", takes: value, property: 28, commands: forStartDaemon, argument: "BYTES", help: "length of the longest message",
		bounds: bounds{1, 65535 - 20 - 8, " of bytes"}, // what fits in an IP packet behind its header and UDP's
		set:    number("illegal sync-maxlen specified", func(c *Command) *uint16 { return &c.Daemon.MaxLength })},
	{long: "mcast-interface", takes: value, property: 12, commands: forStartDaemon, argument: "INTERFACE", help: "network interface for messages",
		set: word(func(c *Command) *string { return &c.Daemon.Interface }), complete: (*completion).interfaces},
	{long: "mcast-group", takes: value, property: 25, commands: forStartDaemon, argument: "ADDRESS",
		help: "multicast group (default 224.0.0.81)", set: (*Parser).setGroup, explain: (*reading).explainGroup},
	{long: "mcast-port", takes: value, property: 26, commands: forStartDaemon, argument: "PORT", help: "UDP port (default 8848)",
		bounds: bounds{low: 1, high: 65535}, set: number("illegal mcast-port specified", func(c *Command) *uint16 { return &c.Daemon.Port })},
	{long: "mcast-ttl", takes: value, property: 27, commands: forStartDaemon, argument: "TTL", help: "hops that messages may travel (default 1)",
		bounds: bounds{low: 1, high: 255}, set: number("illegal mcast-ttl specified", func(c *Command) *uint8 { return &c.Daemon.TTL })},

	{long: "netns", takes: value, argument: "NAME|PATH", help: "work in this network namespace; may stand anywhere",
		set: (*Parser).setNamespace, complete: (*completion).namespaces},
}

// propertyName returns the property of an option, as the original's errors call it.
func (o *option) propertyName() string {
	if o.called != "" {
		return o.called
	}
	return o.long
}

// name returns an option as it is typed.
func (o *option) name() string {
	if o.letter != 0 {
		return "-" + string(o.letter)
	}
	return "--" + o.long
}

// longOption returns the option of a long name, or nil.
func longOption(name string) *option {
	for i := range options {
		if options[i].long == name {
			return &options[i]
		}
	}
	return nil
}

// letterOption returns the option of a letter, or nil.
func letterOption(letter byte) *option {
	for i := range options {
		if options[i].letter == letter && letter != 0 {
			return &options[i]
		}
	}
	return nil
}

// otherCase returns the option of the same letter in the other case, or nil.
func (o *option) otherCase() *option { return letterOption(o.letter ^ ('a' ^ 'A')) }

// commandOption returns the option that is a command.
func commandOption(kind Kind) *option {
	for i := range options {
		if options[i].kind == kind {
			return &options[i]
		}
	}
	return nil
}
