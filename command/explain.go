package command

import (
	"net"
	"slices"
	"strings"

	"ipvsadm/ipvs"
)

// explainScheduler is about a name that the kernel would refuse next.
func (r *reading) explainScheduler() {
	name := r.command.Service.Scheduler
	if known, ok := meantName(name, schedulers); ok && known != name {
		r.hint("type -s %s", known)
	}
}

func (r *reading) explainIPv6() {
	if r.typed["service-address"] != nil {
		r.hint("-6 is for firewall marks (-f): an IPv6 address needs none")
	} else {
		r.hint("type -f MARK before -6")
	}
}

// optionLike reports whether a word would be read as an option.
func optionLike(word string) bool {
	if name, ok := strings.CutPrefix(word, "--"); ok {
		return longOption(strings.SplitN(name, "=", 2)[0]) != nil
	}
	return len(word) >= 2 && word[0] == '-' && letterOption(word[1]) != nil
}

// explainValue says why a value is not one of its option's.
func (r *reading) explainValue(o *option, value string) {
	switch {
	case r.meansMasquerading(o):
	case o.explain != nil:
		o.explain(r, o, value)
	case o.bounds != (bounds{}):
		r.hint("%s takes a whole number%s from %d to %d, not %s", o.name(), o.bounds.of, o.bounds.low, o.bounds.high, quoted(value))
	case o.words != nil:
		r.oneOf(o, value, o.words...)
	}
}

// explainService returns the explanation of an address of a service.
func explainService(protocol ipvs.Protocol) func(*reading, *option, string) {
	return func(r *reading, _ *option, value string) {
		r.hints = append(r.hints, r.lookup.whyNot(value, protocol)...)
	}
}

func (r *reading) explainServer(_ *option, value string) {
	protocol := r.command.Service.Protocol
	if r.command.Service.Mark != 0 {
		protocol = ipvs.TCP
	}
	r.hints = append(r.hints, r.lookup.whyNot(value, protocol)...)
}

func (r *reading) explainGroup(o *option, value string) {
	r.hint("%s takes a multicast address, such as 224.0.0.81 or ff02::81, not %s", o.name(), quoted(value))
}

// oneOf names the words that an option takes, or the one that was meant.
func (r *reading) oneOf(o *option, value string, words ...string) {
	if near := similar(value, words); len(near) == 1 {
		r.hint("type %s %s", o.name(), near[0])
		return
	}
	r.hint("%s takes %s, not %s", o.name(), listed(words, "or"), quoted(value))
}

// listed returns words as a sentence lists them.
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

func (r *reading) explainMark(_ *option, value string) {
	switch kind := r.command.Kind; kind {
	case Save:
		r.hint("-f is a firewall mark here: to save to a file type ipvsadm save -f %s", value)
		return
	case Restore:
		r.hint("-f is a firewall mark here: to restore a file type ipvsadm restore -f %s", value)
		return
	}
	r.hint("-f takes a firewall mark, a decimal number from 1 to 4294967295, not %s", quoted(value))
}

func (r *reading) explainMask(_ *option, value string) {
	bits, isLength := parseNumber(strings.TrimPrefix(value, "/"), 1, 32)
	switch {
	case r.command.Service.Family == ipvs.IPv6:
		r.hint("-M takes a prefix length from 1 to 128 for an IPv6 service, not %s", quoted(value))
	case isLength && strings.HasPrefix(value, "/"):
		r.hint("-M takes a dotted mask: type -M %s", dottedMask(int(bits)))
	default:
		r.hint("-M takes a dotted mask, such as 255.255.255.0, not %s", quoted(value))
	}
}

// dottedMask returns the mask with so many leading ones.
func dottedMask(bits int) string {
	return net.IP(net.CIDRMask(bits, 32)).String()
}

func (r *reading) explainSecondCommand(second *option) {
	may := commandLegality[r.command.Kind].may()
	if other := letterOption(second.letter ^ ('a' ^ 'A')); second.letter != 0 && other != nil && other.order != 0 && may.has(other.order) {
		r.hint("%s is a command: --%s is %s", second.name(), other.long, other.name())
		return
	}
	r.hint("%s is a command, and a line has one", second.name())
}

