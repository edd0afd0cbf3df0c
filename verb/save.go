package verb

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"ipvsadm/ipvs"
	"ipvsadm/save"
)

func (a *app) saveVerb() *cli.Command {
	return &cli.Command{
		Name:  "save",
		Usage: "print the table as commands that recreate it",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "save timeouts and synchronization daemons too", DisableDefaultText: true},
			&cli.BoolFlag{Name: "numeric", Aliases: []string{"n"}, Usage: "print numbers instead of host and port names", DisableDefaultText: true},
			fileFlag("replace `FILE`, whole or not at all"),
		},
		Action: func(c *cli.Context) error {
			k, err := a.connect(c.Context)
			if err != nil {
				return err
			}
			defer k.Close()
			write := func(w io.Writer) error {
				if c.Bool("all") {
					if err := saveSettings(c.Context, k, w); err != nil {
						return err
					}
				}
				return a.save(c.Context, k, w, c.Bool("numeric"))
			}
			if path := c.String("file"); path != "" {
				return failed(save.File(path, write))
			}
			return failed(write(a.stdout))
		},
	}
}

// save writes the table as rules.
func (a *app) save(ctx context.Context, k *kernel, w io.Writer, numeric bool) error {
	entries, err := readSorted(ctx, k.WithoutCounters(), ipvs.Entry.ArrangeDestinations)
	if err != nil {
		return err
	}
	resolver := a.resolver
	if numeric {
		resolver = nil
	}
	return save.Write(ctx, w, entries, resolver)
}

// saveSettings writes the timeouts and daemons as commands.
func saveSettings(ctx context.Context, k *kernel, w io.Writer) error {
	timeouts, err := k.Timeouts(ctx)
	if err != nil {
		return err
	}
	daemons, err := k.Daemons(ctx)
	if err != nil {
		return err
	}
	return save.WriteSettings(w, timeouts, daemons)
}
