package verb

import (
	"context"
	"errors"
	"slices"
	"strings"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/restore"
)

// classic runs a command line of the original's grammar. The original reports a missing module or privilege before a bad
// command line, so the parse error waits. -h and -v need no kernel.
func (a *app) classic(ctx context.Context, words []string) error {
	c, parseErr := command.Parse(a.name, words, a.lookup(ctx))
	if parseErr == nil {
		switch c.Kind {
		case command.Help:
			return a.writeHelp()
		case command.Version:
			return a.writeVersion()
		}
	}
	k, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	if parseErr != nil {
		return a.withVerbHint(parseErr, words)
	}
	return a.executeAndRemark(ctx, k, c)
}

// withVerbHint adds a hint to a parse error without one, if the first word is a misspelled verb.
func (a *app) withVerbHint(err error, words []string) error {
	var parseError *command.Error
	if len(words) == 0 || strings.HasPrefix(words[0], "-") || !errors.As(err, &parseError) || len(parseError.Hints) > 0 {
		return err
	}
	var known []string
	for _, verb := range a.verbs() {
		known = append(known, verb.Name)
	}
	for _, name := range command.Similar(words[0], known) {
		parseError.Hints = append(parseError.Hints, "type ipvsadm "+name)
	}
	return err
}

// executeAndRemark runs a command. On a terminal, a hint follows if the command did something that people seldom want.
// Scripts get no such hint: the original prints nothing.
func (a *app) executeAndRemark(ctx context.Context, k *kernel, c command.Command) error {
	if !isTerminal(a.stderr) {
		return a.execute(ctx, k, c)
	}
	var before ipvs.Destination
	if c.NeedsServer() {
		before = serverBefore(ctx, k, c)
	}
	err := a.execute(ctx, k, c)
	if err == nil {
		a.hint(c.Remarks(before)...)
	}
	return err
}

// serverBefore returns the server that a command will edit. It returns the zero value if there is none: then the kernel
// refuses the edit.
func serverBefore(ctx context.Context, k *kernel, c command.Command) ipvs.Destination {
	entry, err := k.Entry(ctx, c.Service.ServiceID)
	if err != nil {
		return ipvs.Destination{}
	}
	i := slices.IndexFunc(entry.Destinations, func(d ipvs.ListedDestination) bool { return d.Address == c.Server.Address })
	if i < 0 {
		return ipvs.Destination{}
	}
	return entry.Destinations[i].Destination
}

// execute runs a command of the command line or of a file. A line of a file may be -h or -v too.
func (a *app) execute(ctx context.Context, k *kernel, c command.Command) error {
	switch c.Kind {
	case command.Help:
		return a.writeHelp()
	case command.Version:
		return a.writeVersion()
	case command.List:
		return failed(c.Explain(a.list(ctx, k, c)))
	case command.Save:
		return failed(a.save(ctx, k, a.stdout, c.Listing.Numeric))
	case command.Restore:
		rules, err := restore.Read(ctx, a.stdin, standardInput, a.resolver)
		if err != nil {
			return err
		}
		if err := rules.Err(); err != nil {
			return err
		}
		return restore.Execute(ctx, k.Client, standardInput, rules.Lines, a.executeLine(ctx, k))
	default:
		change, _ := c.Change() // the commands without a change are above
		return c.Explain(k.Apply(ctx, change))
	}
}

// executeLine returns a function that runs a command of a file.
func (a *app) executeLine(ctx context.Context, k *kernel) func(command.Command) error {
	return func(c command.Command) error { return a.execute(ctx, k, c) }
}
