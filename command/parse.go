package command

import (
	"errors"
	"net/netip"
	"time"

	"ipvsadm/ipvs"
)

// Lookup turns names into addresses and ports. The names of protocols are "tcp", "udp" and "sctp".
type Lookup struct {
	Host func(name string) (netip.Addr, error)
	Port func(name, protocol string) (uint16, bool)
}

// Parse reads a command line without its first word, which is the program's name. No words at all ask for a listing. Its
// errors are of type *Error; the Command is then as much as was read before the mistake.
func Parse(program string, arguments []string, lookup Lookup) (Command, error) {
	return new(Parser).Parse(program, arguments, lookup)
}

// Parser reads command lines one after the other, in memory that it allocates once. The zero value is ready.
type Parser struct{ line parser }

// Parse reads a command line as the function of that name does.
func (r *Parser) Parse(program string, arguments []string, lookup Lookup) (Command, error) {
	if len(arguments) == 0 {
		return Command{Kind: List}, nil
	}
	p := &r.line
	err := p.read(program, arguments, lookup)
	var wrong *Error
	if errors.As(err, &wrong) {
		wrong.Hints = hints(arguments, lookup)
	}
	return p.command, err
}

type parser struct {
	words   words
	lookup  Lookup
	command Command
	given   decisions
	flags   string // the value of -b
}

// read reads a line of at least one word.
func (p *parser) read(program string, arguments []string, lookup Lookup) error {
	p.begin(arguments, lookup)
	return p.parse(program)
}

// begin forgets the line before.
func (p *parser) begin(arguments []string, lookup Lookup) {
	*p = parser{words: words{rest: arguments}, lookup: lookup}
	p.command.Server.Weight = 1
	p.command.Server.Forwarding = ipvs.DirectRouting
}

// parse reads a line in three passes. The words become options as they are needed, the options set what they set, in
// their order, and then the checks look at the whole.
func (p *parser) parse(program string) error {
	found, value, _, _, err := p.words.next()
	if err != nil || found == nil || found.kind == None {
		return refused("Try `%s -h' or '%s --help' for more information.", program, program)
	}
	p.command.Kind = found.kind
	if found.kind == Help || found.kind == Version {
		return nil
	}
	if found.set != nil {
		if err := found.set(p, found, value); err != nil {
			return err
		}
	}
	if err := p.readOptions(); err != nil {
		return err
	}
	return p.check()
}

func (p *parser) readOptions() error {
	for {
		found, value, given, word, err := p.words.next()
		if err != nil {
			return err
		}
		if found == nil {
			return p.finish()
		}
		if found.kind != None {
			return wrong("invalid option `%s'", word)
		}
		if found.takes == optional && !given {
			value = defaultPersistence
		}
		if err := p.setOption(found, value); err != nil {
			return err
		}
	}
}

// setOption sets what an option sets, if nothing has decided it yet.
func (p *parser) setOption(o *option, value string) error {
	if o.order != 0 {
		if p.given.has(o.order) {
			return wrong("multiple '%s' options specified", o.decided())
		}
		p.given |= 1 << o.order
	}
	return o.set(p, o, value)
}

// finish sets what depends on several options, and takes the words that belong to none.
func (p *parser) finish() error {
	if p.command.Kind == SetTimeouts {
		if err := p.takeTimeouts(); err != nil {
			return err
		}
	}
	if len(p.words.others) > 0 {
		return wrong("unexpected argument %s", p.words.others[0])
	}
	c := &p.command
	if c.Service.Scheduler == "" {
		c.Service.Scheduler = "wlc"
	}
	if (c.Kind == AddServer || c.Kind == EditServer) && c.Server.Forwarding != ipvs.Masquerading && c.Service.Mark == 0 {
		c.Server.Address = withPort(c.Server.Address, c.Service.Address.Port())
	}
	return p.readSchedulerFlags()
}

// takeTimeouts reads the three words of --set.
func (p *parser) takeTimeouts() error {
	others := p.words.others
	if len(others) < 3 {
		return wrong("--set option requires 3 timeout values")
	}
	t := &p.command.Timeouts
	for i, timeout := range []*time.Duration{&t.TCP, &t.TCPFin, &t.UDP} {
		seconds, ok := parseNumber(others[i], 0, maxTimeout)
		if !ok {
			return wrong("invalid timeout value `%s' specified", others[i])
		}
		*timeout = time.Duration(seconds) * time.Second
	}
	p.words.others = others[3:]
	return nil
}
