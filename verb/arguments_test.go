package verb

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
)

func TestFlagsFirst(t *testing.T) {
	verb := &cli.Command{Flags: append(targetFlags(command.NewTarget(command.Lookup{})),
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}},
		&cli.StringFlag{Name: "timeout"},
	)}
	for line, want := range map[string]string{
		"":                                "",
		"a":                               "-- a",
		"a --quiet b":                     "--quiet -- a b",
		"a -t v:80 b":                     "-t v:80 -- a b",
		"a -f 7 -6 b":                     "-f 7 -6 -- a b",
		"a --tcp-service v:80":            "--tcp-service v:80 -- a",
		"a --tcp-service=v:80 --x":        "--tcp-service=v:80 --x -- a",
		"-r10.0.0.1 -tv:80 5":             "-r 10.0.0.1 -t v:80 -- 5",
		"-r=10.0.0.1 5":                   "-r=10.0.0.1 -- 5",
		"a - b":                           "-- a - b",
		"a -- --quiet":                    "-- a --quiet",
		"--timeout -5 a":                  "--timeout -5 -- a",
		"a --timeout":                     "--timeout -- a",
		"-q=true --timeout=3 -t v:80 a b": "-q=true --timeout=3 -t v:80 -- a b",
	} {
		if got := strings.Join(flagsFirst(verb, strings.Fields(line)), " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestTargetFlags(t *testing.T) {
	for line, want := range map[string]string{
		"why 10.0.0.9:1 -t 192.0.2.1:80 -r 10.0.0.1": "TCP 192.0.2.1:80 10.0.0.1:80 [10.0.0.9:1]",
		"why -u192.0.2.1:53 x -r10.0.0.1:54":         "UDP 192.0.2.1:53 10.0.0.1:54 [x]",
		"why -f 7 -6":                                "FWM 7 IPv6 invalid AddrPort []",
		"why -t 192.0.2.1:80 -t 192.0.2.2:80":        "multiple 'service-address' options specified",
		"why -t 192.0.2.1:99999":                     "illegal virtual server address[:port] specified",
		"why -x":                                     "flag provided but not defined: -x\nTry `ipvsadm why --help' for more information",
	} {
		target := command.NewTarget(command.Lookup{Port: func(string, string) (uint16, bool) { return 0, false }})
		got := ""
		verb := &cli.Command{
			Name:  "why",
			Flags: targetFlags(target),
			Action: func(c *cli.Context) error {
				id, _ := target.Service()
				server, _ := target.Server()
				got = id.String() + " " + server.String() + " [" + strings.Join(c.Args().Slice(), " ") + "]"
				return nil
			},
			OnUsageError: usageError,
		}
		words := strings.Fields(line)
		app := &cli.App{Name: "ipvsadm", Commands: []*cli.Command{verb}, ExitErrHandler: func(*cli.Context, error) {}}
		if err := app.Run(slices.Concat([]string{"ipvsadm", "why"}, flagsFirst(verb, words[1:]))); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
