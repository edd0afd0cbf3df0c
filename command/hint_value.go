package command

import (
	"net"
	"slices"
	"strings"

	"ipvsadm/ipvs"
)

// explainValue says why an option does not take a value.
func (r *reading) explainValue(o *option, value string) {
	switch {
	case o.takes != nothing && optionLike(value) && !r.words.ended:
		// The value was left out, or is an empty variable, and the next option was taken for it.
		r.words.rest = append([]string{value}, r.words.rest...)
		if !r.meansMasquerading(o) {
			r.hint("%s takes a value, %s, and %s was taken for it: is a variable empty?", o.name(), o.argument, value)
		}
	case o.takes != nothing && value == "":
		r.hint("the value of %s is empty: is a variable unset?", o.name())
	case r.meansMasquerading(o):
	case o.explain != nil:
		o.explain(r, o, value)
	case o.bounds != (bounds{}):
		r.hint("%s takes a whole number%s from %d to %d, not %s", o.name(), o.bounds.of, o.bounds.low, o.bounds.high, quoted(value))
	case o.choices != nil:
		r.explainChoice(o, value)
	}
}

// explainMissing adds hints about the last option of a line, which lacks its value.
func (r *reading) explainMissing(o *option) {
	if !r.meansMasquerading(o) {
		r.hint("%s takes a value, %s: is a variable empty?", o.name(), o.argument)
	}
}

// meansMasquerading reports whether -M was typed for -m, and adds the hint.
func (r *reading) meansMasquerading(o *option) bool {
	if o.letter != 'M' || r.command.Kind != AddServer && r.command.Kind != EditServer {
		return false
	}
	r.hint("-M is the netmask of persistence: masquerading is -m")
	return true
}

func (r *reading) explainChoice(o *option, value string) {
	if near := Similar(value, o.choices); len(near) == 1 {
		r.hint("type %s %s", o.name(), near[0])
		return
	}
	r.hint("%s takes %s, not %s", o.name(), listed(o.choices, "or"), quoted(value))
}

// listed returns words as a sentence lists them.
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

func (r *reading) explainMark(_ *option, value string) {
	switch r.command.Kind {
	case Save:
		r.hint("-f is a firewall mark here: to save to a file type ipvsadm save -f %s", value)
	case Restore:
		r.hint("-f is a firewall mark here: to restore a file type ipvsadm restore -f %s", value)
	default:
		r.hint("-f takes a firewall mark, a decimal number from 1 to 4294967295, not %s", quoted(value))
	}
}

func (r *reading) explainIPv6(*option, string) {
	if r.options["service-address"] != nil {
		r.hint("-6 is for firewall marks (-f): an IPv6 address needs none")
	} else {
		r.hint("type -f MARK before -6")
	}
}

func (r *reading) explainMask(_ *option, value string) {
	prefix, hasSlash := strings.CutPrefix(value, "/")
	bits, isLength := parseNumber(prefix, 1, 32)
	switch {
	case r.command.Service.Family == ipvs.IPv6:
		r.hint("-M takes a prefix length from 1 to 128 for an IPv6 service, not %s", quoted(value))
	case hasSlash && isLength:
		r.hint("-M takes a dotted mask: type -M %s", dottedMask(int(bits)))
	default:
		r.hint("-M takes a dotted mask, such as 255.255.255.0, not %s", quoted(value))
	}
}

// dottedMask returns the mask of a prefix length.
func dottedMask(bits int) string {
	return net.IP(net.CIDRMask(bits, 32)).String()
}

func (r *reading) explainGroup(o *option, value string) {
	r.hint("%s takes a multicast address, such as 224.0.0.81 or ff02::81, not %s", o.name(), quoted(value))
}

// explainScheduler adds hints about a name that the kernel would refuse next.
func (r *reading) explainScheduler() {
	name := r.command.Service.Scheduler
	if known, ok := meantName(name, schedulers); ok && known != name {
		r.hint("type -s %s", known)
	}
}

// explainSchedulerFlags adds hints about the first bad flag of -b.
func (r *reading) explainSchedulerFlags() {
	scheduler := r.command.Service.Scheduler
	if scheduler == "" {
		scheduler = "wlc"
	}
	for name := range strings.SplitSeq(r.flags, ",") {
		i := slices.IndexFunc(schedulerFlagNames[:], func(f schedulerFlag) bool { return f.name == name })
		switch {
		case name == "":
		case i < 0:
			r.explainSchedulerFlag(name)
			return
		case schedulerFlagNames[i].scheduler != "" && schedulerFlagNames[i].scheduler != scheduler:
			r.hint("%s is a flag of -s %s, and the scheduler is %s", name, schedulerFlagNames[i].scheduler, quoted(scheduler))
			return
		}
	}
}

func (r *reading) explainSchedulerFlag(name string) {
	var all []string
	for _, f := range schedulerFlagNames {
		all = append(all, f.name)
	}
	if near := Similar(name, all); len(near) == 1 {
		r.hint("type -b %s", strings.ReplaceAll(r.flags, name, near[0]))
		return
	}
	r.hint("-b takes %s, with commas between them", strings.Join(all, ", "))
}
