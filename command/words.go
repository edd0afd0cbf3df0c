package command

import "strings"

// words reads the words of a command line as popt does: options with their values as they come, and the words that
// are neither gathered for the end.
type words struct {
	rest    []string
	cluster string // the word of letters that is being read
	letters string // what is left of it
	ended   bool   // -- was read
	others  []string
}

// next returns the next option, its value, whether it has one, and the last word that it read. At the end the option
// is nil. An option whose value is missing comes with an error.
func (w *words) next() (found *option, value string, given bool, word string, err error) {
	if w.letters != "" {
		return w.nextLetter()
	}
	for len(w.rest) > 0 {
		word := w.rest[0]
		w.rest = w.rest[1:]
		switch {
		case w.ended || !strings.HasPrefix(word, "-") || word == "-":
			w.others = append(w.others, word)
		case word == "--":
			w.ended = true
		case strings.HasPrefix(word, "--"):
			name, text, given := strings.Cut(word[2:], "=")
			return w.withValue(longOption(name), text, given, word)
		default:
			w.cluster, w.letters = word, word[1:]
			return w.nextLetter()
		}
	}
	return nil, "", false, "", nil
}

func (w *words) nextLetter() (*option, string, bool, string, error) {
	found := letterOption(w.letters[0])
	text := w.letters[1:]
	w.letters = ""
	given := strings.HasPrefix(text, "=")
	switch {
	case given:
		text = text[1:]
	case found != nil && found.takes != nothing:
		given = text != ""
	default:
		w.letters, text = text, ""
	}
	return w.withValue(found, text, given, w.cluster)
}

// withValue finds the value of an option: the text that was given with it, or the next word.
func (w *words) withValue(found *option, text string, given bool, word string) (*option, string, bool, string, error) {
	switch {
	case found == nil:
		return nil, "", false, word, refused("%s: unknown option", word)
	case found.takes == nothing && given:
		return nil, "", false, word, refused("%s: option does not take an argument", word)
	case found.takes == nothing || given:
		return found, text, given, word, nil
	case len(w.rest) > 0 && (found.takes == value || !strings.HasPrefix(w.rest[0], "-")):
		text = w.rest[0]
		w.rest = w.rest[1:]
		return found, text, true, text, nil
	case found.takes == value:
		return found, "", false, word, refused("%s: missing argument", word)
	default:
		return found, "", false, word, nil
	}
}
