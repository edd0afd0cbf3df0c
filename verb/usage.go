package verb

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
)

// usageError returns the error of a flag that a verb does not have, or of a flag with an invalid value. A service or a
// server has the classic line's message.
func usageError(c *cli.Context, err error, _ bool) error {
	for _, flag := range c.Command.Flags {
		if target, ok := flag.(*targetFlag); ok && target.value.Err != nil {
			return cli.Exit(target.value.Err, statusFailed)
		}
	}
	return cli.Exit(fmt.Errorf("%w\nTry `%s --help' for more information", err, c.Command.HelpName), statusFailed)
}

// withoutWords makes an action fail if there are words after the flags of its verb.
func withoutWords(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return unexpected(c)
		}
		return action(c)
	}
}

// unexpected returns the error of a word that belongs to no flag. In a verb with --file it may be the name of a file.
func unexpected(c *cli.Context) error {
	word := command.Printable(c.Args().First())
	err := errors.New("unexpected argument " + word)
	if slices.ContainsFunc(c.Command.Flags, func(flag cli.Flag) bool { return slices.Contains(flag.Names(), "file") }) {
		return cli.Exit(&command.Hinted{Err: err, Hints: []string{"type " + c.Command.HelpName + " -f " + word}}, statusFailed)
	}
	return cli.Exit(err, statusFailed)
}
