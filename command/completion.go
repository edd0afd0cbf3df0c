package command

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ipvsadm/ipvs"
	"ipvsadm/ipvs/netns"
)

// Candidate is a word that may come next on a command line, with its description.
type Candidate struct {
	Word string
	Help string
}

// Files is a candidate that stands for the names of files.
const Files = ":files"

// Complete returns the words that may come after the words before the cursor, and that begin like the current one. It
// calls table for the services in the kernel, if it needs them.
func Complete(before []string, current string, table func() []ipvs.Entry, port func(name, protocol string) (uint16, bool)) []Candidate {
	c := newCompletion(before, table, port)
	if c.pending != nil {
		return beginning(current, "", c.values(c.pending, current))
	}
	if name, text, ok := strings.Cut(current, "="); ok && strings.HasPrefix(name, "--") {
		if o := longOption(name[2:]); o != nil && o.takes != nothing {
			return beginning(current, name+"=", c.values(o, text))
		}
		return nil
	}
	if current != "" && !strings.HasPrefix(current, "-") {
		return nil
	}
	return beginning(current, "", c.options(strings.HasPrefix(current, "--")))
}

// completion is a command line up to the cursor.
type completion struct {
	line    Parser
	pending *option // whose value comes next
	table   func() []ipvs.Entry
}

// newCompletion reads the words before the cursor. It skips bad values, and looks up no hosts, which takes time.
func newCompletion(before []string, table func() []ipvs.Entry, port func(name, protocol string) (uint16, bool)) *completion {
	c := &completion{table: table}
	c.line.begin(before, Lookup{Host: noName.Host, Port: port})
	for {
		found, text, _, err := c.line.words.next()
		if found == nil || err != nil {
			c.pending = found
			return c
		}
		if found.kind != None && c.line.command.Kind == None {
			c.line.command.Kind = found.kind
		}
		if found.property != 0 {
			c.line.given |= 1 << found.property
		}
		if found.set != nil {
			_ = found.set(&c.line, found, text)
		}
	}
}

// options returns the options that may come next: the commands, or the options of the command that are not there yet.
// They are long, or else as short as they can be.
func (c *completion) options(long bool) []Candidate {
	var candidates []Candidate
	for i := range options {
		o := &options[i]
		switch {
		case o.help == "" || !c.fits(o):
		case long || o.letter == 0:
			candidates = append(candidates, Candidate{"--" + o.long, o.help})
		default:
			candidates = append(candidates, Candidate{o.name(), o.help})
		}
	}
	return candidates
}

func (c *completion) fits(o *option) bool {
	kind, given := c.line.command.Kind, c.line.given
	switch {
	case o.offered != nil && !o.offered(&c.line.command):
		return false
	case o.kind != None:
		return kind == None
	case o.commands == nil:
		return true
	case o.property != 0 && given.has(o.property):
		return false
	case o.property != 0 && slices.Contains(o.commands.exclusive, kind):
		return given&c.line.grammar.commands[kind].exclusive == 0
	default:
		return slices.Contains(slices.Concat(o.commands.required, o.commands.allowed, o.commands.exclusive), kind)
	}
}

// schedulers are the kernel's, in the order of the help text.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}

// values returns the known values of an option. The text is the beginning of one.
func (c *completion) values(o *option, text string) []Candidate {
	if o.complete != nil {
		return o.complete(c, o, text)
	}
	return plain(o.choices)
}

func (c *completion) namespaces(_ *option, text string) []Candidate {
	if strings.Contains(text, "/") {
		return []Candidate{{Word: Files}}
	}
	return plain(netns.Names())
}

// services returns the services that an option can name.
func (c *completion) services(o *option, _ string) []Candidate {
	var candidates []Candidate
	for _, entry := range c.table() {
		id := entry.ServiceID
		word := id.Address.String()
		if id.Mark != 0 {
			word = strconv.FormatUint(uint64(id.Mark), 10)
		}
		other := Parser{lookup: c.line.lookup}
		err := o.set(&other, o, word)
		named := other.command.Service.ServiceID
		named.Family = id.Family // -6 sets that of a mark
		if err == nil && named == id {
			candidates = append(candidates, Candidate{word, entry.Scheduler + ", " + servers(len(entry.Destinations))})
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

// servers returns the real servers of the service on the line, or of every service if it has none.
func (c *completion) servers(*option, string) []Candidate {
	var candidates []Candidate
	seen := make(map[netip.AddrPort]bool)
	for _, entry := range c.table() {
		if c.line.command.HasService() && entry.ServiceID != c.line.command.Service.ServiceID {
			continue
		}
		for _, d := range entry.Destinations {
			if !seen[d.Address] {
				seen[d.Address] = true
				candidates = append(candidates, Candidate{d.Address.String(), "weight " + strconv.FormatUint(uint64(d.Weight), 10)})
			}
		}
	}
	return candidates
}

// flags returns the flags of the scheduler on the line, or of all, that the text does not have yet.
func (c *completion) flags(_ *option, text string) []Candidate {
	done := text[:strings.LastIndexByte(text, ',')+1]
	named := c.line.command.Service.Scheduler
	var candidates []Candidate
	for _, flag := range schedulerFlagNames {
		fits := flag.scheduler == "" || named == "" || flag.scheduler == named
		if fits && !slices.Contains(strings.Split(done, ","), flag.name) {
			candidates = append(candidates, Candidate{Word: done + flag.name})
		}
	}
	return candidates
}

func (c *completion) interfaces(*option, string) []Candidate {
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

// beginning returns the candidates that begin like the current word, each behind a prefix.
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
