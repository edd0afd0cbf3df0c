package command

import "strings"

const namespaceOption = "--netns"

// CutNamespace takes --netns and its value out of a command line, where they may stand anywhere, and returns the value,
// empty without one. It comes before [Parse] and the verbs, which look up names in that namespace.
func CutNamespace(words []string) (namespace string, rest []string, err error) {
	for i := 0; i < len(words); i++ {
		name, text, given := strings.Cut(words[i], "=")
		switch {
		case words[i] == "--":
			return namespace, append(rest, words[i:]...), nil
		case name != namespaceOption:
			rest = append(rest, words[i])
			continue
		case namespace != "":
			return "", nil, usageError("multiple 'netns' options specified")
		case !given:
			if i++; i == len(words) {
				return "", nil, syntaxError("%s: missing argument", namespaceOption)
			}
			text = words[i]
		}
		if text == "" {
			return "", nil, usageError("illegal network namespace specified: it has no name")
		}
		namespace = text
	}
	return namespace, rest, nil
}

// setNamespace refuses a --netns that CutNamespace did not see: one in a line of a file.
func (p *Parser) setNamespace(*option, string) error {
	return usageError("--netns is for the whole command line: a line of a file cannot have its own network namespace")
}
