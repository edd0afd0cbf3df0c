package command

import (
	"slices"
	"strings"
)

// hints returns the likely causes of a usage error, each with what to type instead. One line may have several: after
// each that can be mended it reads the mended line on.
func hints(arguments []string, lookup Lookup) []string {
	const mostWords = 100 // nobody mistypes a longer line, or a longer word than messages show
	if len(arguments) > mostWords || slices.ContainsFunc(arguments, func(word string) bool { return len(word) > mostShown }) {
		return nil
	}
	var found []string
	var words []string
	for _, word := range arguments {
		fixed, hint := cleaned(word)
		if hint != "" {
			found = append(found, hint)
		}
		for _, word := range fixed {
			if spread, ok := fromAddress(word); ok {
				found = append(found, "a space is missing: type "+strings.Join(spread, " "))
				words = append(words, spread...)
				continue
			}
			if mended, ok := withTwoDashes(word); ok {
				found = append(found, "a long option has two dashes: type "+mended)
				word = mended
			}
			words = append(words, word)
		}
	}
	const mostRepairs = 5
	for range mostRepairs {
		r := read(words, lookup)
		if r.stopped < 0 {
			r.explainScheduler()
			return append(found, r.hints...)
		}
		hint, mended := repair(words, r.stopped)
		if hint != "" {
			found = append(found, hint)
		}
		if mended == nil {
			return append(found, r.hints...)
		}
		words = mended
	}
	return found
}

// withTwoDashes returns a long option that has one dash too few.
func withTwoDashes(word string) (string, bool) {
	name, ok := strings.CutPrefix(word, "-")
	name, _, _ = strings.Cut(name, "=")
	if !ok || len(name) < 3 || longOption(name) == nil {
		return "", false
	}
	return "-" + word, true
}

// reading is a line that is read to its end although words of it are wrong.
type reading struct {
	parser
	typed   map[string]*option // the options as they were typed, by what they decide
	values  map[string]string  // and their values
	failed  decisions          // those with wrong values
	hints   []string
	stopped int // the index of a word that cannot be read, or -1
}

// read reads a line on where parsing stops, and gathers hints.
func read(words []string, lookup Lookup) *reading {
	r := &reading{typed: map[string]*option{}, values: map[string]string{}, stopped: -1}
	r.begin(words, lookup)
	if len(words) == 0 {
		return r
	}
	found, value, _, _, err := r.words.next()
	if err != nil && found != nil {
		r.missing(found)
		return r
	}
	if err != nil || found == nil || found.kind == None {
		r.stopped = 0
		return r
	}
	r.command.Kind = found.kind
	if found.set != nil {
		r.setAndExplain(found, value)
	}
	if !r.readOptions(words) {
		return r
	}
	r.explainOthers(words)
	if r.explainLegality(); len(r.hints) == 0 {
		r.explainChecks()
	}
	return r
}

// readOptions reads the options behind the command. It returns false where it could not go on.
func (r *reading) readOptions(words []string) bool {
	for {
		found, value, given, _, err := r.words.next()
		switch {
		case err != nil && found != nil:
			r.missing(found)
			return false
		case err != nil:
			r.stopped = len(words) - len(r.words.rest) - 1
			return false
		case found == nil:
			return true
		case found.kind != None:
			r.explainSecondCommand(found)
			return false
		}
		if found.order != 0 {
			r.given |= 1 << found.order
		}
		if found.takes == optional && !given {
			value = defaultPersistence
		}
		r.setAndExplain(found, value)
	}
}

func (r *reading) hint(text string, arguments ...any) {
	if hint := message(text, arguments); !slices.Contains(r.hints, hint) {
		r.hints = append(r.hints, hint)
	}
}

// missing explains the last option of a line, which lacks its value.
func (r *reading) missing(o *option) {
	if r.meansMasquerading(o) {
		return
	}
	r.hint("%s takes a value, %s: is a variable empty?", o.name(), o.argument)
}

// meansMasquerading reports whether -M was typed for -m, and says so.
func (r *reading) meansMasquerading(o *option) bool {
	if o.letter != 'M' || r.command.Kind != AddServer && r.command.Kind != EditServer {
		return false
	}
	r.hint("-M is the netmask of persistence: masquerading is -m")
	return true
}

// setAndExplain sets what an option sets. If its value is wrong it says why.
func (r *reading) setAndExplain(o *option, value string) {
	r.typed[o.decided()], r.values[o.decided()] = o, value
	if o.set(&r.parser, o, value) == nil {
		return
	}
	r.failed |= 1 << o.order
	if o.takes == nothing {
		r.explainIPv6()
		return
	}
	if optionLike(value) && !r.words.ended {
		// The value was left out, or is an empty variable: the next option was taken for it.
		r.words.rest = append([]string{value}, r.words.rest...)
		if r.meansMasquerading(o) {
			return
		}
		r.hint("%s takes a value, %s, and %s was taken for it: is a variable empty?", o.name(), o.argument, value)
		return
	}
	if value == "" {
		r.hint("the value of %s is empty: is a variable unset?", o.name())
		return
	}
	r.explainValue(o, value)
}
