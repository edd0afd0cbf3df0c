// Linked does nothing, like "least nothing", but is linked with the libraries of the command line and of the tables: what
// of a start is theirs.
package main

import (
	"os"

	"github.com/olekukonko/tablewriter"
	"github.com/urfave/cli/v2"
)

func main() {
	if len(os.Args) == 1 {
		return
	}
	// What the program uses of them is not left out by the linker.
	tablewriter.NewWriter(os.Stdout).Render()
	if err := cli.NewApp().Run(os.Args); err != nil {
		os.Exit(1)
	}
}
