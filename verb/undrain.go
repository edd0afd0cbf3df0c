package verb

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/drain"
)

func (a *app) undrainVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	return &cli.Command{
		Name:      "undrain",
		Usage:     "put a drained server back as it was",
		UsageText: "ipvsadm undrain -r SERVER[:PORT] [SERVICE]\nipvsadm undrain --all",
		Flags: append(targetFlags(target),
			&cli.BoolFlag{Name: "all", Usage: "put every drained server back", DisableDefaultText: true},
		),
		Action: func(c *cli.Context) error {
			selection := selectionOf(target)
			if !selection.Address.IsValid() && !c.Bool("all") {
				return noServer()
			}
			return a.undrain(c.Context, selection)
		},
	}
}

func (a *app) undrain(ctx context.Context, selection drain.Selection) error {
	k, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	store, err := drain.NewStore(a.drainDirectory)
	if err != nil {
		return failed(err)
	}
	var restored []drain.Restored
	err = a.locked(ctx, store, func() (err error) {
		restored, err = drain.Undrain(ctx, k.Client, store, selection)
		return err
	})
	if err == nil && len(restored) == 0 {
		fmt.Fprintln(a.stdout, "no server is drained")
	}
	all := []error{failed(err)}
	for _, r := range restored {
		switch {
		case r.Changed():
			all = append(all, cli.Exit(errors.New(r.String()), statusSetBack))
		case r.Failed():
			all = append(all, failed(errors.New(r.String())))
		default:
			fmt.Fprintln(a.stdout, r)
		}
	}
	return errors.Join(all...)
}
