package drain

import (
	"bufio"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"
)

// Style is how a Printer writes.
type Style struct {
	JSON   bool // one object on each line
	Quiet  bool // write nothing
	Width  int  // of the terminal; zero if output is no terminal or cannot move its cursor
	Height int  // of the terminal
	Colour bool
}

// Printer writes events. Each is written when Print returns.
type Printer struct {
	out     *bufio.Writer
	style   Style
	screen  *screen // nil if output is no terminal
	written map[key]Progress
	at      time.Time // when the last progress was written
}

// NewPrinter returns a printer.
func NewPrinter(out *bufio.Writer, style Style) *Printer {
	p := &Printer{out: out, style: style, written: make(map[key]Progress)}
	if style.Width > 0 && !style.JSON {
		p.screen = &screen{out: out, width: style.Width, colour: style.Colour}
	}
	return p
}

// Print writes an event.
func (p *Printer) Print(e Event) error {
	switch text := e.Text(); {
	case p.style.Quiet:
		return nil
	case p.style.JSON:
		encoder := json.NewEncoder(p.out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e); err != nil {
			return err
		}
	case text != "":
		if p.screen != nil {
			p.screen.erase()
		}
		fmt.Fprintln(p.out, text)
	}
	return p.out.Flush()
}

// Finish writes the last event of a drain. The error is nil if it succeeded.
func (p *Printer) Finish(status int, err error, began time.Time) error {
	now := time.Now()
	e := Finished{header: head("end", now), Status: status, Elapsed: seconds(now.Sub(began))}
	if err != nil {
		message := err.Error()
		e.Message = &message
	}
	return p.Print(e)
}

// progressPause is the least time between two reports of progress.
const progressPause = 10 * time.Second

// Progress writes how far the drain of each server is. On a terminal it updates the lines in place. Elsewhere it writes what
// has changed since it wrote last, at most every ten seconds.
func (p *Printer) Progress(now time.Time, all []Progress) error {
	if p.style.Quiet {
		return nil
	}
	if p.screen != nil && len(all) < p.style.Height {
		p.screen.draw(all)
		return p.out.Flush()
	}
	if !p.at.IsZero() && now.Sub(p.at) < progressPause {
		return nil
	}
	for _, e := range all {
		before, known := p.written[e.key]
		if known && !e.changed(before) {
			continue
		}
		p.written[e.key], p.at = e, now
		if err := p.Print(e); err != nil {
			return err
		}
	}
	return nil
}

// List writes the servers that are drained.
func (p *Printer) List(all []Drained, now time.Time) error {
	events := listed(all, now)
	if p.style.JSON {
		for _, e := range events {
			if err := p.Print(e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(events) == 0 {
		fmt.Fprintln(p.out, "no server is drained")
		return p.out.Flush()
	}
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SERVICE\tSERVER\tWEIGHT BEFORE\tSINCE\tFOR\tACTIVE\tINACTIVE")
	for _, e := range events {
		fmt.Fprintln(table, e.Text())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return p.out.Flush()
}
