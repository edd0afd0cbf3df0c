// Linked does nothing, like "least nothing", but is linked with the four libraries of the program. It measures their share
// of a start.
package main

import (
	"os"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"github.com/olekukonko/tablewriter"
	"github.com/urfave/cli/v2"
)

func main() {
	if len(os.Args) == 1 {
		return
	}
	// These calls keep the linker from leaving the libraries out.
	tablewriter.NewWriter(os.Stdout).Render()
	if _, err := genetlink.Dial(&netlink.Config{}); err != nil {
		os.Exit(1)
	}
	if err := cli.NewApp().Run(os.Args); err != nil {
		os.Exit(1)
	}
}
