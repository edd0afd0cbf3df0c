package verb

import (
	"errors"

	"github.com/urfave/cli/v2"
)

// fileFlag returns the flag --file of a verb. An empty name is an error, not a standard stream: it usually comes from a
// variable that a script forgot to set.
func fileFlag(usage string) cli.Flag {
	return &cli.StringFlag{
		Name:      "file",
		Aliases:   []string{"f"},
		Usage:     usage,
		TakesFile: true,
		Action:    notEmpty("file"),
	}
}

// notEmpty returns an action that makes a flag fail if its value is empty.
func notEmpty(flag string) func(*cli.Context, string) error {
	return func(_ *cli.Context, path string) error {
		if path == "" {
			return failed(errors.New("--" + flag + ": the name of the file is empty"))
		}
		return nil
	}
}
