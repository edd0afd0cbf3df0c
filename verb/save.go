package verb

import (
	"context"
	"errors"
	"io"

	"github.com/urfave/cli/v2"

	"ipvsadm/ipvs"
	"ipvsadm/save"
)

func (a *app) saveVerb() *cli.Command {
	return &cli.Command{
		Name:  "save",
		Usage: "print the table as the commands that make it",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "numeric", Aliases: []string{"n"}, Usage: "addresses and ports as numbers"},
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "write to `FILE`, whole or not at all", TakesFile: true},
		},
		Action: func(c *cli.Context) error {
			k, err := a.connect(c.Context)
			if err != nil {
				return err
			}
			defer k.Close()
			path, numeric := c.String("file"), c.Bool("numeric")
			if path == "" {
				return failed(a.save(c.Context, k, a.stdout, numeric))
			}
			return failed(save.File(path, func(w io.Writer) error { return a.save(c.Context, k, w, numeric) }))
		},
	}
}

// save writes the table as rules.
func (a *app) save(ctx context.Context, k *kernel, w io.Writer, numeric bool) error {
	if w == io.Writer(a.stdout) && save.Closed(a.output) {
		return errors.New("standard output is closed")
	}
	k.WithoutCounters = true
	entries, err := k.Entries(ctx, ipvs.SortServices)
	if err != nil {
		return err
	}
	resolver := a.resolver
	if numeric {
		resolver = nil
	}
	return save.Write(ctx, w, ipvs.SortDestinations(entries), resolver)
}
