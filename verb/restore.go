package verb

import (
	"cmp"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"ipvsadm/restore"
)

// standardInput is what messages about a line call the file if it is standard input.
const standardInput = "stdin"

func (a *app) restoreVerb() *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: "bring the table to what saved commands describe",
		Flags: []cli.Flag{
			fileFlag("read `FILE` instead of standard input"),
			&cli.BoolFlag{Name: "dry-run", Usage: "print the commands that would be sent, and send none"},
			&cli.BoolFlag{Name: "test", Usage: "read the commands, and do nothing"},
			&cli.BoolFlag{Name: "noflush", Usage: "keep what the commands do not name"},
		},
		Action: a.restore,
	}
}

func (a *app) restore(c *cli.Context) error {
	options := restore.Options{Keep: c.Bool("noflush")}
	rules, err := a.readRules(c)
	if err != nil {
		return failed(err)
	}
	if c.Bool("test") || rules.Err() != nil && !options.Keep {
		return rules.Check(options)
	}
	k, err := a.connect(c.Context)
	if err != nil {
		return cmp.Or(rules.Err(), err)
	}
	defer k.Close()
	if !c.Bool("dry-run") {
		lock, err := restore.Lock(restore.LockFile)
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	plan, err := restore.NewPlan(c.Context, k.Client, rules, options)
	if errors.Is(err, restore.ErrNoCommands) {
		return failed(err)
	}
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		_, err := a.stdout.Write(plan.AppendRules(nil))
		return err
	}
	// An interrupt undoes the plan, and so does the end of the pipe that the listings of a file go to.
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	return plan.Carry(ctx, k.Client, a.executeLine(ctx, k))
}

// readRules reads the rules of a file, or of standard input if none is named.
func (a *app) readRules(c *cli.Context) (*restore.Rules, error) {
	if path := c.String("file"); path != "" {
		return restore.ReadFile(c.Context, path, a.resolver)
	}
	if isTerminal(a.stdin) {
		fmt.Fprintln(a.stderr, "reading rules from standard input, up to Ctrl-D")
	}
	return restore.Read(c.Context, a.stdin, standardInput, a.resolver)
}
