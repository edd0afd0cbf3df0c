package command

import (
	"strings"

	"ipvsadm/format"
)

// takes says whether an option has a value.
type takes int

const (
	nothing  takes = iota
	value          // the next word, or what follows the letter or the sign =
	optional       // the next word unless it begins with a dash
)

// option is one option of the command line. It has a verb, which makes it a command, or else something to set.
type option struct {
	long      string
	letter    byte // zero for none
	takes     takes
	argument  string // what the value stands for, in the help text
	help      string
	verb      Verb
	parameter parameter // what it decides, which no other option may decide again; zero for nothing
	set       func(*parser, string) error
}

// options is every option, in the order of the help text.
var options = [...]option{
	{long: "add-service", letter: 'A', verb: AddService, help: "add a virtual service"},
	{long: "edit-service", letter: 'E', verb: EditService, help: "change a virtual service"},
	{long: "delete-service", letter: 'D', verb: DeleteService, help: "delete a virtual service and its servers"},
	{long: "clear", letter: 'C', verb: Clear, help: "delete all virtual services"},
	{long: "restore", letter: 'R', verb: Restore, help: "carry out the commands on standard input"},
	{long: "save", letter: 'S', verb: Save, help: "print the table as commands"},
	{long: "add-server", letter: 'a', verb: AddServer, help: "add a real server to a virtual service"},
	{long: "edit-server", letter: 'e', verb: EditServer, help: "change a real server"},
	{long: "delete-server", letter: 'd', verb: DeleteServer, help: "remove a real server from a virtual service"},
	{long: "list", letter: 'L', verb: List, help: "list the table, a service or the connections"},
	{long: "list", letter: 'l', verb: List},
	{long: "zero", letter: 'Z', verb: Zero, help: "zero the counters of a service or of all"},
	{long: "set", verb: SetTimeouts, argument: "TCP TCPFIN UDP", help: "set the timeouts of connections (seconds, 0 keeps)"},
	{long: "start-daemon", takes: value, verb: StartDaemon, argument: "master|backup",
		help: "start a connection-synchronization daemon", set: (*parser).setStartDaemon},
	{long: "stop-daemon", takes: value, verb: StopDaemon, argument: "master|backup",
		help: "stop a connection-synchronization daemon", set: (*parser).setStopDaemon},
	{long: "help", letter: 'h', verb: Help, help: "print this"},
	{long: "version", letter: 'v', verb: Version, help: "print the version"},

	{long: "tcp-service", letter: 't', takes: value, parameter: serviceAddress, argument: "ADDRESS[:PORT]",
		help: "virtual service of TCP", set: (*parser).setTCPService},
	{long: "udp-service", letter: 'u', takes: value, parameter: serviceAddress, argument: "ADDRESS[:PORT]",
		help: "virtual service of UDP", set: (*parser).setUDPService},
	{long: "sctp-service", takes: value, parameter: serviceAddress, argument: "ADDRESS[:PORT]",
		help: "virtual service of SCTP", set: (*parser).setSCTPService},
	{long: "fwmark-service", letter: 'f', takes: value, parameter: serviceAddress, argument: "MARK",
		help: "virtual service of a firewall mark", set: (*parser).setMarkService},
	{long: "ipv6", letter: '6', help: "the mark's packets are IPv6; after -f", set: (*parser).setIPv6},

	{long: "scheduler", letter: 's', takes: value, parameter: scheduler, argument: "NAME",
		help: "rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, sed, nq, fo, ovf or mh", set: (*parser).setScheduler},
	{long: "sched-flags", letter: 'b', takes: value, parameter: schedulerFlags, argument: "FLAG,...",
		help: "sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3", set: (*parser).setSchedulerFlags},
	{long: "persistent", letter: 'p', takes: optional, parameter: persistent, argument: "[SECONDS]",
		help: "keep a client with its server (default 360 s)", set: (*parser).setPersistent},
	{long: "netmask", letter: 'M', takes: value, parameter: netmask, argument: "MASK",
		help: "clients that persistence takes for one; IPv6: prefix length", set: (*parser).setNetmask},
	{long: "pe", takes: value, parameter: engine, argument: "ENGINE",
		help: "persistence engine (sip)", set: (*parser).setEngine},
	{long: "ops", letter: 'o', parameter: onePacket, help: "schedule each packet by itself (UDP)", set: (*parser).setOnePacket},

	{long: "real-server", letter: 'r', takes: value, parameter: realServer, argument: "ADDRESS[:PORT]",
		help: "real server", set: (*parser).setRealServer},
	{long: "gatewaying", letter: 'g', parameter: forwarding, help: "direct routing (default)", set: (*parser).setGatewaying},
	{long: "ipip", letter: 'i', parameter: forwarding, help: "tunneling", set: (*parser).setTunneling},
	{long: "masquerading", letter: 'm', parameter: forwarding, help: "network address translation", set: (*parser).setMasquerading},
	{long: "weight", letter: 'w', takes: value, parameter: weight, argument: "WEIGHT",
		help: "capacity beside the other servers (default 1)", set: (*parser).setWeight},
	{long: "u-threshold", letter: 'x', takes: value, parameter: upperThreshold, argument: "CONNECTIONS",
		help: "take no new ones above", set: (*parser).setUpperThreshold},
	{long: "l-threshold", letter: 'y', takes: value, parameter: lowerThreshold, argument: "CONNECTIONS",
		help: "take new ones again below", set: (*parser).setLowerThreshold},
	{long: "tun-type", takes: value, parameter: tunnelType, argument: "TYPE",
		help: "ipip (default), gue or gre", set: (*parser).setTunnelType},
	{long: "tun-port", takes: value, parameter: tunnelPort, argument: "PORT", help: "UDP port of gue", set: (*parser).setTunnelPort},
	{long: "tun-nocsum", parameter: tunnelNoChecksum, help: "no checksum (default)", set: (*parser).setTunnelNoChecksum},
	{long: "tun-csum", parameter: tunnelChecksum, help: "checksum (gue, gre)", set: (*parser).setTunnelChecksum},
	{long: "tun-remcsum", parameter: tunnelRemoteChecksum, help: "remote checksum offload (gue)", set: (*parser).setTunnelRemoteChecksum},

	{long: "numeric", letter: 'n', parameter: numeric, help: "addresses and ports as numbers", set: (*parser).setNumeric},
	{long: "connection", letter: 'c', parameter: connection, help: "list connections", set: (*parser).setConnection},
	{long: "timeout", parameter: timeout, help: "list the timeouts of connections", set: (*parser).setTimeout},
	{long: "daemon", parameter: daemon, help: "list the synchronization daemons", set: (*parser).setDaemon},
	{long: "stats", parameter: stats, help: "columns of counters", set: (*parser).setStats},
	{long: "rate", parameter: rate, help: "columns of rates a second", set: (*parser).setRate},
	{long: "exact", letter: 'X', parameter: exact, help: "counters in full", set: (*parser).setExact},
	{long: "thresholds", parameter: thresholds, help: "columns of thresholds", set: (*parser).setThresholds},
	{long: "persistent-conn", parameter: persistentConn,
		help: "a column of persistent connections; with -c, the engine's data", set: (*parser).setPersistentConn},
	{long: "tun-info", parameter: tunnelInfo, help: "a column of tunnels", set: (*parser).setTunnelInfo},
	{long: "nosort", parameter: noSort, help: "in the kernel's order", set: (*parser).setNoSort},
	{long: "sort", help: "sorted, which is the default", set: (*parser).setSort},
	{long: "format", takes: value, parameter: listingFormat, argument: strings.Join(format.Names(), "|"),
		help: "for programs, or in columns as wide as what is in them", set: (*parser).setFormat},

	{long: "syncid", takes: value, parameter: syncID, argument: "ID",
		help: "0 to 255; a backup hears only its own, 0 hears all", set: (*parser).setSyncID},
	{long: "sync-maxlen", takes: value, parameter: syncMaxLength, argument: "BYTES",
		help: "longest synchronization message", set: (*parser).setSyncMaxLength},
	{long: "mcast-interface", takes: value, parameter: mcastInterface, argument: "INTERFACE",
		help: "network interface", set: (*parser).setMcastInterface},
	{long: "mcast-group", takes: value, parameter: mcastGroup, argument: "ADDRESS",
		help: "multicast address (default 224.0.0.81)", set: (*parser).setMcastGroup},
	{long: "mcast-port", takes: value, parameter: mcastPort, argument: "PORT",
		help: "UDP port (default 8848)", set: (*parser).setMcastPort},
	{long: "mcast-ttl", takes: value, parameter: mcastTTL, argument: "TTL",
		help: "time to live (default 1)", set: (*parser).setMcastTTL},

	{long: "netns", takes: value, argument: "NAME|PATH",
		help: "work in that network namespace; may come first", set: (*parser).setNamespace},
}

func longOption(name string) *option {
	for i := range options {
		if options[i].long == name {
			return &options[i]
		}
	}
	return nil
}

// letters is where each letter stands in the table, which a restore asks for five times a line.
var letters [256]*option

func init() {
	for i := range options {
		letters[options[i].letter] = &options[i]
	}
	letters[0] = nil // none
}

func letterOption(letter byte) *option { return letters[letter] }
