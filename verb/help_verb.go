package verb

import (
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// The layout of a verb's help.
const (
	helpWidth  = 79
	flagColumn = 30 // where the explanation of a flag begins
)

// verbHelp returns the help of a verb, in lines that fit a terminal of 80 columns. It has no action of a template: cli
// prints it as it is.
func verbHelp(verb *cli.Command) string {
	var b strings.Builder
	b.WriteString("NAME:\n  ")
	writeWrapped(&b, "ipvsadm "+verb.Name+" - "+verb.Usage, 2)
	b.WriteString("\nUSAGE:\n")
	usage := verb.UsageText
	if usage == "" {
		usage = strings.TrimSpace("ipvsadm " + verb.Name + " [FLAG...] " + verb.ArgsUsage)
	}
	for line := range strings.Lines(usage) {
		b.WriteString("  " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if verb.Description != "" {
		b.WriteString("\nDESCRIPTION:\n")
		for line := range strings.Lines(verb.Description) {
			b.WriteString("  ")
			writeWrapped(&b, strings.TrimSpace(line), 2)
		}
	}
	b.WriteString("\nOPTIONS:\n")
	for _, flag := range verb.Flags {
		writeFlag(&b, flag.(cli.DocGenerationFlag))
	}
	b.WriteString("  -h, --help\n")
	return b.String()
}

// writeFlag writes a flag and its explanation. Values that one can choose from stand in the explanation.
func writeFlag(b *strings.Builder, flag cli.DocGenerationFlag) {
	text := "      "
	names := flag.Names()
	if len(names) > 1 {
		text = "  -" + names[1] + ", "
	}
	text += "--" + names[0]
	usage := flag.GetUsage()
	_, value, quoted := strings.Cut(usage, "`")
	if quoted {
		value, _, _ = strings.Cut(value, "`")
		if strings.Contains(value, "|") && len(text)+len(value) >= flagColumn {
			value = strings.ToUpper(names[0])
		}
		text += " " + value
	}
	usage = strings.ReplaceAll(usage, "`", "")
	if standard := flag.GetDefaultText(); standard != "" && standard != "0" && standard != "false" {
		usage += " (default: " + standard + ")"
	}
	b.WriteString(text)
	if len(text) >= flagColumn {
		b.WriteString("\n")
		text = ""
	}
	b.WriteString(strings.Repeat(" ", flagColumn-len(text)))
	writeWrapped(b, usage, flagColumn)
}

// writeWrapped writes a text in lines that begin at a column, the first of which is begun. A list may break behind a bar.
func writeWrapped(b *strings.Builder, text string, column int) {
	at, space := column, ""
	for _, word := range strings.Fields(strings.ReplaceAll(text, "|", "| ")) {
		length := utf8.RuneCountInString(word)
		if at > column && at+len(space)+length > helpWidth {
			b.WriteString("\n" + strings.Repeat(" ", column))
			at, space = column, ""
		}
		b.WriteString(space + word)
		at += len(space) + length
		space = " "
		if strings.HasSuffix(word, "|") {
			space = ""
		}
	}
	b.WriteString("\n")
}
