package verb

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ipvsadm/diff"
)

const diffName = "diff"

// The exit statuses of diff(1).
const (
	statusDiffers = 1
	statusTrouble = 2
)

func (a *app) diffVerb() *cli.Command {
	return &cli.Command{
		Name:      diffName,
		Usage:     "compare two tables",
		ArgsUsage: "A [B]",
		Description: "A and B are each " + sources + ", the default for B.\n" +
			"\"- \" precedes the commands of A alone, \"+ \" those of B alone.\n" +
			"Exit status: 0 if the tables are the same, 1 if they differ, 2 if one cannot be read.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ignore", Usage: "what does not count: `weights`"},
			&cli.StringFlag{Name: "format", Usage: "how to print the differences: `text|json`", DefaultText: "text"},
		},
		OnUsageError: func(c *cli.Context, err error, isSubcommand bool) error {
			return trouble(usageError(c, err, isSubcommand))
		},
		Action: func(c *cli.Context) error { return a.diff(c) },
	}
}

func (a *app) diff(c *cli.Context) error {
	format, err := oneOf(c, "format", "text", "json")
	if err != nil {
		return trouble(err)
	}
	if _, err := oneOf(c, "ignore", "", "weights"); err != nil {
		return trouble(err)
	}
	names := c.Args().Slice()
	switch {
	case len(names) == 0:
		return trouble(fmt.Errorf("diff needs a table: %s", sources))
	case len(names) == 1:
		names = append(names, kernelTable)
	case len(names) > 2:
		return trouble(fmt.Errorf("diff compares two tables, not %d", len(names)))
	}
	if names[0] == "-" && names[1] == "-" {
		return trouble(errors.New("only one of the tables can come from standard input"))
	}
	tableA, err := a.readTable(c.Context, names[0])
	if err != nil {
		return trouble(err)
	}
	tableB, err := a.readTable(c.Context, names[1])
	if err != nil {
		return trouble(err)
	}
	differences := diff.Compare(tableA, tableB, diff.Options{IgnoreWeights: c.IsSet("ignore")})
	if format == "json" {
		err = diff.WriteJSON(a.stdout, names[0], names[1], differences)
	} else {
		_, err = a.stdout.Write(diff.AppendText(nil, differences))
	}
	if err == nil {
		err = a.stdout.Flush()
	}
	if err != nil {
		return trouble(err)
	}
	if len(differences) > 0 {
		return cli.Exit("", statusDiffers)
	}
	return nil
}

// oneOf returns the value of a flag, which must be one of the words. The first word is the default.
func oneOf(c *cli.Context, flag string, words ...string) (string, error) {
	if !c.IsSet(flag) {
		return words[0], nil
	}
	for _, word := range words {
		if word != "" && c.String(flag) == word {
			return word, nil
		}
	}
	return "", fmt.Errorf("--%s %q: use %s", flag, c.String(flag), strings.Join(slices.DeleteFunc(words, isEmpty), " or "))
}

func isEmpty(word string) bool { return word == "" }

// trouble gives an error the status of a comparison that failed.
func trouble(err error) error { return cli.Exit(err, statusTrouble) }