// explainOthers explains the words that belong to no option.
func (r *reading) explainOthers(words []string) {
	others := r.words.others
	if r.command.Kind == SetTimeouts {
		if err := r.takeTimeouts(); err != nil {
			r.hint("type --set and three numbers of seconds from 0 to %d: --set TCP TCPFIN UDP", maxTimeout)
			return
		}
		others = r.words.others
	}
	if len(others) == 0 {
		return
	}
	word := others[0]
	before := ""
	if i := slices.Index(words, word); i > 0 {
		before = words[i-1]
	}
	_, isNumber := parseNumber(word, 0, 65535)
	_, isAddress := parseIPv4(word)
	_, _, isEndpoint := Lookup{Host: noName.Host, Port: anyName.Port}.endpoint(word, ipvs.TCP)
	isAddress = isAddress && !isNumber || isEndpoint
	may := commandLegality[r.command.Kind].may()
	wants := func(long string) bool {
		order := longOption(long).order
		return !r.given.has(order) && may.has(order)
	}
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
	case isAddress && wants("tcp-service"):
		r.hint("type -t %s for TCP, or -u %s for UDP", word, word)
		r.given |= 1 << longOption("tcp-service").order
	case isAddress && wants("real-server"):
		r.hint("type -r %s", word)
		r.given |= 1 << longOption("real-server").order
	case slices.Contains(schedulers, word) && wants("scheduler"):
		r.hint("type -s %s", word)
	case isNumber && (before == r.values["service-address"] || before == r.values["real-server"]) && before != "" && !strings.Contains(before, ":"):
		r.hint("an address and its port are one word: type %s:%s", before, word)
	case isNumber && (before == "-g" || before == "-i" || before == "-m") && wants("weight"):
		r.hint("%s takes no value: a weight is -w %s", before, word)
	}
}

func (r *reading) explainLegality() {
	kind, l := r.command.Kind, commandLegality[r.command.Kind]
	if l.check(allDecisions, r.given, "", "") == nil {
		return
	}
	// The same letter in the other case may be the command that goes with these options.
	self := commandOption(kind)
	if other := letterOption(self.letter ^ ('a' ^ 'A')); other != nil && other.kind != None && r.given != 0 &&
		commandLegality[other.kind].check(allDecisions, r.given, "", "") == nil {
		r.hint("to %s type %s", other.help, other.name())
		return
	}
	for order := range (l.required | r.given).all() {
		switch decided := decision(order).decided(); {
		case !r.given.has(order) && decided == "service-address":
			r.hint("the service-address is -t ADDRESS:PORT (TCP), -u ADDRESS:PORT (UDP), --sctp-service ADDRESS:PORT or -f MARK")
		case !r.given.has(order) && decided == "real-server":
			r.hint("the real-server is -r ADDRESS:PORT")
		case !r.given.has(order), l.may().has(order), r.failed.has(order), r.meansMasquerading(decision(order)):
		default:
			r.hint("%s goes with %s", r.typed[decided].name(), listed(commandsWith(order), "and"))
		}
	}
}

// commandsWith returns the commands that a decision goes with, as they are typed.
func commandsWith(order int) []string {
	var with []string
	for kind := AddService; kind < Help; kind++ {
		if commandLegality[kind].may().has(order) {
			with = append(with, commandOption(kind).name())
		}
	}
	return with
}

// explainChecks says why well-formed options do not go together.
func (r *reading) explainChecks() {
	service := r.command.Service
	if r.readSchedulerFlags() != nil {
		r.explainFlags()
		return
	}
	switch r.command.Kind {
	case AddService, EditService:
		if service.Mark == 0 && service.Address.Port() == 0 && service.Flags&ipvs.Persistent == 0 && service.Address.IsValid() {
			r.explainPort()
		}
		if service.Flags&ipvs.OnePacket != 0 && service.Mark == 0 && service.Protocol != ipvs.UDP {
			r.hint("-o goes with -u ADDRESS:PORT and -f MARK")
		}
	case AddServer, EditServer:
		if r.given&tunnelOptions != 0 && r.command.Server.Forwarding != ipvs.Tunneling {
			r.hint("tunnel options go with -i")
		}
	}
}

// explainPort is about a service without a port.
func (r *reading) explainPort() {
	typed := r.values["service-address"]
	if strings.HasSuffix(typed, ":0") && !r.command.Service.Address.Addr().Is6() {
		r.hint("a service for all ports needs -p")
		return
	}
	if address, port, ok := unbracketed(typed); ok {
		r.hint("an IPv6 address with a port has brackets: type [%s]:%s", address, port)
		return
	}
	if r.command.Service.Address.Addr().Is6() {
		typed = "[" + r.command.Service.Address.Addr().String() + "]"
	}
	r.hint("the port is missing: type %s:PORT, or -p for a service of all ports", typed)
}

func (r *reading) explainFlags() {
	for name := range strings.SplitSeq(r.flags, ",") {
		i := slices.IndexFunc(schedulerFlagNames[:], func(f schedulerFlag) bool { return f.name == name })
		switch {
		case name == "":
		case i < 0:
			var all []string
			for _, f := range schedulerFlagNames {
				all = append(all, f.name)
			}
			if near := similar(name, all); len(near) == 1 {
				r.hint("type -b %s", strings.ReplaceAll(r.flags, name, near[0]))
				return
			}
			r.hint("-b takes %s, with commas between them", strings.Join(all, ", "))
			return
		case schedulerFlagNames[i].scheduler != "" && schedulerFlagNames[i].scheduler != r.scheduler():
			r.hint("%s is a flag of -s %s, and the scheduler is %s", name, schedulerFlagNames[i].scheduler, quoted(r.scheduler()))
			return
		}
	}
}

func (r *reading) scheduler() string {
	if r.command.Service.Scheduler == "" {
		return "wlc"
	}
	return r.command.Service.Scheduler
}
