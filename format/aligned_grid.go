package format

import "io"

// grid holds the cells of a table line by line, and how wide each column is. The text of all cells is one slice: a string
// for each cell, and github.com/olekukonko/tablewriter to draw them, take five times as long and twice the memory.
type grid struct {
	row     // the text of the cells
	columns []column
	ends    []int       // of each cell in the text
	colours map[int]int // of cells, by their index; nil without colours
	form    form
	pen     pen
	shown   []int // indices of the columns that are not left out; set by place
}

// form is how much room a grid needs.
type form int

const (
	natural form = iota // everything in columns of its own
	stacked             // what belongs to a service stands behind its name
	short               // the same with short headings and words
)

type column struct {
	heading  string
	short    string // the heading in a short grid, if it is another one
	right    bool   // align to the right, for numbers
	optional bool   // leave out if every cell is empty
	group    bool   // begins a group of columns, which stay on one line if they fit on one

	widest int // how wide its widest cell is
	width  int
	line   int // on which line of a row the column is
	start  int // where on that line it begins
}

// continuation is the indentation of lines that continue a row.
const continuation = 4

// newGrid returns an empty grid for the output that the options describe.
func (a aligned) newGrid(columns []column) *grid {
	g := &grid{columns: columns, pen: pen{width: a.Width}}
	if a.Colour {
		g.colours = make(map[int]int)
	}
	return g
}

// next ends a cell and begins the next one.
func (g *grid) next() {
	c := &g.columns[len(g.ends)%len(g.columns)]
	c.widest = max(c.widest, len(g.text)-g.start)
	g.start = len(g.text)
	g.ends = append(g.ends, g.start)
}

// alone ends a line that has only its first cell, which may be wider than its column.
func (g *grid) alone() {
	g.start = len(g.text)
	for range g.columns {
		g.ends = append(g.ends, g.start)
	}
}

// skip adds empty cells.
func (g *grid) skip(cells int) {
	for range cells {
		g.next()
	}
}

func (g *grid) addNumber(n uint64) {
	g.number(n)
	g.next()
}

// paint gives the current cell a colour, if the grid has colours. Zero stands for none.
func (g *grid) paint(colour int) {
	if g.colours != nil && colour != 0 {
		g.colours[len(g.ends)] = colour
	}
}

// ifColoured returns a colour if the grid has colours.
func (g *grid) ifColoured(colour int) int {
	if g.colours == nil {
		return 0
	}
	return colour
}

// empty removes all lines. The columns keep their widths.
func (g *grid) empty() {
	g.text, g.ends, g.start = g.text[:0], g.ends[:0], 0
	clear(g.colours)
}

func (g *grid) heading(c *column) string {
	if g.form == short && c.short != "" {
		return c.short
	}
	return c.heading
}

// place decides where each column is. It reports whether the columns fit beside each other.
func (g *grid) place() bool {
	g.shown = g.shown[:0]
	total := 0
	for i := range g.columns {
		if c := &g.columns[i]; c.widest > 0 || !c.optional {
			c.width = max(c.widest, len(g.heading(c)))
			g.shown = append(g.shown, i)
			total += c.width
		}
	}
	gaps := len(g.shown) - 1
	g.pen.gap = 2
	if g.form == short && total+2*gaps > g.pen.width {
		g.pen.gap = 1
	}
	excess := total + g.pen.gap*gaps - g.pen.width
	if g.pen.width == 0 || excess <= 0 {
		g.placeWithin(total + g.pen.gap*gaps)
		return true
	}
	// Few names are longer than an IPv4 endpoint. The rest of their row continues on the next line.
	first := &g.columns[g.shown[0]]
	first.width = min(first.width, max(first.width-excess, len("  255.255.255.255:65535")))
	g.placeWithin(g.pen.width)
	return false
}

// placeWithin puts the columns beside each other, and on another line of the row where a width ends.
func (g *grid) placeWithin(width int) {
	line, end := 0, -g.pen.gap
	for at, i := range g.shown {
		c := &g.columns[i]
		need := c.width
		if c.group && continuation+g.groupWidth(at) <= width {
			need = g.groupWidth(at)
		}
		if end > 0 && end+g.pen.gap+need > width {
			line++
			end = continuation - g.pen.gap
		}
		c.line, c.start = line, end+g.pen.gap
		end = c.start + c.width
	}
}

// groupWidth returns how wide the group is that a shown column begins.
func (g *grid) groupWidth(at int) int {
	width := g.columns[g.shown[at]].width
	for _, i := range g.shown[at+1:] {
		if g.columns[i].group {
			break
		}
		width += g.pen.gap + g.columns[i].width
	}
	return width
}

// write writes the lines. Call place first.
func (g *grid) write(w io.Writer) error {
	for line := 0; line < len(g.ends); line += len(g.columns) {
		for _, i := range g.shown {
			cell := line + i
			begin := 0
			if cell > 0 {
				begin = g.ends[cell-1]
			}
			if text := g.text[begin:g.ends[cell]]; len(text) > 0 {
				g.pen.cell(&g.columns[i], text, g.colours[cell])
			}
		}
		g.pen.endRow()
		if len(g.pen.text) < enoughToWrite {
			continue
		}
		if err := g.pen.flush(w); err != nil {
			return err
		}
	}
	return g.pen.flush(w)
}

// writeHeadings writes the headings of the columns. Call place first.
func (g *grid) writeHeadings(w io.Writer) error {
	for _, i := range g.shown {
		c := &g.columns[i]
		g.pen.cell(c, []byte(g.heading(c)), g.ifColoured(bold))
	}
	g.pen.endRow()
	return g.pen.flush(w)
}

// writeNote says below a short grid how to see everything.
func (g *grid) writeNote(w io.Writer) error {
	if g.form != short {
		return nil
	}
	return g.writeLine(w, "Fitted to "+decimal(uint64(g.pen.width))+" columns. To see everything in full, add: | less -S", 0)
}

// writeLine writes a line of text.
func (g *grid) writeLine(w io.Writer, text string, colour int) error {
	g.pen.wrapped([]byte(text), g.ifColoured(colour))
	g.pen.endRow()
	return g.pen.flush(w)
}
