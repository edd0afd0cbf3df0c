package restore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Plan is the difference between the kernel's table and the one that rules describe. It has four parts, in the order of
// execution.
type Plan struct {
	Source    string
	Additions []Line // add and edit services and servers, and set timeouts and daemons
	Others    []Line // the other commands of the file, such as -Z and -L
	Deletions []Line // delete servers and services
	Moves     []Line // delete and add servers, for the order of the file where it counts; executed only with Reorder
	before    table  // the kernel's side of the difference, to undo the plan
	reorder   bool
}

// Options choose the table that a plan leads to.
type Options struct {
	Keep    bool // keep services and servers that the file does not name: --noflush
	Reorder bool // move servers to where the file has them, if the order counts: --reorder
}

// ErrNoCommands is the error of rules without a command for a table that is not empty. Most often their file was lost.
var ErrNoCommands = errors.New(`no commands, and the table is not empty: nothing was changed (a line "-C" empties the table on purpose)`)

// NewPlan compares the kernel's table with the one that the rules describe. The error is a join of an *Error for each bad
// line: one that does not parse, or that cannot apply, such as a server of an unknown service.
func NewPlan(ctx context.Context, client *ipvs.Client, rules *Rules, options Options) (*Plan, error) {
	present, err := readKernel(ctx, client, rules.describesSettings())
	if err != nil {
		return nil, err
	}
	return newPlan(rules, present, options)
}

// kernelState is what a restore needs to know about the kernel.
type kernelState struct {
	entries  iter.Seq2[ipvs.Entry, error]
	timeouts ipvs.Timeouts
	daemons  []ipvs.Daemon
}

// readKernel reads the settings, which are timeouts and daemons, if the caller needs them, and begins to list the services.
func readKernel(ctx context.Context, client *ipvs.Client, settings bool) (k kernelState, err error) {
	if settings {
		if k.timeouts, err = client.Timeouts(ctx); err != nil {
			return k, err
		}
		if k.daemons, err = client.Daemons(ctx); err != nil {
			return k, err
		}
	}
	client = client.WithoutCounters()
	services, err := client.Services(ctx)
	k.entries = client.Entries(ctx, services)
	return k, err
}

func newPlan(rules *Rules, present kernelState, options Options) (*Plan, error) {
	wanted := emptyTable()
	if options.Keep {
		kept, err := ipvs.Gather(present.entries)
		if err != nil {
			return nil, err
		}
		present.entries = ipvs.Each(kept...)
		wanted.addEntries(kept...)
	}
	if err := wanted.applyAll(rules, make(excuses)); err != nil {
		return nil, err
	}
	var others []Line
	for _, line := range rules.Lines {
		if !describes(line.Command.Kind) {
			others = append(others, line)
		}
	}

	// Keep only entries that differ. Usually these are few.
	before := emptyTable()
	for entry, err := range present.entries {
		if err != nil {
			return nil, err
		}
		if len(rules.Lines) == 0 && !options.Keep {
			return nil, fmt.Errorf("%s: %w", rules.Source, ErrNoCommands)
		}
		if wanted.has(&entry) {
			delete(wanted.services, entry.ServiceID)
			continue
		}
		before.addEntries(entry)
	}
	before.addSettings(present, wanted)
	additions, deletions := difference(before, wanted)
	return &Plan{rules.Source, additions, others, deletions, moves(before, wanted), before, options.Reorder}, nil
}

// AppendRules appends the changes of the plan as lines that could be typed, with addresses and ports as numbers. Moves that
// are not wanted are comments.
func (p *Plan) AppendRules(b []byte) []byte {
	for _, lines := range [][]Line{p.Additions, p.Others, p.Deletions} {
		b = appendChanges(b, "", lines)
	}
	if text := p.Unordered(); text != "" {
		return appendChanges(append(b, "# "+text+":\n"...), "# ", p.Moves)
	}
	return appendChanges(b, "", p.Moves)
}

func appendChanges(b []byte, prefix string, lines []Line) []byte {
	for _, line := range lines {
		if _, ok := line.Command.Change(); ok {
			b = append(line.Command.AppendRule(append(b, prefix...), nil), '\n')
		}
	}
	return b
}

// Check finds the bad lines that it can find without the kernel. The error is a join of an *Error for each one. With Keep,
// a service or server that no line adds may be in the kernel's table.
func (r *Rules) Check(options Options) error {
	excused := make(excuses)
	if options.Keep {
		maps.Copy(excused, excusesMissing)
	}
	wanted := emptyTable()
	return wanted.applyAll(r, excused)
}

// describes reports whether a command describes the table that a restore makes. The other commands, such as -Z, act.
func describes(kind command.Kind) bool { return isRule(kind) || isSetting(kind) }

func isRule(kind command.Kind) bool {
	switch kind {
	case command.AddService, command.EditService, command.DeleteService, command.Clear,
		command.AddServer, command.EditServer, command.DeleteServer:
		return true
	default:
		return false
	}
}

func isSetting(kind command.Kind) bool {
	return kind == command.SetTimeouts || kind == command.StartDaemon || kind == command.StopDaemon
}

func (r *Rules) describesSettings() bool {
	return slices.ContainsFunc(r.Lines, func(line Line) bool { return isSetting(line.Command.Kind) })
}
