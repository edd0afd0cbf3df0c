package format

import (
	"bytes"
	"io"
	"strconv"
)

// pen writes the cells of one line after the other.
type pen struct {
	text  []byte
	width int // of the terminal; zero for no limit
	gap   int // spaces between columns
	line  int // of the row
	at    int // how many columns of the terminal the line takes
}

func (p *pen) endRow() {
	p.newline()
	p.line = 0
}

// flush writes what the pen has, and keeps its memory.
func (p *pen) flush(w io.Writer) error {
	_, err := w.Write(p.text)
	p.text = p.text[:0]
	return err
}

func (p *pen) newline() {
	p.text = append(p.text, '\n')
	p.at = 0
}

func (p *pen) spaces(to int) {
	for ; p.at < to; p.at++ {
		p.text = append(p.text, ' ')
	}
}

// cell writes a cell in its column. If the cell before it takes its place, it goes to the next line.
func (p *pen) cell(c *column, text []byte, colour int) {
	start := c.start
	if c.right {
		start += max(0, c.width-len(text))
	}
	if p.width > 0 { // a number in a wide column may end beyond a narrow terminal
		start = max(min(start, p.width-len(text)), min(c.start, continuation))
	}
	if p.at > 0 && (c.line > p.line || p.at+p.gap > start) {
		p.newline()
	}
	p.line = c.line
	p.spaces(start)
	p.wrapped(text, colour)
}

// wrapped writes a text. It continues on the next line where the terminal ends, if possible between words.
func (p *pen) wrapped(text []byte, colour int) {
	for p.width > 0 && p.at+len(text) > p.width {
		room := p.width - p.at
		indent := len(text) - len(bytes.TrimLeft(text, " "))
		cut := bytes.LastIndexByte(text[:room+1], ' ')
		if cut <= indent {
			cut = room
		}
		p.painted(bytes.TrimRight(text[:cut], " "), colour)
		p.newline()
		p.spaces(continuation)
		text = bytes.TrimLeft(text[cut:], " ")
	}
	p.painted(text, colour)
}

// Parameters of a terminal's escape sequences. These are readable on dark and on light backgrounds; yellow is not.
const (
	bold    = 1
	red     = 31
	magenta = 35
)

// painted appends a text in a colour; zero stands for none.
func (p *pen) painted(text []byte, colour int) {
	p.at += len(text)
	if colour == 0 {
		p.text = append(p.text, text...)
		return
	}
	word := bytes.TrimLeft(text, " ")
	p.text = append(p.text, text[:len(text)-len(word)]...)
	p.text = append(strconv.AppendInt(append(p.text, "\x1b["...), int64(colour), 10), 'm')
	p.text = append(append(p.text, word...), "\x1b[0m"...)
}
