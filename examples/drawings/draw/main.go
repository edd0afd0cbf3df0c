// Draw makes the drawings of examples/README.md: an SVG beside each text in examples/drawings. Run it there:
//
//	go run ./draw
//
// A text has these lines:
//
//	title TEXT
//	box NAME COLUMN ROW LINE|LINE|...
//	line FROM TO [TEXT]     a network or a packet's way
//	dash FROM TO [TEXT]     what directors and routers tell each other
package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	texts, err := filepath.Glob("*.txt")
	if err == nil && len(texts) == 0 {
		err = fmt.Errorf("no texts here: run it in examples/drawings")
	}
	for _, text := range texts {
		if err == nil {
			err = drawFile(text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func drawFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	svg, err := draw(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(strings.TrimSuffix(path, ".txt")+".svg", []byte(svg), 0o644)
}

// These are lengths in pixels.
const (
	columnWidth, rowHeight = 270, 104
	boxWidth, lineHeight   = 176, 17
	margin                 = 14
)

type box struct {
	x, y, height int // of its centre
	lines        []string
}

type drawing struct {
	title        string
	boxes        map[string]box
	body, lines  strings.Builder
	columns, row int // the largest
}

// draw returns the SVG of a text.
func draw(text string) (string, error) {
	d := drawing{boxes: make(map[string]box)}
	for i, line := range strings.Split(text, "\n") {
		if err := d.add(line); err != nil {
			return "", fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	width, height := (d.columns+1)*columnWidth-columnWidth+boxWidth+2*margin, (d.row+1)*rowHeight+margin
	return fmt.Sprintf(head, width, height, html.EscapeString(d.title)) + d.lines.String() + d.body.String() + "</svg>\n", nil
}

// The colours of light and dark pages. Without a media query a viewer shows the light ones, on white.
const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img">
<title>%[3]s</title>
<style>
.page { fill: #ffffff } .box { fill: #f6f8fa; stroke: #57606a } .name, .text, .label { fill: #1f2328 }
.wire { stroke: #57606a; fill: none; stroke-width: 1.5 } .dash { stroke-dasharray: 5 4 } .label { paint-order: stroke; stroke: #ffffff; stroke-width: 5 }
text { font: 12px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle } .name { font-weight: bold }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .box { fill: #161b22; stroke: #8b949e } .name, .text, .label { fill: #e6edf3 }
.wire { stroke: #8b949e } .label { stroke: #0d1117 }
}
</style>
<rect class="page" width="100%%" height="100%%"/>
`

func (d *drawing) add(line string) error {
	kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	words := strings.Fields(rest)
	switch {
	case kind == "" || strings.HasPrefix(kind, "#"):
		return nil
	case kind == "title":
		d.title = rest
		return nil
	case kind == "box" && len(words) >= 4:
		return d.addBox(words[0], words[1], words[2], strings.Join(words[3:], " "))
	case (kind == "line" || kind == "dash") && len(words) >= 2:
		return d.addLine(kind, words[0], words[1], strings.Join(words[2:], " "))
	default:
		return fmt.Errorf("not a line of a drawing: %q", line)
	}
}

func (d *drawing) addBox(name, columnText, rowText, text string) error {
	column, err := strconv.ParseFloat(columnText, 64)
	if err != nil {
		return err
	}
	row, err := strconv.ParseFloat(rowText, 64)
	if err != nil {
		return err
	}
	lines := strings.Split(text, "|")
	b := box{
		x: margin + boxWidth/2 + int(column*columnWidth), y: margin + rowHeight/2 + int(row*rowHeight),
		height: len(lines)*lineHeight + 14, lines: lines,
	}
	d.boxes[name] = b
	d.columns, d.row = max(d.columns, int(column+0.99)), max(d.row, int(row+0.99))
	fmt.Fprintf(&d.body, "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\"/>\n",
		b.x-boxWidth/2, b.y-b.height/2, boxWidth, b.height)
	class := "name"
	for i, line := range lines {
		fmt.Fprintf(&d.body, "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n",
			class, b.x, b.y-b.height/2+19+i*lineHeight, html.EscapeString(strings.TrimSpace(line)))
		class = "text"
	}
	return nil
}

func (d *drawing) addLine(kind, fromName, toName, text string) error {
	from, ok := d.boxes[fromName]
	to, known := d.boxes[toName]
	if !ok || !known {
		return fmt.Errorf("a line from %q to %q, of which one is no box above it", fromName, toName)
	}
	class := "wire"
	if kind == "dash" {
		class += " dash"
	}
	fmt.Fprintf(&d.lines, "<path class=\"%s\" d=\"M%d %dL%d %d\"/>\n", class, from.x, from.y, to.x, to.y)
	if text != "" {
		fmt.Fprintf(&d.body, "<text class=\"label\" x=\"%d\" y=\"%d\">%s</text>\n", (from.x+to.x)/2, (from.y+to.y)/2-5, html.EscapeString(text))
	}
	return nil
}
