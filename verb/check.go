package verb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"ipvsadm/check"
	"ipvsadm/check/system"
	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// The exit statuses of check, besides 0.
const (
	statusFindings  = 1
	statusUnchecked = 2
)

func (a *app) checkVerb() *cli.Command {
	target := command.NewTarget(a.lookup(context.Background()))
	return &cli.Command{
		Name:  "check",
		Usage: "find what is wrong with this director or real server",
		// Not empty, because extra words get a status of their own.
		ArgsUsage: "[-t ADDRESS:PORT | -u ADDRESS:PORT | -f MARK]",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "print the report as `json`"},
			&cli.StringFlag{Name: "fail-on", Usage: "exit with status 1 for a finding as bad as `error|warning|never`", Value: "error", DefaultText: "error"},
			&ignoreFlag{cli.StringSliceFlag{Name: "ignore", Usage: "leave out findings by rule, or by rule and object: `NAME[=OBJECT]`"}},
			&explainFlag{cli.StringFlag{Name: "explain", Usage: "print what a rule finds, and what to do: `NAME`"}},
			&cli.BoolFlag{Name: "probe", Usage: "send ARP requests, pings and TCP connections to servers, too", DisableDefaultText: true},
			&cli.BoolFlag{Name: "rules", Usage: "list the rules", DisableDefaultText: true},
			uncheckedColour(),
		}, append(realServerFlags(), serviceFlags(target)...)...),
		OnUsageError: func(c *cli.Context, err error, isSubcommand bool) error {
			return unchecked(usageError(c, err, isSubcommand))
		},
		Action: func(c *cli.Context) error {
			err := withoutWords(func(c *cli.Context) error { return a.check(c, target) })(c)
			if flushErr := a.stdout.Flush(); flushErr != nil { // a report that is not written is no report
				err = flushErr
			}
			return unchecked(err)
		},
	}
}

// errFindings is the result of a check that found something. The report is its message.
var errFindings = errors.New("")

// unchecked gives every error the status of a machine that could not be checked, except errFindings.
func unchecked(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errFindings):
		return cli.Exit(err, statusFindings)
	default:
		return cli.Exit(err, statusUnchecked)
	}
}

// uncheckedColour returns the flag --color, whose bad values have the status of a machine that could not be checked.
func uncheckedColour() cli.Flag {
	flag := colourFlag().(*cli.StringFlag)
	action := flag.Action
	flag.Action = func(c *cli.Context, word string) error { return unchecked(action(c, word)) }
	return flag
}

// ignoreFlag and explainFlag are flags whose values are the names of rules.
type ignoreFlag struct{ cli.StringSliceFlag }
type explainFlag struct{ cli.StringFlag }

// String returns the flag's line in the help of its verb.
func (f *ignoreFlag) String() string { return cli.FlagStringer(f) }

// String returns the flag's line in the help of its verb.
func (f *explainFlag) String() string { return cli.FlagStringer(f) }

// Values returns the names of the rules.
func (f *ignoreFlag) Values() []command.Candidate { return ruleNames() }

// Values returns the names of the rules.
func (f *explainFlag) Values() []command.Candidate { return ruleNames() }

func ruleNames() []command.Candidate {
	var names []command.Candidate
	for _, rule := range slices.Concat(check.Director(), check.RealServerRules()) {
		names = append(names, command.Candidate{Word: rule.Name, Help: rule.Summary})
	}
	return names
}

// serviceFlags returns the flags of a target that name a service.
func serviceFlags(target *command.Target) []cli.Flag {
	return slices.DeleteFunc(targetFlags(target), func(f cli.Flag) bool { return slices.Contains(f.Names(), "real-server") })
}

// check does what the flags ask for.
func (a *app) check(c *cli.Context, target *command.Target) error {
	text := check.Text{Width: terminalWidth(a.output), Colour: useColour(a.output, c.String("color"))}
	rules := check.Director()
	if err := forRealServer(c); err != nil {
		return err
	}
	if c.Bool("real-server") {
		rules = check.RealServerRules()
	}
	if c.Bool("rules") {
		return text.List(a.stdout, rules)
	}
	if c.IsSet("explain") {
		rule, err := explained(c.String("explain"), rules)
		if err != nil {
			return err
		}
		return text.Explain(a.stdout, rule)
	}
	limit := c.String("fail-on")
	if !slices.Contains([]string{"error", "warning", "never"}, limit) {
		return fmt.Errorf("--fail-on: %q is not error, warning or never", limit)
	}
	if format := c.String("format"); c.IsSet("format") && format != "json" {
		return fmt.Errorf("--format: %q is not json", format)
	}
	var ignored []check.Ignored
	for _, text := range c.StringSlice("ignore") {
		i, err := check.ParseIgnored(text, rules)
		if err != nil {
			return fmt.Errorf("--ignore: %w", err)
		}
		ignored = append(ignored, i)
	}
	var report check.Report
	var err error
	if c.Bool("real-server") {
		report, err = a.checkRealServer(c, target, ignored)
	} else {
		report, err = a.checkDirector(c, target, rules, ignored)
	}
	if err != nil {
		return err
	}
	if c.IsSet("format") {
		err = check.WriteJSON(a.stdout, report)
	} else {
		err = text.Write(a.stdout, report)
	}
	if err == nil && report.Fails(check.Severity(limit)) {
		err = errFindings
	}
	return err
}

// checkDirector checks this machine as a director. If the flags name a service, the report leaves out the others.
func (a *app) checkDirector(c *cli.Context, target *command.Target, rules []check.Rule, ignored []check.Ignored) (check.Report, error) {
	ctx := c.Context
	k, err := a.connect(ctx)
	if err != nil {
		return check.Report{}, err
	}
	defer k.Close()
	id, one := target.Service()
	if one {
		if _, err := k.Service(ctx, id); err != nil {
			return check.Report{}, err
		}
	}
	snapshot, err := system.Director(ctx, k.Client, k.info)
	if err != nil {
		return check.Report{}, err
	}
	if c.Bool("probe") {
		system.Probe(ctx, snapshot)
	} else {
		rules = slices.DeleteFunc(rules, func(r check.Rule) bool { return r.Probe })
	}
	report := check.Run(snapshot, rules, ignored)
	if one {
		report.Findings = slices.DeleteFunc(report.Findings, func(f check.Finding) bool {
			return f.Service != id && f.Service != (ipvs.ServiceID{})
		})
	}
	return report, nil
}
