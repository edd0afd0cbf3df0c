package verb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/urfave/cli/v2"

	"ipvsadm/check"
	"ipvsadm/check/system"
	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/why"
)

func (a *app) whyVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	return &cli.Command{
		Name:      "why",
		Usage:     "show step by step which server the next connection of a client gets",
		ArgsUsage: "CLIENT[:PORT] SERVICE",
		Flags:     serviceFlags(target),
		Action:    func(c *cli.Context) error { return failed(a.why(c, target)) },
	}
}

// why prints what the kernel does with the next connection of a client.
func (a *app) why(c *cli.Context, target *command.Target) error {
	question, err := whyQuestion(c, target)
	if err != nil {
		return err
	}
	k, err := a.connect(c.Context)
	if err != nil {
		return err
	}
	defer k.Close()
	machine, err := system.Way(c.Context, k.Client, func(table []ipvs.Entry) []netip.Addr {
		return why.Destinations(question, table)
	})
	if err != nil {
		return err
	}
	facts := why.Facts{Machine: machine}
	if facts.Entries, err = why.Read(question, machine.Table, ipvs.Connections()); err != nil {
		machine.Unread[check.FactConnections] = err
	}
	return why.Explain(question, facts).Write(a.stdout, check.Text{Width: terminalWidth(a.output)})
}

// whyQuestion reads the client and the service.
func whyQuestion(c *cli.Context, target *command.Target) (why.Question, error) {
	words := c.Args().Slice()
	id, ok := target.Service()
	switch {
	case len(words) == 0:
		return why.Question{}, errors.New("why needs a client: ADDRESS or ADDRESS:PORT")
	case len(words) > 1:
		return why.Question{}, errors.New("unexpected argument " + command.Printable(words[1]))
	case !ok:
		return why.Question{}, errors.New("why needs a service: -t, -u or --sctp-service ADDRESS:PORT, or -f MARK")
	}
	client, err := netip.ParseAddrPort(words[0])
	if err != nil {
		address, err := netip.ParseAddr(words[0])
		if err != nil {
			return why.Question{}, fmt.Errorf("%q is not the address of a client, such as 198.51.100.7 or 198.51.100.7:40000", words[0])
		}
		client = netip.AddrPortFrom(address, 0)
	}
	if family := ipvs.FamilyOf(client.Addr()); family != id.Family || client.Addr().Zone() != "" {
		return why.Question{}, fmt.Errorf("%s: the clients of %s have %s addresses", words[0], id, id.Family)
	}
	return why.Question{Client: client, Service: id}, nil
}
