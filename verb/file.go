package verb

import (
	"errors"

	"github.com/urfave/cli/v2"
)

// fileFlag returns the flag -f of a verb. It refuses an empty name, which a script has from a variable that is not set:
// without -f the verb would use a standard stream.
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
