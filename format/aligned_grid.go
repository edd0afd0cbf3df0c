package format

import (
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
)

// grid holds lines of cells. Each column is as wide as its widest cell.
type grid struct {
	columns []column
	lines   []line
	widths  []int // the minimum width of each column; nil for none
}

type column struct {
	heading  string
	right    bool // align to the right, for numbers
	optional bool // leave out if every cell is empty
}

type line struct {
	cells  []string
	colour int // parameter of a terminal's escape sequence; 0 for none
}

const (
	red    = tablewriter.FgRedColor
	yellow = tablewriter.FgYellowColor
)

func (g *grid) add(colour int, cells ...string) {
	g.lines = append(g.lines, line{cells, colour})
}

// write writes the headings, if they are wanted, and the lines. Then it removes the lines from the grid.
func (g *grid) write(w io.Writer, headings bool) error {
	shown := g.shown()
	if headings {
		var cells []string
		for _, c := range g.columns {
			cells = append(cells, c.heading)
		}
		g.lines = slices.Insert(g.lines, 0, line{cells: cells})
	}
	if len(g.lines) == 0 {
		return nil
	}

	var text strings.Builder
	table := tablewriter.NewWriter(&text)
	table.SetAutoWrapText(false)
	table.SetBorder(false)
	table.SetNoWhiteSpace(true)
	table.SetTablePadding("  ")
	var alignment []int
	for _, i := range shown {
		alignment = append(alignment, tablewriter.ALIGN_LEFT)
		if g.columns[i].right {
			alignment[len(alignment)-1] = tablewriter.ALIGN_RIGHT
		}
		if g.widths != nil {
			table.SetColMinWidth(len(alignment)-1, g.widths[i])
		}
	}
	table.SetColumnAlignment(alignment)
	for _, line := range g.lines {
		var cells []string
		for _, i := range shown {
			cells = append(cells, painted(line.cells[i], line.colour))
		}
		table.Append(cells)
	}
	table.Render()
	g.lines = g.lines[:0]

	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// widen makes the minimum width of each column at least that of its heading and cells.
func (g *grid) widen() {
	if g.widths == nil {
		g.widths = make([]int, len(g.columns))
	}
	for i, c := range g.columns {
		g.widths[i] = max(g.widths[i], len(c.heading))
		for _, line := range g.lines {
			g.widths[i] = max(g.widths[i], len(line.cells[i]))
		}
	}
}

// shown returns the indices of the columns that are not optional or not empty.
func (g *grid) shown() []int {
	var shown []int
	for i, c := range g.columns {
		filled := func(l line) bool { return l.cells[i] != "" }
		if !c.optional || slices.ContainsFunc(g.lines, filled) {
			shown = append(shown, i)
		}
	}
	return shown
}

func painted(cell string, colour int) string {
	if colour == 0 || cell == "" {
		return cell
	}
	indent := len(cell) - len(strings.TrimLeft(cell, " "))
	return cell[:indent] + "\x1b[" + decimal(uint64(colour)) + "m" + cell[indent:] + "\x1b[0m"
}
