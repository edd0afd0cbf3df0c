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

// Plan is the difference between what the kernel has and what rules describe.
type Plan struct {
	Source string
	Makes  []Line // what comes or changes: services, servers, timeouts and daemons
	Others []Line // the other commands of the file, such as -Z and -L
	Leaves []Line // servers and services that go
	before table  // what the plan changes, as it was
}

// Options say how a restore is planned.
type Options struct {
	Keep bool // what the file does not name stays: --noflush
}

// ErrNoCommands is the error of a plan of rules without a command for a table that is not empty: most often the file was
// lost, and not emptied on purpose.
var ErrNoCommands = errors.New(`no commands, and the table is not empty: nothing was changed (a line "-C" empties the table on purpose)`)

// NewPlan compares what the rules describe with what the kernel has. The error is a join of an *Error for each bad line:
// each one that does not parse, and each one that cannot apply, such as a server of an unknown service.
func NewPlan(ctx context.Context, client *ipvs.Client, rules *Rules, options Options) (*Plan, error) {
	present, err := look(ctx, client, rules.describesSettings())
	if err != nil {
		return nil, err
	}
	return newPlan(rules, present, options)
}

// kernel is what the kernel has.
type kernel struct {
	entries  iter.Seq2[ipvs.Entry, error]
	timeouts ipvs.Timeouts
	daemons  []ipvs.Daemon
}

// look reads timeouts and daemons if they are asked for, and begins to list the services.
func look(ctx context.Context, client *ipvs.Client, settings bool) (k kernel, err error) {
	if settings {
		if k.timeouts, err = client.Timeouts(ctx); err != nil {
			return k, err
		}
		if k.daemons, err = client.Daemons(ctx); err != nil {
			return k, err
		}
	}
	client.WithoutCounters = true
	k.entries, err = client.Entries(ctx, nil)
	return k, err
}

func newPlan(rules *Rules, present kernel, options Options) (*Plan, error) {
	wanted := emptyTable()
	if options.Keep {
		kept, err := ipvs.Gather(present.entries)
		if err != nil {
			return nil, err
		}
		present.entries = ipvs.Each(kept...)
		wanted.addEntries(kept...)
	}
	if err := wanted.change(rules, make(doubts)); err != nil {
		return nil, err
	}
	var others []Line
	for _, line := range rules.Lines {
		if !describes(line.Command.Kind) {
			others = append(others, line)
		}
	}

	// Of what is as it should be, which is usually nearly everything, no more is kept.
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
	makes, leaves := difference(before, wanted)
	return &Plan{Source: rules.Source, Makes: makes, Others: others, Leaves: leaves, before: before}, nil
}

// AppendRules writes the plan to b as it would be typed, a line each, with addresses and ports as numbers.
func (p *Plan) AppendRules(b []byte) []byte {
	for _, lines := range [][]Line{p.Makes, p.Others, p.Leaves} {
		for _, line := range lines {
			if _, ok := line.Command.Change(); ok {
				b = append(line.Command.AppendRule(b, nil), '\n')
			}
		}
	}
	return b
}

// Check finds the bad lines that can be found without the kernel. The error is a join of an *Error for each one. With
// Keep, a service or server that no line adds may be in the kernel's table.
func (r *Rules) Check(options Options) error {
	known := make(doubts)
	if options.Keep {
		maps.Copy(known, missing)
	}
	wanted := emptyTable()
	return wanted.change(r, known)
}

// describes reports whether a command describes the table that a restore is to make. The other commands do something.
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
