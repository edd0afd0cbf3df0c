package top

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ipvsadm/ipvs"
)

// Screen is what a user of top has chosen to see. Its methods change the choice; Draw draws it.
type Screen struct {
	Interval time.Duration
	Sort     string // a name of ColumnNames
	Filter   string // only lines whose text has it
	Frozen   bool
	Help     bool
	Colour   bool
	UTF8     bool
	Name     func(*Line) string // the text of a line's service or server

	lines    []Line
	now      time.Time
	folded   map[ipvs.ServiceID]bool
	selected key // of the selected line
	first    int // the index of the first line shown
	typing   bool
	details  []string // in place of the lines
	Status   string   // the last line
}

// Update replaces the lines, unless the screen is frozen.
func (s *Screen) Update(now time.Time, lines []Line) {
	if !s.Frozen {
		s.now, s.lines = now, lines
	}
}

// Selected returns the selected line, or nil.
func (s *Screen) Selected() *Line {
	for _, line := range s.visible() {
		if (key{line.Service, line.Server}) == s.selected {
			return line
		}
	}
	return nil
}

// ShowDetails shows lines of text in place of the table, until a key is pressed.
func (s *Screen) ShowDetails(details []string) { s.details = details }

// visible returns the lines that filter and folding leave, services followed by their servers.
func (s *Screen) visible() []*Line {
	var visible []*Line
	lines := sortLines(s.lines, s.Sort)
	for i := range lines {
		service := &lines[i]
		serviceFits := s.fits(service)
		at := len(visible)
		visible = append(visible, service)
		if !s.folded[service.Service] || !serviceFits {
			for j := range service.Servers {
				if serviceFits || s.fits(&service.Servers[j]) {
					visible = append(visible, &service.Servers[j])
				}
			}
		}
		switch {
		case serviceFits:
		case len(visible) == at+1:
			visible = visible[:at]
		case s.folded[service.Service]:
			visible = visible[:at+1]
		}
	}
	return visible
}

func (s *Screen) fits(line *Line) bool {
	return s.Filter == "" || strings.Contains(strings.ToLower(s.Name(line)), strings.ToLower(s.Filter))
}

// The parameters of a terminal's escape sequences.
const (
	reverse = "7"
	red     = "31"
	yellow  = "33"
	cyan    = "36"
)

// barWidth is the width of the bar of connections per second.
const barWidth = 15

// Draw returns the lines of a screen of a width and a height.
func (s *Screen) Draw(width, height int) []string {
	drawn := []string{cut(s.heading(), width)}
	body := max(1, height-3)
	switch {
	case s.Help:
		drawn = append(drawn, help...)
	case s.details != nil:
		drawn = append(drawn, s.details...)
	default:
		drawn = append(drawn, s.table(width, body, true)...)
	}
	for i := range drawn {
		if !strings.Contains(drawn[i], "\x1b") {
			drawn[i] = cut(drawn[i], width)
		}
	}
	for len(drawn) < height-1 {
		drawn = append(drawn, "")
	}
	return append(drawn[:height-1], cut(s.footing(), width))
}

func (s *Screen) heading() string {
	servers := 0
	for _, line := range s.lines {
		servers += len(line.Servers)
	}
	text := fmt.Sprintf("ipvsadm top  %s  every %s  services: %d  servers: %d  sort: %s", s.now.Format(time.TimeOnly), s.Interval, len(s.lines), servers, s.Sort)
	if s.Frozen {
		text += "  FROZEN"
	}
	if s.Filter != "" && !s.typing {
		text += "  filter: " + s.Filter
	}
	return text
}

func (s *Screen) footing() string {
	if s.typing {
		return "filter: " + s.Filter + "_"
	}
	return s.Status
}

// table returns the headings and as many lines as fit, with the selected line among them and highlighted.
func (s *Screen) table(width, height int, selection bool) []string {
	columns := slices.DeleteFunc(Columns(), func(c Column) bool { return width < c.least })
	numbers := 0
	for _, column := range columns {
		numbers += 1 + column.width
	}
	bars := 0
	if rest := width - numbers; rest >= 30 {
		bars = min(barWidth, rest-24)
	}
	name := max(10, width-numbers-bars-min(bars, 1))
	heading := pad("SERVICE", name)
	for _, column := range columns {
		heading += " " + padLeft(column.heading, column.width)
	}
	if bars > 0 {
		heading += " " + pad("LAST MINUTE", bars)
	}
	drawn := []string{cut(heading, width)}
	visible := s.visible()
	at := max(0, slices.IndexFunc(visible, func(l *Line) bool { return (key{l.Service, l.Server}) == s.selected }))
	s.first = min(s.first, at, max(0, len(visible)-height))
	s.first = max(s.first, at-height+1)
	for i := s.first; i < len(visible) && i < s.first+height; i++ {
		drawn = append(drawn, s.line(visible[i], selection && i == at, name, columns, bars))
	}
	if len(visible) == 0 {
		drawn = append(drawn, "no service")
	}
	return drawn
}

func (s *Screen) line(l *Line, selected bool, name int, columns []Column, bars int) string {
	text := s.Name(l)
	switch {
	case !l.IsService():
		text = "  " + text
	case s.folded[l.Service]:
		text += " ..."
	}
	if l.Drained {
		text += " draining"
	}
	text = pad(text, name)
	for _, column := range columns {
		text += " " + padLeft(column.text(column.of(l)), column.width)
	}
	if bars > 0 {
		characters := Plain
		if s.UTF8 {
			characters = Blocks
		}
		text += " " + bar(l.History, bars, []rune(characters))
	}
	var style []string
	if selected {
		style = append(style, reverse)
	}
	if s.Colour && !l.IsService() {
		switch {
		case l.OverThreshold:
			style = append(style, red)
		case l.Drained:
			style = append(style, cyan)
		case l.Weight == 0:
			style = append(style, yellow)
		}
	}
	if style == nil {
		return text
	}
	return "\x1b[" + strings.Join(style, ";") + "m" + text + "\x1b[0m"
}

var help = []string{
	"",
	"up, down, page up, page down   select a line",
	"s, S      sort by the next, the previous column: the largest first",
	"enter     fold or unfold the service",
	"/         show only lines with a text; an empty one shows all",
	"c         connections of the selected server, by client and state",
	"f         freeze the screen, or go on",
	"+, -      a longer, a shorter interval",
	"q, ^C     quit",
	"",
	"W% is the share of the weight, T% the share of the traffic from clients. A - is unknown: replies by direct routing",
	"and tunnels do not pass this director. Yellow: weight 0. Cyan: drained by ipvsadm drain. Red: over its threshold.",
}

// cut shortens a text to a width.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width])
}

// pad fills or shortens a text to a width.
func pad(text string, width int) string {
	text = cut(text, width)
	return text + spaces(width-utf8.RuneCountInString(text))
}

func padLeft(text string, width int) string { return spaces(width-utf8.RuneCountInString(text)) + text }

func spaces(n int) string { return strings.Repeat(" ", max(0, n)) }
