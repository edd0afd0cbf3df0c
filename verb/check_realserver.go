package verb

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/urfave/cli/v2"

	"ipvsadm/check"
	"ipvsadm/check/system"
	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// realServerFlags returns the flags of check on a real server.
func realServerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "real-server", Usage: "check this machine as a real server of the service", DisableDefaultText: true},
		&cli.StringFlag{Name: "forwarding", Usage: "how the director of --real-server forwards, as -g, -i or -m: `g|i|m`"},
		&cli.StringFlag{Name: "director", Usage: "the `ADDRESS` of the director of --real-server"},
	}
}

// forwardingLetters are the values of --forwarding.
var forwardingLetters = map[string]ipvs.Forwarding{"g": ipvs.DirectRouting, "i": ipvs.Tunneling, "m": ipvs.Masquerading}

// checkRealServer checks this machine as a real server of the service that the flags name.
func (a *app) checkRealServer(c *cli.Context, target *command.Target, ignored []check.Ignored) (check.Report, error) {
	id, ok := target.Service()
	if !ok || id.Mark != 0 {
		return check.Report{}, errors.New("--real-server needs a service with an address: -t, -u or --sctp-service ADDRESS:PORT")
	}
	question := check.RealServer{Service: id}
	var method *ipvs.Forwarding
	if c.IsSet("forwarding") {
		forwarding, ok := forwardingLetters[c.String("forwarding")]
		if !ok {
			return check.Report{}, fmt.Errorf("--forwarding: %q is not g, i or m", c.String("forwarding"))
		}
		method = &forwarding
	}
	if c.IsSet("director") {
		director, err := netip.ParseAddr(c.String("director"))
		if err != nil || director.Zone() != "" {
			return check.Report{}, fmt.Errorf("--director: %q is not an address", c.String("director"))
		}
		question.Director = director
	}
	snapshot, known := system.RealServer(question, method)
	if !known {
		return check.Report{}, &command.Hinted{
			Err: fmt.Errorf("cannot know how the director forwards: no device of this machine has the address %s", id.Address.Addr()),
			Hints: []string{"direct routing and tunnels need it here: use --forwarding g or i",
				"masquerading does not: use --forwarding m"},
		}
	}
	return check.Run(snapshot, check.RealServerRules(), ignored), nil
}

// forRealServer returns an error if flags do not go with --real-server, or not without it.
func forRealServer(c *cli.Context) error {
	if c.Bool("real-server") && c.Bool("probe") {
		return errors.New("--probe sends packets to the servers of a director: it does not go with --real-server")
	}
	for _, name := range []string{"forwarding", "director"} {
		if c.IsSet(name) && !c.Bool("real-server") {
			return fmt.Errorf("--%s goes with --real-server", name)
		}
	}
	return nil
}

// explained returns the rule of a name. Without --real-server it may be one of either machine.
func explained(name string, rules []check.Rule) (check.Rule, error) {
	rule, err := check.RuleNamed(name, rules)
	if err != nil {
		if other, otherErr := check.RuleNamed(name, check.RealServerRules()); otherErr == nil {
			return other, nil
		}
	}
	return rule, err
}
