package check

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Text writes reports for people. The zero value neither wraps nor colours.
type Text struct {
	Width  int // of the terminal; zero for endless lines
	Colour bool
}

// Write writes a report. The last line has the number of findings of each severity and of rules.
func (t Text) Write(w io.Writer, r Report) error {
	var b strings.Builder
	for i, f := range r.Findings {
		if i == 0 || f.Service != r.Findings[i-1].Service {
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(heading(f.Service) + "\n")
		}
		t.finding(&b, f)
	}
	if len(r.Findings) > 0 {
		b.WriteByte('\n')
	}
	t.unread(&b, r)
	b.WriteString(tally(r) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func heading(id ipvs.ServiceID) string {
	if name := ServiceName(id); name != "" {
		return name
	}
	return "this machine"
}

// advice is the label of the command that mends a fault.
const advice = "fix"

func (t Text) finding(b *strings.Builder, f Finding) {
	title := f.Name
	if f.Object != ServiceName(f.Service) {
		title += " " + f.Object
	}
	t.paragraph(b, "  "+t.severity(f.Severity)+" ", len("  "+f.Severity+" "), len("    "), title+": "+f.Summary)
	for _, part := range [...]struct{ label, text string }{
		{"read", f.Evidence}, {"so", f.Consequence}, {advice, f.Advice}, {"note", f.SideEffects},
	} {
		t := t
		if part.label == advice {
			t.Width = 0 // a command that the terminal itself wraps can be copied
		}
		if part.text != "" {
			t.paragraph(b, fmt.Sprintf("    %-5s", part.label), len("    read "), len("         "), part.text)
		}
	}
}

// unread writes which rules could not judge, and why. Rules that do not apply are only counted.
func (t Text) unread(b *strings.Builder, r Report) {
	for _, skipped := range r.Skipped {
		if skipped.Unread {
			t.paragraph(b, "not checked: ", len("not checked: "), len("  "), skipped.Name+": "+skipped.Reason)
		}
	}
}

// tally returns the last line of a report.
func tally(r Report) string {
	var counts []string
	for _, severity := range Severities() {
		if n := r.Count(severity); n > 0 {
			counts = append(counts, plural(n, string(severity)))
		}
	}
	found := "no problems found"
	if len(counts) > 0 {
		found = strings.Join(counts, ", ")
	}
	found += ": " + plural(r.Ran+len(r.Skipped), "rule")
	unread := 0
	for _, skipped := range r.Skipped {
		if skipped.Unread {
			unread++
		}
	}
	if n := len(r.Skipped) - unread; n > 0 {
		found += fmt.Sprintf(", %d did not apply", n)
	}
	if unread > 0 {
		found += fmt.Sprintf(", %d could not be checked", unread)
	}
	return found
}

// plural returns a number with its word. "information" has no plural.
func plural(n int, word string) string {
	if n != 1 && word != string(Information) {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// severity returns a severity in its colour.
func (t Text) severity(severity Severity) string {
	if !t.Colour {
		return string(severity)
	}
	colour := map[Severity]string{Error: "31", Warning: "33", Information: "36"}[severity]
	return "\x1b[" + colour + ";1m" + string(severity) + "\x1b[0m"
}

// Row writes words behind a label, in lines that fit the terminal.
func (t Text) Row(b *strings.Builder, label string, width int, text string) {
	t.paragraph(b, fmt.Sprintf("%-*s", width, label), width, width, text)
}

// paragraph writes words behind a first part of some width, in lines that fit the terminal. Further lines are indented.
func (t Text) paragraph(b *strings.Builder, first string, width, indent int, text string) {
	b.WriteString(first)
	column := width
	for i, word := range strings.Fields(command.Printable(text)) {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case t.Width > 0 && column+1+length > t.Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += length
	}
	b.WriteByte('\n')
}
