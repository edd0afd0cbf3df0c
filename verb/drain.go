package verb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/drain"
)

// These exit statuses are drain's own.
const (
	statusDeadline = 3 // the deadline was reached
	statusSetBack  = 4 // someone else set a weight, or deleted a server
)

// defaultTimeout is the deadline of a drain without --timeout.
const defaultTimeout = 15 * time.Minute

func (a *app) drainVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	timeout := &timeoutFlag{defaultTimeout}
	return &cli.Command{
		Name:      "drain",
		Usage:     "take a server out of service without breaking connections",
		UsageText: "ipvsadm drain -r SERVER[:PORT] [SERVICE] [OPTION...]\nipvsadm drain --list [--format json]",
		Flags: append(targetFlags(target),
			&cli.GenericFlag{Name: "timeout", Usage: "wait up to `TIME`, such as 90s, 15m or 2h; 0 to return at once", Value: timeout},
			choiceFlag("until", "wait for the end of these connections, by default active: `active|all`", "active", "all"),
			&cli.BoolFlag{Name: "delete", Usage: "delete the server once it is drained; with --force at the deadline too", DisableDefaultText: true},
			&cli.BoolFlag{Name: "force", Usage: "drain even where that hurts clients", DisableDefaultText: true},
			&cli.BoolFlag{Name: "dry-run", Usage: "print what drain would do, and change nothing", DisableDefaultText: true},
			&cli.BoolFlag{Name: "list", Usage: "list the servers that are drained", DisableDefaultText: true},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only", DisableDefaultText: true},
			choiceFlag("format", "print one `json` object for each event", "json"),
			colourFlag(),
		),
		Action: func(c *cli.Context) error {
			selection := selectionOf(target)
			if c.Bool("list") {
				return a.listDrains(c, selection)
			}
			if !selection.Address.IsValid() {
				return noServer()
			}
			d := &draining{app: a, c: c, request: drain.Request{
				Selection: selection, Until: drain.Until(c.String("until")), Timeout: timeout.Duration,
				Delete: c.Bool("delete"), Force: c.Bool("force"),
			}}
			if d.request.Until == "" {
				d.request.Until = drain.UntilActive
			}
			return d.run()
		},
	}
}

// selectionOf returns the servers that the flags of a verb choose.
func selectionOf(target *command.Target) (s drain.Selection) {
	s.Service, _ = target.Service()
	if server, ok := target.Server(); ok {
		s.Address, s.Port, s.AnyPort = server.Addr(), server.Port(), !target.HasPort()
	}
	return s
}

// noServer returns the error of a verb that needs a server.
func noServer() error {
	return failed(&command.Hinted{Err: errors.New("no server is named"), Hints: []string{"name one with -r ADDRESS or -r ADDRESS:PORT"}})
}

// choiceFlag returns a flag whose value is one of some words.
func choiceFlag(name, usage string, words ...string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Action: func(_ *cli.Context, word string) error {
		if !slices.Contains(words, word) {
			return failed(fmt.Errorf("--%s: %q is not one of %q", name, word, words))
		}
		return nil
	}}
}

// timeoutFlag is the value of --timeout.
type timeoutFlag struct{ time.Duration }

// Set reads a time, such as 15m.
func (f *timeoutFlag) Set(text string) error {
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout < 0 {
		return fmt.Errorf("type a number and s, m or h, such as 15m")
	}
	f.Duration = timeout
	return nil
}

// String returns the time as the help prints it.
func (f *timeoutFlag) String() string { return f.Duration.String() }

// listDrains prints the servers that are drained.
func (a *app) listDrains(c *cli.Context, selection drain.Selection) error {
	k, err := a.connect(c.Context)
	if err != nil {
		return err
	}
	defer k.Close()
	records, err := drain.Read()
	if err != nil {
		return failed(err)
	}
	table, err := k.WithoutCounters().Table(c.Context)
	if err != nil {
		return failed(err)
	}
	drained := slices.DeleteFunc(drain.InForce(records, table), func(d drain.Drained) bool { return !selection.Chooses(d.Record) })
	return failed(a.printer(c, a.stdout).List(drained, time.Now()))
}

// printer returns the printer that the flags of a verb ask for.
func (a *app) printer(c *cli.Context, out *bufio.Writer) *drain.Printer {
	style := drain.Style{JSON: c.String("format") == "json", Quiet: c.Bool("quiet"), Colour: useColour(a.output, c.String("color"))}
	if os.Getenv("TERM") != "dumb" {
		style.Width, style.Height = terminalWidth(a.output), terminalHeight(a.output)
	}
	return drain.NewPrinter(out, style)
}
