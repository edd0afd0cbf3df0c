package command

import (
	"slices"
	"strings"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// hints returns the likely causes of a usage error, each with what to type instead. One line may have several: after
// each that can be mended it reads the mended line on.
func hints(arguments []string, lookup Lookup) []string {
	var found []string
	var words []string
	for _, word := range arguments {
		fixed, hint := cleaned(word)
		if hint != "" {
			found = append(found, hint)
		}
		for _, word := range fixed {
			if spread, ok := fromAddress(word); ok {
				found = append(found, "a space is missing: type "+strings.Join(spread, " "))
				words = append(words, spread...)
				continue
			}
			if mended, ok := withTwoDashes(word); ok {
				found = append(found, "a long option has two dashes: type "+mended)
				word = mended
			}
			words = append(words, word)
		}
	}
	const mostRepairs = 5
	for range mostRepairs {
		r := read(words, lookup)
		if r.stopped < 0 {
			r.explainScheduler()
			return append(found, r.hints...)
		}
		hint, mended := repair(words, r.stopped)
		if hint != "" {
			found = append(found, hint)
		}
		if mended == nil {
			return append(found, r.hints...)
		}
		words = mended
	}
	return found
}

// withTwoDashes returns a long option that has one dash too few.
func withTwoDashes(word string) (string, bool) {
	name, ok := strings.CutPrefix(word, "-")
	name, _, _ = strings.Cut(name, "=")
	if !ok || len(name) < 3 || longOption(name) == nil {
		return "", false
	}
	return "-" + word, true
}

// reading is a line that is read to its end although words of it are wrong.
type reading struct {
	parser
	typed   map[parameter]*option // the options as they were typed
	values  map[parameter]string  // and their values
	failed  parameters            // those with wrong values
	hints   []string
	stopped int // the index of a word that cannot be read, or -1
}

func read(words []string, lookup Lookup) *reading {
	r := &reading{typed: map[parameter]*option{}, values: map[parameter]string{}, stopped: -1}
	r.begin(words, lookup)
	if len(words) == 0 {
		return r
	}
	found, value, _, _, err := r.words.next()
	if err != nil && found != nil {
		r.missing(found)
		return r
	}
	if err != nil || found == nil || found.verb == None {
		r.stopped = 0
		return r
	}
	r.command.Verb = found.verb
	if found.set != nil {
		r.setAndExplain(found, value)
	}
	if !r.readOptions(words) {
		return r
	}
	r.explainOthers(words)
	if r.explainLegality(); len(r.hints) == 0 {
		r.explainChecks()
	}
	return r
}

// readOptions reads the options behind the command. It returns false where it could not go on.
func (r *reading) readOptions(words []string) bool {
	for {
		found, value, given, _, err := r.words.next()
		switch {
		case err != nil && found != nil:
			r.missing(found)
			return false
		case err != nil:
			r.stopped = len(words) - len(r.words.rest) - 1
			return false
		case found == nil:
			return true
		case found.verb != None:
			r.explainSecondCommand(found)
			return false
		}
		if found.parameter != noParameter {
			r.given |= setOf(found.parameter)
		}
		if found.takes == optional && !given {
			value = defaultPersistence
		}
		r.setAndExplain(found, value)
	}
}

func (r *reading) hint(text string, arguments ...any) {
	if hint := message(text, arguments); !slices.Contains(r.hints, hint) {
		r.hints = append(r.hints, hint)
	}
}

// missing explains the last option of a line, which lacks its value.
func (r *reading) missing(o *option) {
	if o.parameter == netmask && (r.command.Verb == AddServer || r.command.Verb == EditServer) {
		r.hint("-M is the netmask of persistence: masquerading is -m")
		return
	}
	r.hint("%s takes a value, %s: is a variable empty?", o.name(), o.argument)
}

// name returns an option as it is typed.
func (o *option) name() string {
	if o.letter != 0 {
		return "-" + string(o.letter)
	}
	return "--" + o.long
}

// setAndExplain sets what an option sets. If its value is wrong it says why.
func (r *reading) setAndExplain(o *option, value string) {
	r.typed[o.parameter], r.values[o.parameter] = o, value
	if o.set(&r.parser, value) == nil {
		return
	}
	r.failed |= setOf(o.parameter)
	if o.takes == nothing {
		r.explainIPv6()
		return
	}
	if optionLike(value) && !r.words.ended {
		// The value was left out, or is an empty variable: the next option was taken for it.
		r.words.rest = append([]string{value}, r.words.rest...)
		if o.parameter == netmask && (r.command.Verb == AddServer || r.command.Verb == EditServer) {
			r.hint("-M is the netmask of persistence: masquerading is -m")
			return
		}
		r.hint("%s takes a value, %s, and %s was taken for it: is a variable empty?", o.name(), o.argument, value)
		return
	}
	if value == "" {
		r.hint("the value of %s is empty: is a variable unset?", o.name())
		return
	}
	r.explainValue(o, value)
}

// explainScheduler is about a name that the kernel would refuse next.
func (r *reading) explainScheduler() {
	name := r.command.Service.Scheduler
	if known, ok := meantName(name, schedulers); ok && known != name {
		r.hint("type -s %s", known)
	}
}

func (r *reading) explainIPv6() {
	if r.given.has(serviceAddress) {
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
	switch o.parameter {
	case serviceAddress:
		if o.letter != 'f' {
			protocol := map[string]ipvs.Protocol{"tcp-service": ipvs.TCP, "udp-service": ipvs.UDP, "sctp-service": ipvs.SCTP}[o.long]
			r.hints = append(r.hints, r.lookup.whyNot(value, protocol)...)
			return
		}
		r.explainMark(value)
	case realServer:
		protocol := r.command.Service.Protocol
		if r.command.Service.Mark != 0 {
			protocol = ipvs.TCP
		}
		r.hints = append(r.hints, r.lookup.whyNot(value, protocol)...)
	case netmask:
		r.explainMask(value)
	case persistent:
		r.hint("-p takes a number of seconds from 1 to %d, not %s", maxTimeout, quoted(value))
	case weight, upperThreshold, lowerThreshold:
		r.hint("%s takes a whole number from 0 to %d, not %s", o.name(), maxInt, quoted(value))
	case tunnelPort, mcastPort:
		r.hint("%s takes a number from 1 to 65535, not %s", o.name(), quoted(value))
	case mcastTTL:
		r.hint("%s takes a number from 1 to 255, not %s", o.name(), quoted(value))
	case syncID:
		r.hint("%s takes a number from 0 to 255, not %s", o.name(), quoted(value))
	case syncMaxLength:
		r.hint("%s takes a number of bytes from 1 to 65507, not %s", o.name(), quoted(value))
	case mcastGroup:
		r.hint("%s takes a multicast address, such as 224.0.0.81 or ff02::81, not %s", o.name(), quoted(value))
	case tunnelType:
		r.oneOf(o, value, "ipip", "gue", "gre")
	case listingFormat:
		r.oneOf(o, value, format.Names()...)
	case noParameter:
		if o.verb == StartDaemon || o.verb == StopDaemon {
			r.oneOf(o, value, ipvs.Master.String(), ipvs.Backup.String())
		}
	}
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

func (r *reading) explainMark(value string) {
	switch verb := r.command.Verb; verb {
	case Save:
		r.hint("-f is a firewall mark here: to save to a file type ipvsadm save -f %s", value)
		return
	case Restore:
		r.hint("-f is a firewall mark here: to restore a file type ipvsadm restore -f %s", value)
		return
	}
	r.hint("-f takes a firewall mark, a decimal number from 1 to 4294967295, not %s", quoted(value))
}

func (r *reading) explainMask(value string) {
	bits, isLength := parseNumber(strings.TrimPrefix(value, "/"), 1, 32)
	switch {
	case r.command.Verb == AddServer || r.command.Verb == EditServer:
		r.hint("-M is the netmask of persistence: masquerading is -m")
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
	return ipvs.Netmask(^uint32(0) << (32 - bits)).Address().String()
}

func (r *reading) explainSecondCommand(second *option) {
	l := legalityOfVerb(r.command.Verb)
	if other := letterOption(second.letter ^ ('a' ^ 'A')); second.letter != 0 && other != nil && other.parameter != noParameter &&
		(l.required | l.allowed | l.exclusive).has(other.parameter) {
		r.hint("%s is a command: --%s is %s", second.name(), other.long, other.name())
		return
	}
	r.hint("%s is a command, and a line has one", second.name())
}

// explainOthers says what words are that belong to no option.
func (r *reading) explainOthers(words []string) {
	others := r.words.others
	if r.command.Verb == SetTimeouts {
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
	wanted := legalityOfVerb(r.command.Verb)
	wants := func(p parameter) bool {
		return !r.given.has(p) && (wanted.required | wanted.allowed | wanted.exclusive).has(p)
	}
	switch {
	case r.command.Verb == Restore:
		r.hint("-R reads its standard input: type ipvsadm -R <%s, or ipvsadm restore -f %s to replace the table", word, word)
	case r.command.Verb == Save:
		r.hint("-S writes to its standard output: type ipvsadm -S >%s, or ipvsadm save -f %s", word, word)
	case strings.HasPrefix(word, "//"):
		r.hint("a comment begins with #, on a line of its own")
	case strings.HasPrefix(word, "#"):
		r.hint("a comment has a line of its own")
	case word == ";" || word == "&&" || word == "||" || word == "|":
		r.hint("%s is for a shell: a line of a file holds one command", word)
	case isAddress && wants(serviceAddress):
		r.hint("type -t %s for TCP, or -u %s for UDP", word, word)
		r.given |= setOf(serviceAddress)
	case isAddress && wants(realServer):
		r.hint("type -r %s", word)
		r.given |= setOf(realServer)
	case slices.Contains(schedulers, word) && wants(scheduler):
		r.hint("type -s %s", word)
	case isNumber && (before == r.values[serviceAddress] || before == r.values[realServer]) && before != "" && !strings.Contains(before, ":"):
		r.hint("an address and its port are one word: type %s:%s", before, word)
	case isNumber && (before == "-g" || before == "-i" || before == "-m") && wants(weight):
		r.hint("%s takes no value: a weight is -w %s", before, word)
	}
}

func (r *reading) explainLegality() {
	verb, l := r.command.Verb, legalityOfVerb(r.command.Verb)
	if l.check(allParameters, r.given, "", "") == nil {
		return
	}
	// The same letter in the other case may be the command that goes with these options.
	self := optionOfVerb(verb)
	if other := letterOption(self.letter ^ ('a' ^ 'A')); other != nil && other.verb != None && r.given != 0 &&
		legalityOfVerb(other.verb).check(allParameters, r.given, "", "") == nil {
		r.hint("to %s type %s", other.help, other.name())
		return
	}
	for p := range ((l.required | r.given) & allParameters).all() {
		switch {
		case l.required.has(p) && r.given.has(p), (l.allowed | l.exclusive).has(p):
		case p == serviceAddress && !r.given.has(p):
			r.hint("the service-address is -t ADDRESS:PORT (TCP), -u ADDRESS:PORT (UDP), --sctp-service ADDRESS:PORT or -f MARK")
		case p == realServer && !r.given.has(p):
			r.hint("the real-server is -r ADDRESS:PORT")
		case p == netmask && (verb == AddServer || verb == EditServer):
			r.hint("-M is the netmask of persistence: masquerading is -m")
		case r.given.has(p) && !r.failed.has(p):
			r.hint("%s goes with %s", r.typed[p].name(), listed(verbsWith(p), "and"))
		}
	}
}

// verbsWith returns the commands that a parameter goes with, as they are typed.
func verbsWith(p parameter) []string {
	var with []string
	for verb := AddService; verb < Help; verb++ {
		if l := legalityOfVerb(verb); (l.required | l.allowed | l.exclusive).has(p) {
			with = append(with, optionOfVerb(verb).name())
		}
	}
	return with
}

func optionOfVerb(verb Verb) *option {
	for i := range options {
		if options[i].verb == verb {
			return &options[i]
		}
	}
	return nil
}

// explainChecks says why well-formed options do not go together.
func (r *reading) explainChecks() {
	service := r.command.Service
	if r.readSchedulerFlags() != nil {
		r.explainFlags()
		return
	}
	switch r.command.Verb {
	case AddService, EditService:
		if service.Mark == 0 && service.Address.Port() == 0 && service.Flags&ipvs.Persistent == 0 && service.Address.IsValid() {
			r.explainPort()
		}
		if service.Flags&ipvs.OnePacket != 0 && service.Mark == 0 && service.Protocol != ipvs.UDP {
			r.hint("-o goes with -u ADDRESS:PORT and -f MARK")
		}
	case AddServer, EditServer:
		tunnels := setOf(tunnelType, tunnelPort, tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum)
		if r.given&tunnels != 0 && r.command.Server.Forwarding != ipvs.Tunneling {
			r.hint("tunnel options go with -i")
		}
	}
}

// explainPort is about a service without a port.
func (r *reading) explainPort() {
	typed := r.values[serviceAddress]
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

// repair returns what is wrong with the word at an index, at which reading stopped, and the line with it mended, nil if
// there are several ways to do so.
func repair(words []string, at int) (hint string, mended []string) {
	word := words[at]
	with := func(fixed ...string) []string { return slices.Concat(words[:at], fixed, words[at+1:]) }
	if strings.HasPrefix(word, "-") && len(word) > 2 && word[1] != '-' {
		if spread, ok := apart(word); ok {
			return "a space is missing: type " + strings.Join(spread, " "), with(spread...)
		}
	}
	if at == 0 {
		if hint, mended := repairCommand(words); hint != "" {
			return hint, mended
		}
	}
	switch name, long := strings.CutPrefix(word, "--"); {
	case long:
		return repairLong(words, at, name)
	case word == "" || word[0] != '-':
		return "", nil
	case strings.HasSuffix(word, "j") && allOptions(word[1:len(word)-1]):
		fixed := []string{"--format", "json"}
		if len(word) > 2 {
			fixed = slices.Insert(fixed, 0, word[:len(word)-1])
		}
		return "type " + strings.Join(fixed, " "), with(fixed...)
	default:
		if fixed, ok := inOtherCase(word); ok {
			return "letters are upper or lower case: type " + fixed, with(fixed)
		}
		return "", nil
	}
}

// allOptions reports whether every letter is an option.
func allOptions(letters string) bool {
	for i := range len(letters) {
		if letterOption(letters[i]) == nil {
			return false
		}
	}
	return true
}

func repairLong(words []string, at int, name string) (hint string, mended []string) {
	name, value, hasValue := strings.Cut(name, "=")
	with := func(fixed ...string) []string { return slices.Concat(words[:at], fixed, words[at+1:]) }
	if longOption(name) != nil {
		return "", nil // that it takes no value the message says
	}
	switch {
	case format.Known(name):
		return "type --format " + name, with("--format", name)
	case name == "file":
		verb := map[bool]string{true: "restore", false: "save"}[slices.Contains(words, "-R") || slices.Contains(words, "--restore")]
		return "--file goes with the words save and restore: type ipvsadm " + verb + " --file FILE", nil
	}
	near := similar(name, longNames(at == 0))
	if at == 0 && len(near) == 0 {
		near = similar(name, longNames(false)) // and the command is missing
	}
	switch len(near) {
	case 0:
		return "", nil
	case 1:
		fixed := "--" + near[0]
		if hasValue {
			fixed += "=" + value
		}
		return "type " + fixed, with(fixed)
	default:
		return "type --" + strings.Join(near, " or --"), nil
	}
}

// synonyms are words for commands that people know from elsewhere.
var synonyms = map[string]string{
	"list": "-L", "ls": "-L", "show": "-L", "status": "-L", "print": "-L", "stats": "-L --stats", "rate": "-L --rate",
	"connections": "-L -c", "json": "-L --format json",
	"add": "-A for a virtual service, -a for a real server", "new": "-A for a virtual service, -a for a real server",
	"edit": "-E for a virtual service, -e for a real server", "change": "-E for a virtual service, -e for a real server",
	"del": "-D for a virtual service, -d for a real server", "delete": "-D for a virtual service, -d for a real server",
	"remove": "-D for a virtual service, -d for a real server", "rm": "-D for a virtual service, -d for a real server",
	"flush": "-C", "clear": "-C", "zero": "-Z",
	"dump": "save", "export": "save", "load": "restore -f FILE", "import": "restore -f FILE",
}

// repairCommand mends a line that does not begin with a command.
func repairCommand(words []string) (hint string, mended []string) {
	word := words[0]
	name := strings.TrimPrefix(word, "--")
	if word == "" {
		return "the first word is empty: is a variable unset?", nil
	}
	if !strings.HasPrefix(word, "-") || strings.HasPrefix(word, "--") {
		if typed := synonyms[name]; typed != "" && longOption(name) == nil || typed != "" && word == name {
			if !strings.Contains(typed, " for ") {
				typed = strings.Join(append([]string{typed}, words[1:]...), " ")
			}
			return "type ipvsadm " + Printable(typed), nil
		}
		if o := longOption(word); o != nil && o.verb != None {
			return "type --" + word, slices.Concat([]string{"--" + word}, words[1:])
		}
	}
	if !strings.HasPrefix(word, "-") {
		return "", nil
	}
	if fixed, ok := commandFirst(word); ok && !strings.HasPrefix(word, "--") {
		if mended := slices.Concat([]string{fixed}, words[1:]); clean(mended) {
			return "the command comes first: type " + fixed, mended
		}
	}
	for i, word := range words[1:] {
		if !optionLike(word) {
			continue
		}
		mended := slices.Concat([]string{word}, words[:i+1], words[i+2:])
		if r := read(mended, anyName); r.command.Verb != None && r.stopped < 0 && len(r.hints) == 0 {
			return "the command comes first: type ipvsadm " + strings.Join(mended, " "), mended
		}
	}
	if mended := slices.Concat([]string{"-L"}, words); optionLike(word) && clean(mended) {
		return "a command comes first: type ipvsadm " + strings.Join(mended, " "), mended
	}
	return "", nil
}

// commandFirst returns a word of letters with the command, which stands further back, in front.
func commandFirst(word string) (string, bool) {
	letters := strings.TrimPrefix(word, "-")
	for i := 1; i < len(letters); i++ {
		if found := letterOption(letters[i]); found != nil && found.verb != None {
			return "-" + letters[i:i+1] + letters[:i] + letters[i+1:], true
		}
	}
	return "", false
}

// clean reports whether a line reads without an error, whatever hosts and ports are called.
func clean(words []string) bool {
	var p parser
	return p.read("ipvsadm", words, anyName) == nil
}
