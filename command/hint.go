package command

import (
	"strings"
	"unicode/utf8"
)

// hint returns what to type instead, for the mistakes that are made most when commands are copied and pasted; empty for
// any other.
func (p *parser) hint(arguments []string) string {
	for _, word := range arguments {
		if fixed, ok := withoutTypographicDash(word); ok {
			return "\"" + word + "\" begins with a typographic dash: type " + fixed
		}
		if fixed, ok := withSpace(word); ok {
			return "a space is missing: type " + fixed
		}
	}
	if fixed, ok := commandFirst(arguments[0]); ok {
		return "the command comes first: type " + fixed
	}
	if p.given.has(realServer) && !p.given.has(serviceAddress) {
		return "name the virtual service before the real server: -t ADDRESS:PORT, -u, --sctp-service or -f"
	}
	if fixed, ok := inOtherCase(p.words.cluster); ok {
		return "letters are upper or lower case: type " + fixed
	}
	return ""
}

// withoutTypographicDash returns an option with a hyphen for the dash that a word processor made of it.
func withoutTypographicDash(word string) (string, bool) {
	name := strings.TrimLeft(word, "‐‑‒–—―−")
	switch {
	case name == word || name == "":
		return "", false
	case longOption(strings.SplitN(name, "=", 2)[0]) != nil:
		return "--" + name, true
	default:
		return "-" + name, true
	}
}

// withSpace returns an address and port, and the option that is stuck to it, apart.
func withSpace(word string) (string, bool) {
	address, letter, ok := strings.Cut(word, "-")
	if !ok || len(letter) != 1 || letterOption(letter[0]) == nil || !strings.ContainsAny(address, ".:") {
		return "", false
	}
	return address + " -" + letter, true
}

// commandFirst returns a word of letters with the command, which stands further back, in front.
func commandFirst(word string) (string, bool) {
	letters, ok := strings.CutPrefix(word, "-")
	if !ok || len(letters) < 2 || letterOption(letters[0]) == nil || letterOption(letters[0]).verb != None {
		return "", false
	}
	for i := range len(letters) {
		found := letterOption(letters[i])
		if found == nil {
			return "", false
		}
		if found.verb != None {
			return "-" + letters[i:i+1] + letters[:i] + letters[i+1:], true
		}
	}
	return "", false
}

// inOtherCase returns a word of letters with those that are no options in the case in which they are.
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
