package command

import "slices"

// hints returns the likely mistakes in a line that is wrong, each with what to type instead. One line may have several:
//   - words that a web page or a slip of the fingers spoilt (hint_word.go, hint_spelling.go)
//   - a word that cannot be read, after which the repaired line is read again (hint_repair.go)
//   - bad values (hint_value.go, hint_address.go)
//   - options that do not go together (hint_legality.go)
//
// A line that is right can have hints too, when the kernel refuses it (hint_refusal.go) or accepts it (hint_remark.go).
func hints(line []string, lookup Lookup) []string {
	const mostWords = 100 // nobody mistypes a longer line, or a longer word than messages show
	if len(line) > mostWords || slices.ContainsFunc(line, func(word string) bool { return len(word) > mostShown }) {
		return nil
	}
	words, found := mendWords(line)
	const mostRepairs = 5
	for range mostRepairs {
		r := read(words, lookup)
		if r.stopped < 0 {
			r.explainScheduler()
			return append(found, r.hints...)
		}
		hint, repaired := repair(words, r.stopped)
		if hint != "" {
			found = append(found, hint)
		}
		if repaired == nil {
			return append(found, r.hints...)
		}
		words = repaired
	}
	return found
}

// reading is a line that is read to its end although it has mistakes.
type reading struct {
	Parser
	options map[string]*option // by the names of their properties
	values  map[string]string  // of the options
	failed  properties         // those with bad values
	hints   []string
	stopped int // the index of a word that cannot be read, or -1
}

// read reads a line past the mistakes at which parsing stops, and collects hints.
func read(words []string, lookup Lookup) *reading {
	r := &reading{options: map[string]*option{}, values: map[string]string{}, stopped: -1}
	r.begin(words, lookup)
	if len(words) > 0 && r.readOptions(words) {
		r.explainOthers(words)
		if r.explainLegality(); len(r.hints) == 0 {
			r.explainChecks()
		}
	}
	return r
}

// readOptions reports whether it came to the end of the line.
func (r *reading) readOptions(words []string) bool {
	for {
		found, text, _, err := r.words.next()
		first := r.command.Kind == None
		switch {
		case err != nil && found != nil:
			r.explainMissing(found)
			return false
		case first && (found == nil || found.kind == None):
			r.stopped = 0
			return false
		case err != nil:
			r.stopped = len(words) - len(r.words.rest) - 1
			return false
		case found == nil:
			return true
		case first:
			r.command.Kind = found.kind
			if found.set == nil {
				continue
			}
		case found.kind != None:
			r.explainSecondCommand(found)
			return false
		}
		if found.property != 0 {
			r.given |= 1 << found.property
		}
		r.options[found.propertyName()], r.values[found.propertyName()] = found, text
		if found.set(&r.Parser, found, text) != nil {
			r.failed |= 1 << found.property
			r.explainValue(found, text)
		}
	}
}

// hint adds a hint. Strings among the arguments are words of the line.
func (r *reading) hint(text string, arguments ...any) {
	if hint := message(text, arguments); !slices.Contains(r.hints, hint) {
		r.hints = append(r.hints, hint)
	}
}
