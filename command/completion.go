package command

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ipvsadm/ipvs"
	"ipvsadm/ipvs/netns"
)

// Candidate is a word that may stand on a command line.
type Candidate struct {
	Word string
	Help string
}

// Files stands for the names of files.
const Files = ":files"

// Complete returns what the current word, of which a part may be there, can become after the words before it. It calls
// table, for the services in the kernel now, if it needs them.
func Complete(before []string, current string, table func() []ipvs.Entry, port func(name, protocol string) (uint16, bool)) []Candidate {
	t := readTyped(before, port)
	t.table = table
	if t.pending != nil {
		return beginning(current, "", t.values(t.pending, current))
	}
	if name, text, ok := strings.Cut(current, "="); ok && strings.HasPrefix(name, "--") {
		if o := longOption(name[2:]); o != nil && o.takes != nothing {
			return beginning(current, name+"=", t.values(o, text))
		}
		return nil
	}
	if current != "" && !strings.HasPrefix(current, "-") {
		return nil
	}
	return beginning(current, "", t.options(strings.HasPrefix(current, "--")))
}

// typed is what there is of a command line.
type typed struct {
	parser  parser
	pending *option // whose value comes next
	table   func() []ipvs.Entry
}

// readTyped reads words as far as they can be understood. Only numbers are understood: no name is looked up for it.
func readTyped(words []string, port func(name, protocol string) (uint16, bool)) *typed {
	t := new(typed)
	t.parser.words.rest = words
	t.parser.lookup = Lookup{
		Host: func(string) (netip.Addr, error) { return netip.Addr{}, errors.New("not looked up") },
		Port: port,
	}
	for {
		found, value, _, _, err := t.parser.words.next()
		if found == nil || err != nil {
			t.pending = found
			return t
		}
		if found.verb != None && t.parser.command.Verb == None {
			t.parser.command.Verb = found.verb
		}
		t.parser.given |= setOf(found.parameter)
		if found.set != nil {
			_ = found.set(&t.parser, value) // a wrong value is none of ours
		}
	}
}

// options returns the options that may come next: commands first, then what goes with the command and is not there yet.
// They are long, or else as short as they can be.
func (t *typed) options(long bool) []Candidate {
	var candidates []Candidate
	for i := range options {
		o := &options[i]
		if o.help == "" || !t.fits(o) {
			continue
		}
		word := "--" + o.long
		if o.letter != 0 && !long {
			word = "-" + string(o.letter)
		}
		candidates = append(candidates, Candidate{word, o.help})
	}
	return candidates
}

func (t *typed) fits(o *option) bool {
	verb := t.parser.command.Verb
	switch {
	case o.long == namespaceOption[2:]:
		return true
	case o.verb != None || verb == None:
		return o.verb != None && verb == None
	case o.parameter == noParameter && o.long == "ipv6":
		return t.parser.command.Service.Mark != 0
	case o.parameter == noParameter:
		return verb == List // --sort
	}
	l, given := legalityOfVerb(verb), t.parser.given
	switch {
	case given.has(o.parameter):
		return false
	case l.exclusive.has(o.parameter):
		return given&l.exclusive == 0
	default:
		return (l.allowed | l.required).has(o.parameter)
	}
}

// schedulers is every scheduler of the kernel's, in the order of the help text.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}

// values returns what an option may have for a value, where that can be told. The text is what there is of it.
func (t *typed) values(o *option, text string) []Candidate {
	switch o.parameter {
	case serviceAddress:
		return t.services(o, t.table())
	case realServer:
		return t.servers(t.table())
	case scheduler:
		return plain(schedulers)
	case schedulerFlags:
		return t.flags(text)
	case tunnelType:
		return plain([]string{ipvs.IPIP.String(), ipvs.GUE.String(), ipvs.GRE.String()})
	case engine:
		return plain([]string{"sip"})
	case mcastInterface:
		return plain(interfaces())
	}
	switch {
	case o.long == namespaceOption[2:] && strings.Contains(text, "/"):
		return []Candidate{{Word: Files}}
	case o.long == namespaceOption[2:]:
		return plain(netns.Names())
	case strings.ToUpper(o.argument) != o.argument: // such as "json|table": words to be typed as they are
		return plain(strings.Split(o.argument, "|"))
	default:
		return nil
	}
}

// services returns the services that an option can name.
func (t *typed) services(o *option, table []ipvs.Entry) []Candidate {
	var candidates []Candidate
	for i := range table {
		id := table[i].ServiceID
		// The option's own setter says what it would name.
		word := id.Address.String()
		if id.Mark != 0 {
			word = strconv.FormatUint(uint64(id.Mark), 10)
		}
		other := parser{lookup: t.parser.lookup}
		err := o.set(&other, word)
		named := other.command.Service.ServiceID
		named.Family = id.Family // which -6 tells of a mark
		if err == nil && named == id {
			candidates = append(candidates, Candidate{word, table[i].Scheduler + ", " + servers(len(table[i].Destinations))})
		}
	}
	return slices.CompactFunc(candidates, func(a, b Candidate) bool { return a.Word == b.Word })
}

func servers(n int) string {
	if n == 1 {
		return "1 server"
	}
	return strconv.Itoa(n) + " servers"
}

// servers returns the real servers of the service that is named.
func (t *typed) servers(table []ipvs.Entry) []Candidate {
	var candidates []Candidate
	for i := range table {
		if table[i].ServiceID != t.parser.command.Service.ServiceID {
			continue
		}
		for _, d := range table[i].Destinations {
			candidates = append(candidates, Candidate{d.Address.String(), "weight " + strconv.FormatUint(uint64(d.Weight), 10)})
		}
	}
	return candidates
}

// flags returns the flags of the scheduler that is named, or of all, after those that the text has already.
func (t *typed) flags(text string) []Candidate {
	done := text[:strings.LastIndexByte(text, ',')+1]
	named := t.parser.command.Service.Scheduler
	var candidates []Candidate
	for _, flag := range schedulerFlagNames {
		fits := flag.scheduler == "" || named == "" || flag.scheduler == named
		if fits && !slices.Contains(strings.Split(done, ","), flag.name) {
			candidates = append(candidates, Candidate{Word: done + flag.name})
		}
	}
	return candidates
}

func interfaces() []string {
	var names []string
	found, _ := net.Interfaces()
	for _, i := range found {
		names = append(names, i.Name)
	}
	return names
}

func plain(words []string) []Candidate {
	var candidates []Candidate
	for _, word := range words {
		candidates = append(candidates, Candidate{Word: word})
	}
	return candidates
}

// beginning returns the candidates, each behind a prefix, that begin with what there is of the word.
func beginning(current, prefix string, candidates []Candidate) []Candidate {
	var fitting []Candidate
	for _, c := range candidates {
		c.Word = prefix + c.Word
		if strings.HasPrefix(c.Word, current) || c.Word == Files {
			fitting = append(fitting, c)
		}
	}
	return fitting
}
