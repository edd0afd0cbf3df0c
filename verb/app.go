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
	"ipvsadm/ipvs/netns"
	"ipvsadm/names"
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
}

// Run runs a command line, whose first word is the name of the program. It returns the exit status.
func Run(ctx context.Context, version string, words []string, stdin, stdout, stderr *os.File) int {
	keepIgnored()
	a := &app{
		version:  version,
		name:     words[0],
		stdin:    stdin,
		stdout:   bufio.NewWriterSize(standardOutput{stdout}, 64<<10),
		output:   stdout,
		stderr:   stderr,
		resolver: names.NewResolver(),
	}
	err := a.run(ctx, words)
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
	return []*cli.Command{a.saveVerb(), a.restoreVerb(), a.helpVerb(), a.versionVerb()}
}

// linkPrefix begins the names of links to this program: "ipvsadm-save" is "ipvsadm save".
const linkPrefix = "ipvsadm-"

// run enters the namespace that --netns names, and runs what is left of the command line.
func (a *app) run(ctx context.Context, words []string) error {
	if len(words) > 2 && words[1] == completeVerb {
		return a.complete(ctx, words[2:])
	}
	namespace, words, err := command.CutNamespace(words)
	if err != nil {
		return err
	}
	if namespace != "" {
		return cli.Exit(netns.Exec(namespace, words), statusUnavailable)
	}
	if verb, ok := strings.CutPrefix(filepath.Base(a.name), linkPrefix); ok {
		words = append([]string{a.name, verb}, words[1:]...)
	}
	if len(words) < 2 || strings.HasPrefix(words[1], "-") {
		return a.classic(ctx, words[1:]) // a cli.App would take 3 to 5 % of the start
	}
	app := a.cli()
	if verb := app.Command(words[1]); verb != nil && !verb.SkipFlagParsing {
		words = append(words[:2:2], flagsFirst(verb, words[2:])...)
	}
	return app.RunContext(ctx, words)
}

// cli returns the application. It runs a verb if the first word names one, or else the classic command line.
func (a *app) cli() *cli.App {
	verbs := a.verbs()
	for _, verb := range verbs {
		verb.OnUsageError = usageError
		verb.HideHelpCommand = true
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
