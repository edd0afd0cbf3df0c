package command

import (
	"slices"
	"strings"

	"ipvsadm/ipvs"
)

// explainLegality says why options do not go with the command.
func (r *reading) explainLegality() {
	l := r.grammar.commands[r.command.Kind]
	if l.check(allProperties, r.given, "", "") == nil {
		return
	}
	// The same letter in the other case may be the command that goes with these options.
	other := commandOption(r.command.Kind).otherCase()
	if other != nil && other.kind != None && r.given != 0 && r.grammar.commands[other.kind].check(allProperties, r.given, "", "") == nil {
		r.hint("to %s type %s", other.help, other.name())
		return
	}
	for property := range (l.required | r.given).all() {
		switch name := optionOf(property).propertyName(); {
		case !r.given.has(property) && name == "service-address":
			r.hint("the service-address is -t ADDRESS:PORT (TCP), -u ADDRESS:PORT (UDP), --sctp-service ADDRESS:PORT or -f MARK")
		case !r.given.has(property) && name == "real-server":
			r.hint("the real-server is -r ADDRESS:PORT")
		case !r.given.has(property), l.may().has(property), r.failed.has(property), r.meansMasquerading(optionOf(property)):
		default:
			r.hint("%s goes with %s", r.options[name].name(), listed(r.commandsWith(property), "and"))
		}
	}
}

// commandsWith returns the commands that a property goes with, as they are typed.
func (r *reading) commandsWith(property int) []string {
	var with []string
	for kind := AddService; kind < Help; kind++ {
		if r.grammar.commands[kind].may().has(property) {
			with = append(with, commandOption(kind).name())
		}
	}
	return with
}

// explainChecks says why options that go with the command do not go together.
func (r *reading) explainChecks() {
	service := r.command.Service
	switch kind := r.command.Kind; {
	case r.finishSchedulerFlags() != nil:
		r.explainSchedulerFlags()
	case kind == AddService || kind == EditService:
		if service.Mark == 0 && service.Address.Port() == 0 && service.Flags&ipvs.Persistent == 0 && service.Address.IsValid() {
			r.explainPort()
		}
		if service.Flags&ipvs.OnePacket != 0 && service.Mark == 0 && service.Protocol != ipvs.UDP {
			r.hint("-o goes with -u ADDRESS:PORT and -f MARK")
		}
	case kind == AddServer || kind == EditServer:
		if r.given&r.grammar.tunnelOptions != 0 && r.command.Server.Forwarding != ipvs.Tunneling {
			r.hint("tunnel options go with -i")
		}
	}
}

// explainPort adds hints about a service without a port.
func (r *reading) explainPort() {
	typed, host := r.values["service-address"], r.command.Service.Address.Addr()
	address, port, isUnbracketed := unbracketed(typed)
	switch {
	case strings.HasSuffix(typed, ":0") && !host.Is6():
		r.hint("a service for all ports needs -p")
	case isUnbracketed:
		r.hint("an IPv6 address with a port has brackets: type [%s]:%s", address, port)
	case host.Is6():
		r.hint("the port is missing: type [%v]:PORT, or -p for a service of all ports", host)
	default:
		r.hint("the port is missing: type %s:PORT, or -p for a service of all ports", typed)
	}
}

// explainSecondCommand adds hints about a command behind the first one.
func (r *reading) explainSecondCommand(second *option) {
	may := r.grammar.commands[r.command.Kind].may()
	if other := second.otherCase(); other != nil && may.has(other.property) {
		r.hint("%s is a command: --%s is %s", second.name(), other.long, other.name())
		return
	}
	r.hint("%s is a command, and a line has one", second.name())
}

// explainOthers adds hints about the first word that belongs to no option.
func (r *reading) explainOthers(words []string) {
	if r.command.Kind == SetTimeouts && r.setTimeouts() != nil {
		r.hint("type --set and three numbers of seconds from 0 to %d: --set TCP TCPFIN UDP", maxTimeout)
		return
	}
	if len(r.words.others) == 0 {
		return
	}
	word, before := r.words.others[0], ""
	if i := slices.Index(words, word); i > 0 {
		before = words[i-1]
	}
	_, isNumber := parseNumber(word, 0, 65535)
	switch {
	case r.command.Kind == Restore:
		r.hint("-R reads its standard input: type ipvsadm -R <%s, or ipvsadm restore -f %s to replace the table", word, word)
	case r.command.Kind == Save:
		r.hint("-S writes to its standard output: type ipvsadm -S >%s, or ipvsadm save -f %s", word, word)
	case strings.HasPrefix(word, "//"):
		r.hint("a comment begins with #, on a line of its own")
	case strings.HasPrefix(word, "#"):
		r.hint("a comment has a line of its own")
	case word == ";" || word == "&&" || word == "||" || word == "|":
		r.hint("%s is for a shell: a line of a file holds one command", word)
	case isAddress(word) && r.lacks("tcp-service"):
		r.hint("type -t %s for TCP, or -u %s for UDP", word, word)
		r.given |= 1 << longOption("tcp-service").property
	case isAddress(word) && r.lacks("real-server"):
		r.hint("type -r %s", word)
		r.given |= 1 << longOption("real-server").property
	case slices.Contains(schedulers, word) && r.lacks("scheduler"):
		r.hint("type -s %s", word)
	case isNumber && before != "" && !strings.Contains(before, ":") &&
		(before == r.values["service-address"] || before == r.values["real-server"]):
		r.hint("an address and its port are one word: type %s:%s", before, word)
	case isNumber && (before == "-g" || before == "-i" || before == "-m") && r.lacks("weight"):
		r.hint("%s takes no value: a weight is -w %s", before, word)
	}
}

// isAddress reports whether a word can only be an IP address, perhaps with a port.
func isAddress(word string) bool {
	_, _, isEndpoint := Lookup{Host: noName.Host, Port: anyName.Port}.endpoint(word, ipvs.TCP)
	return isEndpoint
}

// lacks reports whether the command goes with an option that is not there.
func (r *reading) lacks(long string) bool {
	property := longOption(long).property
	return !r.given.has(property) && r.grammar.commands[r.command.Kind].may().has(property)
}
