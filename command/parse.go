package command

import (
	"errors"
	"net/netip"
	"time"

	"ipvsadm/ipvs"
)

// Lookup turns names into addresses and ports. The protocols are called "tcp", "udp" and "sctp".
type Lookup struct {
	Host func(name string) (netip.Addr, error)
	Port func(name, protocol string) (uint16, bool)
}

// Parse reads a command line without its first word, which is the program's name. No words at all ask for a listing. Its
// errors are of type *Error; the Command then holds the words before the mistake.
func Parse(program string, words []string, lookup Lookup) (Command, error) {
	return new(Parser).Parse(program, words, lookup)
}

// Parser reads command lines one after the other, in memory that it allocates once, which saves 5 % of a restore. The
// zero value is ready.
//
// It reads a line in three passes: words become options, options set fields of the command, and checks look at the whole.
// The first two take turns, because the original reports the first mistake of either.
type Parser struct {
	words   wordReader
	lookup  Lookup
	command Command
	given   properties // that options set
	flags   string     // the value of -b
	grammar *grammar   // the same for every line
}

// Parse reads a command line as the function of that name does.
func (p *Parser) Parse(program string, words []string, lookup Lookup) (Command, error) {
	if len(words) == 0 {
		return Command{Kind: List}, nil
	}
	p.begin(words, lookup)
	err := p.parse(program)
	var parseError *Error
	if errors.As(err, &parseError) {
		parseError.Hints = hints(words, lookup)
	}
	return p.command, err
}

// begin forgets the line before and sets the defaults.
func (p *Parser) begin(words []string, lookup Lookup) {
	if p.grammar == nil {
		p.grammar = newGrammar()
	}
	*p = Parser{words: wordReader{options: &p.grammar.letters, rest: words}, lookup: lookup, grammar: p.grammar}
	p.command.Server.Weight = 1
	p.command.Server.Forwarding = ipvs.DirectRouting
}

func (p *Parser) parse(program string) error {
	first, text, _, err := p.words.next()
	if err != nil || first == nil || first.kind == None {
		return syntaxError("Try `%s -h' or '%s --help' for more information.", program, program)
	}
	p.command.Kind = first.kind
	if first.kind == Help || first.kind == Version {
		return nil
	}
	if first.set != nil {
		if err := first.set(p, first, text); err != nil {
			return err
		}
	}
	if err := p.setOptions(); err != nil {
		return err
	}
	if err := p.finish(); err != nil {
		return err
	}
	return p.grammar.check(&p.command, p.given)
}

// setOptions sets what the options behind the command set, in their order.
func (p *Parser) setOptions() error {
	for {
		found, text, word, err := p.words.next()
		switch {
		case err != nil:
			return err
		case found == nil:
			return nil
		case found.kind != None:
			return usageError("invalid option `%s'", word)
		}
		if err := p.setOption(found, text); err != nil {
			return err
		}
	}
}

// setOption sets the property of an option, unless another option set it.
func (p *Parser) setOption(o *option, text string) error {
	if o.property != 0 {
		if p.given.has(o.property) {
			return usageError("multiple '%s' options specified", o.propertyName())
		}
		p.given |= 1 << o.property
	}
	return o.set(p, o, text)
}

// finish sets what depends on several options, and takes the words that belong to none.
func (p *Parser) finish() error {
	if p.command.Kind == SetTimeouts {
		if err := p.setTimeouts(); err != nil {
			return err
		}
	}
	if len(p.words.others) > 0 {
		return usageError("unexpected argument %s", p.words.others[0])
	}
	c := &p.command
	if c.Service.Scheduler == "" {
		c.Service.Scheduler = "wlc"
	}
	if (c.Kind == AddServer || c.Kind == EditServer) && c.Server.Forwarding != ipvs.Masquerading && c.Service.Mark == 0 {
		c.Server.Address = withPort(c.Server.Address, c.Service.Address.Port())
	}
	return p.finishSchedulerFlags()
}

// setTimeouts takes the three words of --set.
func (p *Parser) setTimeouts() error {
	others := p.words.others
	if len(others) < 3 {
		return usageError("--set option requires 3 timeout values")
	}
	t := &p.command.Timeouts
	for i, timeout := range []*time.Duration{&t.TCP, &t.TCPFin, &t.UDP} {
		seconds, ok := parseNumber(others[i], 0, maxTimeout)
		if !ok {
			return usageError("invalid timeout value `%s' specified", others[i])
		}
		*timeout = time.Duration(seconds) * time.Second
	}
	p.words.others = others[3:]
	return nil
}
