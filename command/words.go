package command

import "strings"

// wordReader splits the words of a command line into options with their values, as popt does. It gathers the words that
// belong to no option.
type wordReader struct {
	options *[256]*option // by letter
	rest    []string
	cluster string // the word of letters that is being read
	letters string // the letters of it that are left
	ended   bool   // -- was read
	others  []string
}

// next returns the next option, its value, and the last word that it took. At the end the option is nil. An error comes
// with the option if only its value is missing.
func (w *wordReader) next() (found *option, text, word string, err error) {
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
			name, text, hasText := strings.Cut(word[2:], "=")
			return w.withValue(longOption(name), text, hasText, word)
		default:
			w.cluster, w.letters = word, word[1:]
			return w.nextLetter()
		}
	}
	return nil, "", "", nil
}

func (w *wordReader) nextLetter() (*option, string, string, error) {
	found := w.options[w.letters[0]]
	text, hasText := strings.CutPrefix(w.letters[1:], "=")
	w.letters = ""
	if !hasText {
		if found == nil || found.takes == nothing {
			w.letters, text = text, ""
		}
		hasText = text != ""
	}
	return w.withValue(found, text, hasText, w.cluster)
}

// withValue finds the value of an option: the text in the same word, or the next word.
func (w *wordReader) withValue(found *option, text string, hasText bool, word string) (*option, string, string, error) {
	switch {
	case found == nil:
		return nil, "", word, syntaxError("%s: unknown option", word)
	case found.takes == nothing && hasText:
		return nil, "", word, syntaxError("%s: option does not take an argument", word)
	case found.takes == nothing || hasText:
		return found, text, word, nil
	case len(w.rest) > 0 && (found.takes == value || !strings.HasPrefix(w.rest[0], "-")):
		text = w.rest[0]
		w.rest = w.rest[1:]
		return found, text, text, nil
	case found.takes == value:
		return found, "", word, syntaxError("%s: missing argument", word)
	default:
		return found, found.bare, word, nil
	}
}
