package command

import (
	"slices"
	"strings"

	"ipvsadm/format"
)

// repair returns a hint about the word at which reading stopped, and the line with it repaired, nil if there are several
// ways.
func repair(words []string, at int) (hint string, repaired []string) {
	word := words[at]
	if split, ok := apart(word); ok {
		return "a space is missing: type " + strings.Join(split, " "), with(words, at, split...)
	}
	if at == 0 {
		if hint, repaired := repairCommand(words); hint != "" {
			return hint, repaired
		}
	}
	if name, ok := strings.CutPrefix(word, "--"); ok {
		return repairLong(words, at, name)
	}
	letters, ok := strings.CutPrefix(word, "-")
	if !ok {
		return "", nil
	}
	if letters, ok := strings.CutSuffix(letters, "j"); ok && allLetters(letters, func(*option) bool { return true }) {
		fixed := []string{"--format", "json"}
		if letters != "" {
			fixed = slices.Insert(fixed, 0, "-"+letters)
		}
		return "type " + strings.Join(fixed, " "), with(words, at, fixed...)
	}
	if fixed, ok := inOtherCase(word); ok {
		return "letters are upper or lower case: type " + fixed, with(words, at, fixed)
	}
	return "", nil
}

// with returns the words with others in the place of one.
func with(words []string, at int, others ...string) []string {
	return slices.Concat(words[:at], others, words[at+1:])
}

// repairLong repairs a long option.
func repairLong(words []string, at int, text string) (hint string, repaired []string) {
	name, value, hasValue := strings.Cut(text, "=")
	switch {
	case longOption(name) != nil:
		return "", nil // the message says that it takes no value
	case format.Known(name):
		return "type --format " + name, with(words, at, "--format", name)
	case name == "file":
		verb := "save"
		if slices.Contains(words, "-R") || slices.Contains(words, "--restore") {
			verb = "restore"
		}
		return "--file goes with the words save and restore: type ipvsadm " + verb + " --file FILE", nil
	}
	near := Similar(name, longNames(at == 0))
	if at == 0 && len(near) == 0 {
		near = Similar(name, longNames(false)) // and the command is missing
	}
	switch len(near) {
	case 0:
		return "", nil
	case 1:
		fixed := "--" + near[0]
		if hasValue {
			fixed += "=" + value
		}
		return "type " + fixed, with(words, at, fixed)
	default:
		return "type --" + strings.Join(near, " or --"), nil
	}
}

// synonym returns what to type for a word that is a command of other programs, or "".
func synonym(word string) string {
	switch word {
	case "list", "ls", "show", "status", "print":
		return "-L"
	case "stats", "rate":
		return "-L --" + word
	case "connections":
		return "-L -c"
	case "json":
		return "-L --format json"
	case "add", "new":
		return "-A for a virtual service, -a for a real server"
	case "edit", "change":
		return "-E for a virtual service, -e for a real server"
	case "del", "delete", "remove", "rm":
		return "-D for a virtual service, -d for a real server"
	case "flush", "clear":
		return "-C"
	case "zero":
		return "-Z"
	case "dump", "export":
		return "save"
	case "load", "import":
		return "restore -f FILE"
	default:
		return ""
	}
}

// repairCommand repairs a line that does not begin with a command.
func repairCommand(words []string) (hint string, repaired []string) {
	word := words[0]
	name := strings.TrimPrefix(word, "--")
	typed := synonym(name)
	switch o := longOption(name); {
	case word == "":
		return "the first word is empty: is a variable unset?", nil
	case strings.HasPrefix(word, "//"), strings.HasPrefix(word, ";"):
		return "a comment begins with #", nil
	case typed != "" && (o == nil || name == word):
		if !strings.Contains(typed, " for ") {
			typed = strings.Join(with(words, 0, typed), " ")
		}
		return "type ipvsadm " + Printable(typed), nil
	case o != nil && o.kind != None && name == word:
		return "type --" + word, with(words, 0, "--"+word)
	case !strings.HasPrefix(word, "-"):
		return "", nil
	default:
		return moveCommand(words)
	}
}

// moveCommand finds the command of a line that begins with another option.
func moveCommand(words []string) (hint string, repaired []string) {
	word := words[0]
	if fixed, ok := commandFirst(word); ok && !strings.HasPrefix(word, "--") {
		if repaired := with(words, 0, fixed); clean(repaired) {
			return "the command comes first: type " + fixed, repaired
		}
	}
	for i, word := range words[1:] {
		if !optionLike(word) {
			continue
		}
		repaired := slices.Concat([]string{word}, words[:i+1], words[i+2:])
		if r := read(repaired, anyName); r.command.Kind != None && r.stopped < 0 && len(r.hints) == 0 {
			return "the command comes first: type ipvsadm " + strings.Join(repaired, " "), repaired
		}
	}
	// The options of a listing are meant for one. A service alone may be meant for any command.
	if repaired := slices.Concat([]string{"-L"}, words); optionLike(word) && clean(repaired) && !read(repaired, anyName).command.HasService() {
		return "a command comes first: type ipvsadm " + strings.Join(repaired, " "), repaired
	}
	return "", nil
}

// clean reports whether a line has no error if all its names exist.
func clean(words []string) bool {
	var p Parser
	p.begin(words, anyName)
	return p.parse("ipvsadm") == nil
}
