package format

import (
	"io"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter"
)

// numbered is a name with a number.
type numbered struct {
	name   string
	number uint64
}

// writeNumbers writes two columns: names and their numbers. A name that is too long for the terminal takes several lines.
func (a aligned) writeNumbers(w io.Writer, heading, unit string, rows []numbered) error {
	var text strings.Builder
	table := tablewriter.NewWriter(&text)
	table.SetAutoWrapText(false)
	table.SetBorder(false)
	table.SetNoWhiteSpace(true)
	table.SetTablePadding("  ")
	table.SetColumnAlignment([]int{tablewriter.ALIGN_LEFT, tablewriter.ALIGN_RIGHT})
	if a.Colour {
		table.Append([]string{boldText(heading), boldText(unit)})
	} else {
		table.Append([]string{heading, unit})
	}
	for _, row := range rows {
		number := decimal(row.number)
		table.Append([]string{a.broken(row.name, max(len(unit), len(number))+len("  ")), number})
	}
	table.Render()
	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// broken breaks a name into lines that leave room on the terminal.
func (a aligned) broken(name string, room int) string {
	if a.Width == 0 || len(name)+room <= a.Width {
		return name
	}
	p := pen{width: a.Width - room}
	p.wrapped([]byte(name), 0)
	return string(p.text)
}

func boldText(text string) string {
	var p pen
	p.painted([]byte(text), bold)
	return string(p.text)
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
