// Package verb holds everything that can be typed after "ipvsadm": the verbs, one file each, and the classic command
// line, which begins with a dash.
package verb

import (
	"bufio"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/drain"
	"ipvsadm/ipvs"
	"ipvsadm/ipvs/netns"
	"ipvsadm/names"
	"ipvsadm/restore"
)

// app holds what all verbs share.
type app struct {
	version  string
	name     string // the first word of the command line, as the original's messages quote it
	stdin    *os.File
	stdout   *bufio.Writer // Run flushes it
	output   *os.File      // behind stdout
	stderr   *os.File
	resolver *names.Resolver
	dial     func() (*ipvs.Client, error)
	lockFile string // of all restores

	drainDirectory string // the records of drained servers
}

// Run runs a command line, whose first argument is the name of the program. It returns the exit status.
func Run(ctx context.Context, version string, args []string, stdin, stdout, stderr *os.File) int {
	keepIgnored()
	if len(args) == 0 { // kernels before 5.18 run a program without any
		args = []string{"ipvsadm"}
	}
	a := &app{
		version:  version,
		name:     args[0],
		stdin:    stdin,
		stdout:   bufio.NewWriterSize(standardOutput{stdout}, 64<<10),
		output:   stdout,
		stderr:   stderr,
		resolver: names.NewResolver(),
		dial:     ipvs.Dial,
		lockFile: restore.LockFile,

		drainDirectory: drain.Directory,
	}
	err := a.run(ctx, args)
	if flushErr := a.stdout.Flush(); err == nil && flushErr != nil {
		err = failed(flushErr)
	}
	status := a.report(err)
	var signal interrupted
	if errors.As(err, &signal) {
		return signal.end()
	}
	return status
}

// verbs lists the verbs. Dispatch, the names of links, -h and completion all use this list.
func (a *app) verbs() []*cli.Command {
	return []*cli.Command{
		a.saveVerb(),
		a.restoreVerb(),
		a.diffVerb(),
		a.maglevVerb(),
		a.checkVerb(),
		a.whyVerb(),
		a.connectionsVerb(),
		a.drainVerb(),
		a.undrainVerb(),
		a.weightVerb(),
		a.topVerb(),
		a.metricsVerb(),
		a.helpVerb(),
		a.versionVerb(),
	}
}

// linkPrefix begins the names of links to this program: "ipvsadm-save" is "ipvsadm save".
const linkPrefix = "ipvsadm-"

// run enters the namespace that --netns names, and runs what is left of the command line.
func (a *app) run(ctx context.Context, args []string) error {
	if len(args) > 2 && args[1] == completeVerb {
		return a.complete(ctx, args[2:])
	}
	namespace, args, err := command.CutNamespace(args)
	if err != nil {
		return err
	}
	if namespace != "" {
		// Exec returns only if it fails. The program that it starts does not see --netns.
		return cli.Exit(netns.Exec(namespace, args), statusUnavailable)
	}
	if verb, ok := strings.CutPrefix(filepath.Base(a.name), linkPrefix); ok {
		args = append([]string{a.name, verb}, args[1:]...)
	}
	if len(args) < 2 || strings.HasPrefix(args[1], "-") {
		return a.classic(ctx, args[1:]) // a cli.App would take 3 to 5 % of the start
	}
	app := a.cli()
	if verb := app.Command(args[1]); verb != nil && !verb.SkipFlagParsing {
		args = append(args[:2:2], flagsFirst(verb, args[2:])...)
	}
	return app.RunContext(ctx, args)
}

// cli returns the application. It runs a verb if the first word names one, or else the classic command line,
// whose error an unknown verb gets.
func (a *app) cli() *cli.App {
	verbs := a.verbs()
	for _, verb := range verbs {
		if verb.OnUsageError == nil {
			verb.OnUsageError = usageError
		}
		verb.HideHelpCommand = true
		verb.CustomHelpTemplate = verbHelp(verb)
		if verb.ArgsUsage == "" {
			verb.Action = withoutWords(verb.Action)
		}
	}
	return &cli.App{
		Name:            "ipvsadm",
		Writer:          a.stdout,
		ErrWriter:       a.stderr,
		SkipFlagParsing: true, // the classic grammar parses its own options
		ExitErrHandler:  func(*cli.Context, error) {},
		Commands:        verbs,
		Action: func(c *cli.Context) error {
			return a.classic(c.Context, c.Args().Slice())
		},
	}
}

func (a *app) lookup(ctx context.Context) command.Lookup {
	return command.Lookup{
		Host: func(name string) (netip.Addr, error) { return a.resolver.LookupHost(ctx, name) },
		Port: a.resolver.ServicePort,
	}
}
