package verb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/maglev"
	"ipvsadm/restore"
)

func (a *app) maglevVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	return &cli.Command{
		Name:  "maglev",
		Usage: "compute which server the scheduler mh chooses",
		Flags: append(maglevTarget(target),
			&cli.StringFlag{Name: "client", Usage: "print the server of the client `ADDR[:PORT]` on the last line"},
			&cli.StringFlag{Name: "other", Usage: "print how many clients get another server by the table of `FILE`, -, netns:NAME or kernel", TakesFile: true},
		),
		Action: func(c *cli.Context) error { return a.maglev(c, target) },
	}
}

// maglevTarget returns the flags that name a service, and --without, which names a server as -r does.
func maglevTarget(target *command.Target) []cli.Flag {
	flags := targetFlags(target)
	for _, flag := range flags {
		if server := flag.(*targetFlag); slices.Contains(server.Names(), "real-server") {
			server.Name, server.Aliases = "without", nil
			server.Usage = "print how many clients would move if the server `ADDR[:PORT]` left"
		}
	}
	return flags
}

func (a *app) maglev(c *cli.Context, target *command.Target) error {
	id, ok := target.Service()
	if !ok {
		return failed(errors.New("maglev needs a service: -t, -u or --sctp-service ADDRESS:PORT, or -f MARK"))
	}
	kernel, err := a.describeKernel(c.Context)
	if err != nil {
		return err
	}
	entry, err := mhService(kernel, id)
	if err != nil {
		return failed(err)
	}
	client, err := maglevClient(c, entry.Service)
	if err != nil {
		return failed(err)
	}
	table := maglev.New(entry.Service, entry.Servers())
	text := table.AppendText(nil)
	if server, ok := target.Server(); ok {
		if text, err = appendWithout(text, entry, table, server); err != nil {
			return failed(err)
		}
	}
	if c.IsSet("other") {
		if text, err = a.appendOther(text, c, id, table); err != nil {
			return failed(err)
		}
	}
	if client.IsValid() {
		server, ok := table.Server(client)
		if !ok {
			return failed(fmt.Errorf("no server of %s has a weight above 0", id))
		}
		text = append(server.AppendTo(text), '\n')
	}
	for _, server := range entry.Servers() {
		if server.Weight == 0 {
			a.hint(fmt.Sprintf("%s has weight 0. The kernel keeps the slots of its former weight, but does not list that weight: "+
				"here it has none", server.Address))
		}
	}
	_, err = a.stdout.Write(text)
	return failed(err)
}

// mhService returns a service, which must have the scheduler mh.
func mhService(table *restore.Description, id ipvs.ServiceID) (*ipvs.Entry, error) {
	i := slices.IndexFunc(table.Entries, func(entry ipvs.Entry) bool { return entry.ServiceID == id })
	switch {
	case i < 0:
		return nil, fmt.Errorf("there is no service %s", id)
	case table.Entries[i].Scheduler != "mh":
		return nil, fmt.Errorf("%s has the scheduler %s: only mh has a table of Maglev", id, table.Entries[i].Scheduler)
	}
	return &table.Entries[i], nil
}

// maglevClient reads --client. The result is invalid without it.
func maglevClient(c *cli.Context, service ipvs.Service) (client netip.AddrPort, err error) {
	if !c.IsSet("client") {
		return client, nil
	}
	text := c.String("client")
	if address, err := netip.ParseAddr(text); err == nil {
		client = netip.AddrPortFrom(address, 0)
		if service.Flags&ipvs.HashPortFlag != 0 {
			return client, fmt.Errorf("--client %s: the port of a client counts, because the service has mh-port", text)
		}
	} else if client, err = netip.ParseAddrPort(text); err != nil {
		return client, fmt.Errorf("--client %q: not an address, and not an address and a port", text)
	}
	if family := ipvs.FamilyOf(client.Addr()); family != service.Family || client.Addr().Zone() != "" {
		return client, fmt.Errorf("--client %s: the clients of %s have %s addresses", text, service.ServiceID, service.Family)
	}
	return client, nil
}

// appendWithout appends how many clients would move if a server left.
func appendWithout(b []byte, entry *ipvs.Entry, table *maglev.Table, server netip.AddrPort) ([]byte, error) {
	servers := entry.Servers()
	rest := slices.DeleteFunc(slices.Clone(servers), func(d ipvs.Destination) bool { return d.Address == server })
	if len(rest) == len(servers) {
		return nil, fmt.Errorf("%s has no server %s", entry.ServiceID, server)
	}
	moved, own := table.Moved(maglev.New(entry.Service, rest)), table.Share(server)
	return fmt.Appendf(b, "without %s: %s of the clients move: its own %s, and %s of the others'\n",
		server, maglev.Percent(moved), maglev.Percent(own), maglev.Percent(moved-own)), nil
}

// appendOther appends how many clients get another server by the table of --other.
func (a *app) appendOther(b []byte, c *cli.Context, id ipvs.ServiceID, table *maglev.Table) ([]byte, error) {
	name := c.String("other")
	description, err := a.readTable(c.Context, name)
	if err != nil {
		return nil, err
	}
	entry, err := mhService(description, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	other := maglev.New(entry.Service, entry.Servers())
	return fmt.Appendf(b, "by %s: %s of the clients get another server (digest %s)\n",
		name, maglev.Percent(table.Moved(other)), other.Digest()), nil
}
