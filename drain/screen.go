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
		line := cut(bar(e.left, e.most)+" "+e.brief(), s.width-1)
		if s.colour && e.left == 0 {
			line = green + line + plain
		}
		fmt.Fprint(s.out, line+eraseLine+"\n")
	}
	s.lines = len(all)
}

// brief returns the event as a line for 80 columns. What counts least comes last, because a narrow terminal cuts it. All
// servers of a drain have the same address, so their services name them.
func (e Progress) brief() string {
	name := e.key.service.String()
	if port := e.key.server.Port(); port != 0 && port != e.key.service.Address.Port() {
		name += fmt.Sprintf(" -> :%d", port)
	}
	if e.left == 0 {
		return name + ": drained"
	}
	text := fmt.Sprintf("%s: %d active", name, e.Active)
	if e.UDP > 0 {
		text += fmt.Sprintf(", %d UDP", e.UDP)
	}
	if e.Templates > 0 {
		text += fmt.Sprintf(", %s (%s)", plural(e.Templates, "template"), inWords(e.LongestTemplate))
	}
	if e.PerMinute != nil && *e.PerMinute >= 0.1 {
		text += fmt.Sprintf("; -%.1f/min", *e.PerMinute)
	}
	if e.Longest > 0 {
		text += "; up to " + inWords(e.Longest)
	}
	return fmt.Sprintf("%s; %d inactive", text, e.Inactive)
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
