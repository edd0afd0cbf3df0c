package verb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/restore"
)

// standardInput is the name of standard input in messages about a line.
const standardInput = "stdin"

func (a *app) restoreVerb() *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: "make the table what saved commands describe",
		Flags: []cli.Flag{
			fileFlag("read `FILE` instead of standard input"),
			&cli.BoolFlag{Name: "dry-run", Usage: "print the changes as commands, and make none", DisableDefaultText: true},
			&cli.BoolFlag{Name: "test", Usage: "only check the commands, without the kernel", DisableDefaultText: true},
			&cli.BoolFlag{Name: "noflush", Usage: "add to the table: keep what the commands do not name", DisableDefaultText: true},
			&cli.BoolFlag{Name: "reorder", Usage: "move the servers of mh to where the commands have them, one at a time", DisableDefaultText: true},
			&cli.UintFlag{Name: "wait", Usage: "how long to wait for another restore, in `SECONDS`", DefaultText: "60; no limit on a terminal"},
		},
		Action: a.restore,
	}
}

func (a *app) restore(c *cli.Context) error {
	ctx, stop := interruptible(c.Context)
	defer stop()
	r, err := abandonable(ctx, func() (*restoration, error) { return a.prepare(ctx, c) })
	var signal interrupted
	if errors.As(err, &signal) {
		return fmt.Errorf("%w: nothing was changed", signal)
	}
	if err != nil || r == nil {
		return err
	}
	defer r.close()
	err = a.executePlan(ctx, r)
	if errors.As(err, &signal) {
		var undo *restore.UndoError
		if errors.As(err, &undo) {
			return fmt.Errorf("%w, and %w", signal, undo)
		}
		return fmt.Errorf("%w: the table is as it was before", signal)
	}
	if text := r.plan.Unordered(); err == nil && text != "" {
		a.hint(text)
	}
	return err
}

// restoration is a restore that is ready to change the table.
type restoration struct {
	plan   *restore.Plan
	kernel *kernel
	spare  *ipvs.Client // to undo with
	lock   *os.File
}

func (r *restoration) close() {
	r.kernel.Close()
	r.spare.Close()
	r.lock.Close()
}

// prepare does everything before the first change. It returns nil if there is nothing to change. If it fails, the end of
// the program closes what it opened.
func (a *app) prepare(ctx context.Context, c *cli.Context) (*restoration, error) {
	options := restore.Options{Keep: c.Bool("noflush"), Reorder: c.Bool("reorder")}
	rules, err := a.readRules(c)
	if err != nil {
		return nil, failed(err)
	}
	if c.Bool("test") || rules.Err() != nil && !options.Keep {
		return nil, rules.Check(options)
	}
	k, err := a.connect(ctx)
	if err != nil {
		if rules.Err() != nil { // those that can be found without the kernel
			err = rules.Check(options)
		}
		return nil, err
	}
	r := &restoration{kernel: k}
	if !c.Bool("dry-run") {
		if r.lock, err = a.lock(ctx, c); err != nil {
			return nil, err
		}
		if r.spare, err = a.dial(); err != nil {
			return nil, failed(err)
		}
	}
	// An interrupt abandons prepare, so planning needs no context that can be cancelled: that takes 3 % of the restore.
	r.plan, err = restore.NewPlan(c.Context, k.Client, rules, options)
	if errors.Is(err, restore.ErrNoCommands) {
		return nil, failed(err)
	}
	if err != nil {
		return nil, err
	}
	if c.Bool("dry-run") {
		_, err := a.stdout.Write(r.plan.AppendRules(nil))
		return nil, err
	}
	return r, nil
}

// executePlan executes a plan. An interrupt undoes it. So does a failed listing of the file, for example to a pipe that nobody
// reads any more.
func (a *app) executePlan(ctx context.Context, r *restoration) error {
	release, err := r.plan.Reserve()
	if err != nil {
		return failed(fmt.Errorf("nothing was changed: %w", err))
	}
	defer release()
	signal.Ignore(syscall.SIGPIPE)
	lister := *a // whose output an interrupt abandons
	lister.stdout = bufio.NewWriterSize(abandonableWriter{ctx, a.output}, 64<<10)
	execute := lister.executeLine(ctx, r.kernel)
	return r.plan.Execute(ctx, r.kernel.Client, r.spare, func(c command.Command) error {
		if err := execute(c); err != nil {
			return err
		}
		return failed(lister.stdout.Flush())
	})
}

// unattendedWait limits how long a restore waits for another one if its messages do not go to a terminal.
const unattendedWait = time.Minute

// lock waits until no other restore runs, but not longer than --wait allows.
func (a *app) lock(ctx context.Context, c *cli.Context) (*os.File, error) {
	attended := isTerminal(a.stderr)
	limit := unattendedWait
	if c.IsSet("wait") {
		limit = time.Duration(c.Uint("wait")) * time.Second
	}
	if c.IsSet("wait") || !attended {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("gave up after %v", limit))
		defer cancel()
	}
	file, err := restore.Lock(ctx, a.lockFile, func(holder string) {
		if attended {
			fmt.Fprintln(a.stderr, "waiting for "+holder+" to end its restore")
		}
	})
	return file, failed(err)
}

// readRules reads rules from the file of --file or from standard input.
func (a *app) readRules(c *cli.Context) (*restore.Rules, error) {
	if path := c.String("file"); path != "" {
		return restore.ReadFile(c.Context, path, a.resolver)
	}
	if isTerminal(a.stdin) {
		fmt.Fprintln(a.stderr, "reading rules from standard input, up to Ctrl-D")
	}
	return restore.Read(c.Context, a.stdin, standardInput, a.resolver)
}
