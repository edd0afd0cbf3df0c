package verb

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
)

func (a *app) helpVerb() *cli.Command {
	return &cli.Command{
		Name:   "help",
		Usage:  "print the options and verbs",
		Action: func(*cli.Context) error { return a.writeHelp() },
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
