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
		if found.kind != None && t.parser.command.Kind == None {
			t.parser.command.Kind = found.kind
		}
		if found.order != 0 {
			t.parser.given |= 1 << found.order
		}
		if found.set != nil {
			_ = found.set(&t.parser, found, value) // a wrong value is none of ours
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
	kind, l, given := t.parser.command.Kind, commandLegality[t.parser.command.Kind], t.parser.given
	switch {
	case o.offered != nil && !o.offered(&t.parser.command):
		return false
	case o.kind != None:
		return kind == None
	case o.commands == (fits{}): // it goes with everything
		return true
	case o.order == 0:
		return (o.commands.required | o.commands.allowed | o.commands.exclusive).has(int(kind))
	case given.has(o.order):
		return false
	case l.exclusive.has(o.order):
		return given&l.exclusive == 0
	default:
		return (l.allowed | l.required).has(o.order)
	}
}

// schedulers is every scheduler of the kernel's, in the order of the help text.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}

// values returns the values that an option may have, as far as they are known. The text is the beginning of one.
func (t *typed) values(o *option, text string) []Candidate {
	if o.values != nil {
		return o.values(t, o, text)
	}
	return plain(o.words)
}

func (t *typed) namespaces(_ *option, text string) []Candidate {
	if strings.Contains(text, "/") {
		return []Candidate{{Word: Files}}
	}
	return plain(netns.Names())
}

// services returns the services that an option can name.
func (t *typed) services(o *option, _ string) []Candidate {
	table := t.table()
	var candidates []Candidate
	for i := range table {
		id := table[i].ServiceID
		// The option's own setter says what it would name.
		word := id.Address.String()
		if id.Mark != 0 {
			word = strconv.FormatUint(uint64(id.Mark), 10)
		}
		other := parser{lookup: t.parser.lookup}
		err := o.set(&other, o, word)
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
func (t *typed) servers(*option, string) []Candidate {
	table := t.table()
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
func (t *typed) flags(_ *option, text string) []Candidate {
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

func (t *typed) interfaces(*option, string) []Candidate {
	var candidates []Candidate
	found, _ := net.Interfaces()
	for _, i := range found {
		candidates = append(candidates, Candidate{Word: i.Name})
	}
	return candidates
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
