package drain

import (
	"bufio"
	"fmt"
	"strings"
)

// screen shows progress on the last lines of a terminal.
type screen struct {
	out    *bufio.Writer
	width  int
	colour bool
	lines  int // how many lines it shows
}

// The control sequences of terminals.
const (
	up        = "\x1b[%dA"
	eraseLine = "\x1b[K"
	eraseDown = "\x1b[J"
	green     = "\x1b[32m"
	plain     = "\x1b[0m"
)

// erase removes what the screen shows.
func (s *screen) erase() {
	if s.lines > 0 {
		fmt.Fprintf(s.out, up+eraseDown, s.lines)
		s.lines = 0
	}
}

// draw shows a line with a bar for each server, in place of the lines before.
func (s *screen) draw(all []Progress) {
	if s.lines != len(all) {
		s.erase()
	} else if s.lines > 0 {
		fmt.Fprintf(s.out, up, s.lines)
	}
	for _, e := range all {
		line := cut(bar(e.left, e.most)+" "+e.Text(), s.width-1)
		if s.colour && e.left == 0 {
			line = green + line + plain
		}
		fmt.Fprint(s.out, line+eraseLine+"\n")
	}
	s.lines = len(all)
}

// bar returns a bar that is full when nothing is left.
func bar(left, most int) string {
	const width = 10
	full := width
	if most > 0 {
		full = width * (most - left) / most
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// cut returns the beginning of an ASCII text that fits a width.
func cut(text string, width int) string { return text[:min(len(text), max(width, 0))] }
