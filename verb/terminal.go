package verb

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"ipvsadm/command"
)

// isTerminal reports whether a file is a terminal. /dev/null is a character device too, so only the kernel knows.
func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// terminalWidth returns how many columns a terminal has. It returns zero for a file that is no terminal, and for a terminal
// that does not know its width, such as a serial line. COLUMNS is the width that its user prefers. A shell that exports
// COLUMNS does not make a pipe a terminal.
func terminalWidth(file *os.File) int {
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	if preferred, err := strconv.ParseUint(os.Getenv("COLUMNS"), 10, 16); err == nil && preferred > 0 {
		return int(preferred)
	}
	return width
}

// terminalHeight returns how many lines a terminal has, or zero.
func terminalHeight(file *os.File) int {
	_, height, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return height
}

// useColour reports whether output to a file has colours. The word is that of --color. Without it, and for "auto", there
// are colours on a terminal whose user has not turned them off (no-color.org).
func useColour(file *os.File, word string) bool {
	switch word {
	case "always":
		return true
	case "never":
		return false
	default:
		return isTerminal(file) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
}

// colourFlag returns the flag --color of a verb. Its value is for useColour.
func colourFlag() cli.Flag {
	words := command.ColourWords()
	return &cli.StringFlag{
		Name:  "color",
		Usage: "use colours: `" + strings.Join(words, "|") + "`",
		Action: func(_ *cli.Context, word string) error {
			if !slices.Contains(words, word) {
				return failed(fmt.Errorf("--color: %q is not one of %s", word, strings.Join(words, ", ")))
			}
			return nil
		},
	}
}
