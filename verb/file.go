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
		Action: func(_ *cli.Context, path string) error {
			if path == "" {
				return failed(errors.New("--file: the name of the file is empty"))
			}
			return nil
		},
	}
}
