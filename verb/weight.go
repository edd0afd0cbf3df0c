package verb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/drain"
)

func (a *app) weightVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	return &cli.Command{
		Name:      "weight",
		Usage:     "change the weight of a server, and nothing else",
		UsageText: "ipvsadm weight -r SERVER[:PORT] [SERVICE] WEIGHT",
		ArgsUsage: "WEIGHT",
		Flags:     targetFlags(target),
		Action: func(c *cli.Context) error {
			selection := selectionOf(target)
			switch {
			case !selection.Address.IsValid():
				return noServer()
			case c.Args().Len() > 1:
				return failed(errors.New("unexpected argument " + command.Printable(c.Args().Get(1))))
			}
			weight, err := strconv.ParseUint(c.Args().First(), 10, 32)
			if err != nil || weight > math.MaxInt32 {
				return failed(fmt.Errorf("the weight is %q, not a number from 0 to %d", command.Printable(c.Args().First()), math.MaxInt32))
			}
			return a.weigh(c.Context, selection, uint32(weight))
		},
	}
}

func (a *app) weigh(ctx context.Context, selection drain.Selection, weight uint32) error {
	k, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer k.Close()
	store, err := drain.NewStore(a.drainDirectory)
	if err != nil {
		return failed(err)
	}
	return failed(a.locked(ctx, store, func() error {
		servers, err := drain.SetWeight(ctx, k.Client, store, selection, weight)
		if err != nil {
			return err
		}
		for _, s := range servers {
			fmt.Fprintf(a.stdout, "%s: weight %d -> %d\n", s, s.Weight, weight)
		}
		return nil
	}))
}
