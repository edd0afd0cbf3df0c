// Package verb holds everything that can be typed after "ipvsadm": the verbs, one file for each, and the classic command
// line, whose first word begins with a dash.
package verb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs/netns"
	"ipvsadm/names"
)

// app is what all verbs share.
type app struct {
	version  string
	name     string // the first word of the command line, as the original's messages quote it
	stdin    *os.File
	stdout   *bufio.Writer
	output   *os.File // behind stdout
	stderr   io.Writer
	errors   *os.File // behind stderr
	resolver *names.Resolver
}

// Run carries out a command line, whose first word is the name of the program, and returns the exit status.
func Run(ctx context.Context, version string, words []string, stdin, stdout, stderr *os.File) int {
	keepIgnored()
	a := &app{
		version:  version,
		name:     words[0],
		stdin:    stdin,
		stdout:   bufio.NewWriterSize(standardOutput{stdout}, 64<<10),
		output:   stdout,
		stderr:   stderr,
		errors:   stderr,
		resolver: names.NewResolver(),
	}
	err := a.run(ctx, words)
	if flushErr := a.stdout.Flush(); err == nil && flushErr != nil {
		err = failed(flushErr)
	}
	status := a.report(err)
	var signal interrupted
	if errors.As(err, &signal) {
		status = signal.end()
	}
	return status
}

// verbs returns the verbs. Dispatch, the names of links, -h and completion all use this list.
func (a *app) verbs() []*cli.Command {
	return []*cli.Command{a.saveVerb(), a.restoreVerb(), a.helpVerb(), a.versionVerb()}
}

// linkPrefix begins the names of links that stand for a verb: "ipvsadm-save" is "ipvsadm save".
const linkPrefix = "ipvsadm-"

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
	return a.cli().RunContext(ctx, words)
}

// cli returns the application: its verbs, and the classic command line for words that name none of them.
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
		HideHelp:        true, // -h and help are ours
		HideVersion:     true,
		SkipFlagParsing: true, // the classic grammar parses its own options
		ExitErrHandler:  func(*cli.Context, error) {},
		Commands:        verbs,
		Action: func(c *cli.Context) error {
			return a.classic(c.Context, c.Args().Slice())
		},
	}
}

func usageError(c *cli.Context, err error, _ bool) error {
	return cli.Exit(fmt.Errorf("%w\nTry `%s --help' for more information", err, c.Command.HelpName), statusFailed)
}

// withoutWords refuses words that are left over behind the flags of a verb.
func withoutWords(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return unexpected(c)
		}
		return action(c)
	}
}

// unexpected is the error of a word that belongs to no flag.
func unexpected(c *cli.Context) error {
	word := command.Printable(c.Args().First())
	err := errors.New("unexpected argument " + word)
	if slices.ContainsFunc(c.Command.Flags, func(flag cli.Flag) bool { return slices.Contains(flag.Names(), "file") }) {
		return cli.Exit(&command.Hinted{Err: err, Hints: []string{"type " + c.Command.HelpName + " -f " + word}}, statusFailed)
	}
	return cli.Exit(err, statusFailed)
}

func (a *app) lookup(ctx context.Context) command.Lookup {
	return command.Lookup{
		Host: func(name string) (netip.Addr, error) { return a.resolver.LookupHost(ctx, name) },
		Port: a.resolver.ServicePort,
	}
}
