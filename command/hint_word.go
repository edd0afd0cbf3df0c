package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mendWords returns the words that those of a line were meant to be, as far as each of them shows it, and the hints.
func mendWords(line []string) (words, hints []string) {
	for _, word := range line {
		fixed, hint := cleaned(word)
		if hint != "" {
			hints = append(hints, hint)
		}
		for _, word := range fixed {
			if split, ok := fromAddress(word); ok {
				hints = append(hints, "a space is missing: type "+strings.Join(split, " "))
				words = append(words, split...)
				continue
			}
			if name, _, _ := strings.Cut(word, "="); len(name) > len("-pe") && name[0] == '-' && name[1] != '-' {
				if mended := withDashes(word); mended != word {
					hints = append(hints, "a long option has two dashes: type "+mended)
					word = mended
				}
			}
			words = append(words, word)
		}
	}
	return words, hints
}

// oddity is a kind of character that no command line needs, but that web pages, word processors, input methods and other
// systems put there.
type oddity struct {
	name  string
	chars string
	meant string
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

// cleaned returns the words that a word with odd characters was meant to be, and a hint. Of an ordinary word the hint is
// empty.
func cleaned(word string) (words []string, hint string) {
	var fixed strings.Builder
	var found []string
	for _, char := range word {
		name, meant := meantChar(char)
		fixed.WriteString(meant)
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

// meantChar returns the character that another stands for, with the name of the oddity, or the character itself.
func meantChar(char rune) (name, meant string) {
	for _, o := range oddities {
		if strings.ContainsRune(o.chars, char) {
			return o.name, o.meant
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

// withDashes returns an option with as many dashes as it needs.
func withDashes(word string) string {
	name := strings.TrimLeft(word, "-")
	if long, _, _ := strings.Cut(name, "="); longOption(long) != nil {
		return "--" + name
	}
	return "-" + name
}

// optionLike reports whether a word would be read as an option.
func optionLike(word string) bool {
	if name, ok := strings.CutPrefix(word, "--"); ok {
		name, _, _ = strings.Cut(name, "=")
		return longOption(name) != nil
	}
	return len(word) >= 2 && word[0] == '-' && letterOption(word[1]) != nil
}

// allLetters reports whether all letters are options that pass a test.
func allLetters(letters string, test func(*option) bool) bool {
	for i := range len(letters) {
		if o := letterOption(letters[i]); o == nil || !test(o) {
			return false
		}
	}
	return true
}

// fromAddress splits an address and port from the option behind them, as in "192.0.2.1:80-s".
func fromAddress(word string) ([]string, bool) {
	address, letter, ok := strings.Cut(word, "-")
	if !ok || len(letter) != 1 || letterOption(letter[0]) == nil || !strings.ContainsAny(address, ".:") ||
		!strings.ContainsAny(address[len(address)-1:], "0123456789]") {
		return nil, false
	}
	return []string{address, "-" + letter}, true
}

// apart splits options that are stuck together, as in "-m-w".
func apart(word string) ([]string, bool) {
	name, isOption := strings.CutPrefix(word, "-")
	letters, rest, hasRest := strings.Cut(name, "-")
	rest = "-" + rest
	withoutValue := func(o *option) bool { return o.takes == nothing }
	if !isOption || !hasRest || letters == "" || !optionLike(rest) || !allLetters(letters, withoutValue) {
		return nil, false
	}
	return []string{"-" + letters, rest}, true
}

// inOtherCase swaps the case of each letter that is an option only in the other case.
func inOtherCase(word string) (string, bool) {
	fixed := strings.Map(func(letter rune) rune {
		other := letter ^ ('a' ^ 'A')
		if letter < utf8.RuneSelf && letterOption(byte(letter)) == nil && letterOption(byte(other)) != nil {
			return other
		}
		return letter
	}, word)
	return fixed, fixed != word
}

// commandFirst moves the command in a word of letters to the front.
func commandFirst(word string) (string, bool) {
	letters := strings.TrimPrefix(word, "-")
	for i := 1; i < len(letters); i++ {
		if found := letterOption(letters[i]); found != nil && found.kind != None {
			return "-" + letters[i:i+1] + letters[:i] + letters[i+1:], true
		}
	}
	return "", false
}
