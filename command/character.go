package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oddity is a kind of character that no command line has, but that web pages, word processors, input methods and other
// systems put there.
type oddity struct {
	name  string
	chars string
	typed string // what stands in its place
}

var oddities = [...]oddity{
	{"a typographic dash", "‐‑‒–—―−﹘﹣－", "-"},
	{"a no-break space", "\u00a0\u202f\u2007", " "},
	{"a full-width space", "\u3000", " "},
	{"a typographic space", "\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a", " "},
	{"a carriage return, the end of a line in Windows", "\r", ""},
	{"a byte-order mark", "\ufeff", ""},
	{"a curly quote", "‘’‚“”„‹›«»＂＇", ""},
	{"a quote, which only a shell removes", "\"'", ""},
	{"a full-width character", "。｡", "."},
	{"a full-width character", "、､", ","},
}

// cleaned returns the words that a word with characters of those kinds was meant to be, and says what it has. For an
// ordinary word the hint is empty.
func cleaned(word string) (words []string, hint string) {
	var fixed strings.Builder
	var found []string
	for _, char := range word {
		name, typed := meant(char)
		fixed.WriteString(typed)
		if name != "" && (len(found) == 0 || found[len(found)-1] != name) {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return []string{word}, ""
	}
	words = strings.Fields(fixed.String())
	if first, _ := utf8.DecodeRuneInString(word); first != '-' && len(words) > 0 && strings.HasPrefix(words[0], "-") {
		words[0] = withDashes(words[0]) // a word processor makes one dash of two
	}
	has := quoted(word) + " has " + strings.Join(found, " and ")
	if len(words) == 0 {
		return nil, has + ": leave it out"
	}
	return words, has + ": type " + strings.Join(words, " ")
}

// meant returns what a character stands for and, if that is another one, what kind it is of.
func meant(char rune) (name, typed string) {
	for _, o := range oddities {
		if strings.ContainsRune(o.chars, char) {
			return o.name, o.typed
		}
	}
	const fullWidth = '！' - '!'
	switch {
	case '！' <= char && char <= '～':
		return "a full-width character", string(char - fullWidth)
	case unicode.Is(unicode.Cf, char), unicode.IsControl(char):
		return "an invisible character", ""
	default:
		return "", string(char)
	}
}

// withDashes returns an option with as many dashes as it has.
func withDashes(word string) string {
	name := strings.TrimLeft(word, "-")
	long, _, _ := strings.Cut(name, "=")
	if longOption(long) != nil {
		return "--" + name
	}
	return "-" + name
}

// quoted returns a word in quotes, with what cannot be seen of it made visible.
func quoted(word string) string { return `"` + Printable(shortened(word)) + `"` }
