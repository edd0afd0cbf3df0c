package verb

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
)

func (a *app) helpVerb() *cli.Command {
	return &cli.Command{
		Name:            "help",
		Usage:           "print this summary, or the flags of a verb",
		ArgsUsage:       "[VERB]",
		HideHelp:        true, // the library's text would replace this verb's
		SkipFlagParsing: true,
		Action:          a.help,
	}
}

func (a *app) help(c *cli.Context) error {
	name := c.Args().First()
	switch {
	case name == "" || name == "-h" || name == "--help":
		return a.writeHelp()
	case c.Args().Len() == 1 && c.App.Command(name) != nil:
		return cli.ShowCommandHelp(c, name)
	default:
		return unexpected(c)
	}
}

func (a *app) versionVerb() *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "print the version",
		Action: func(*cli.Context) error { return a.writeVersion() },
	}
}

func (a *app) writeHelp() error {
	var verbs []command.Candidate
	for _, verb := range a.verbs() {
		verbs = append(verbs, command.Candidate{Word: verb.Name, Help: verb.Usage})
	}
	return command.WriteHelp(a.stdout, a.name, verbs)
}

func (a *app) writeVersion() error {
	_, err := fmt.Fprintf(a.stdout, "ipvsadm %s (commands and tables of ipvsadm 1.31)\n", a.version)
	return err
}
