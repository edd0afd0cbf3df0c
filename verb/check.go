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
		Usage: "find what is wrong with this director",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "print the report as `json`"},
			&cli.StringFlag{Name: "fail-on", Usage: "exit with status 1 for a finding as bad as `error|warning|never`", Value: "error", DefaultText: "error"},
			&cli.StringSliceFlag{Name: "ignore", Usage: "leave out findings by rule, or by rule and object: `NAME[=OBJECT]`"},
			&cli.StringFlag{Name: "explain", Usage: "print what a rule finds, and what to do: `NAME`"},
			&cli.BoolFlag{Name: "rules", Usage: "list the rules", DisableDefaultText: true},
			colourFlag(),
		}, serviceFlags(target)...),
		Action: func(c *cli.Context) error {
			err := a.check(c, target)
			var coder cli.ExitCoder
			if err != nil && !errors.As(err, &coder) {
				err = cli.Exit(err, statusUnchecked)
			}
			return err
		},
	}
}

// serviceFlags returns the flags of a target that name a service.
func serviceFlags(target *command.Target) []cli.Flag {
	return slices.DeleteFunc(targetFlags(target), func(f cli.Flag) bool { return slices.Contains(f.Names(), "real-server") })
}

// check does what the flags ask for.
func (a *app) check(c *cli.Context, target *command.Target) error {
	text := check.Text{Width: terminalWidth(a.output), Colour: useColour(a.output, c.String("color"))}
	rules := check.Director()
	if c.Bool("rules") {
		return text.List(a.stdout, rules)
	}
	if c.IsSet("explain") {
		rule, err := check.RuleNamed(c.String("explain"), rules)
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
	report, err := a.checkDirector(c.Context, target, rules, ignored)
	if err != nil {
		return err
	}
	if c.IsSet("format") {
		err = check.WriteJSON(a.stdout, report)
	} else {
		err = text.Write(a.stdout, report)
	}
	if err == nil && report.Fails(check.Severity(limit)) {
		err = cli.Exit("", statusFindings)
	}
	return err
}

// checkDirector checks this machine as a director. If the flags name a service, the report leaves out the others.
func (a *app) checkDirector(ctx context.Context, target *command.Target, rules []check.Rule, ignored []check.Ignored) (check.Report, error) {
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
	report := check.Run(snapshot, rules, ignored)
	if one {
		report.Findings = slices.DeleteFunc(report.Findings, func(f check.Finding) bool {
			return f.Service != id && f.Service != (ipvs.ServiceID{})
		})
	}
	return report, nil
}
