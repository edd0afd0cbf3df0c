package verb

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"ipvsadm/ipvs"
	"ipvsadm/restore"
)

// standardInput is what messages about a line call the file if it is standard input.
const standardInput = "stdin"

func (a *app) restoreVerb() *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: "bring the table to what saved commands describe",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "read `FILE` instead of standard input", TakesFile: true},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the commands that would be sent, and send none"},
			&cli.BoolFlag{Name: "test", Usage: "read the commands, and do nothing"},
			&cli.BoolFlag{Name: "noflush", Usage: "keep what the commands do not name"},
		},
		Action: a.restore,
	}
}

func (a *app) restore(c *cli.Context) error {
	source := standardInput
	if path := c.String("file"); path != "" {
		source = path
	}
	lines, err := a.readFile(c.Context, c.String("file"), source)
	if err != nil {
		return err
	}
	if c.Bool("test") {
		if !c.Bool("noflush") { // with it, only the kernel's table could say whether the lines fit together
			_, err = restore.NewPlan(source, lines, ipvs.Each(), restore.Options{})
		}
		return err
	}
	k, err := a.connect(c.Context)
	if err != nil {
		return err
	}
	defer k.Close()
	if !c.Bool("dry-run") {
		lock, err := restore.Lock(restore.LockFile)
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	k.WithoutCounters = true
	current, err := k.Entries(c.Context, nil)
	if err != nil {
		return err
	}
	plan, err := restore.NewPlan(source, lines, current, restore.Options{Keep: c.Bool("noflush")})
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

// readFile reads the lines of a file, or of standard input if path is empty.
func (a *app) readFile(ctx context.Context, path, source string) ([]restore.Line, error) {
	if path == "" {
		return restore.Read(ctx, a.stdin, source, a.resolver)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return restore.Read(ctx, file, source, a.resolver)
}
