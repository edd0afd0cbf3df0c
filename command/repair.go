package command

import (
	"slices"
	"strings"

	"ipvsadm/format"
)

// repair returns what is wrong with the word at an index, at which reading stopped, and the line with it mended, nil if
// there are several ways to do so.
func repair(words []string, at int) (hint string, mended []string) {
	word := words[at]
	with := func(fixed ...string) []string { return slices.Concat(words[:at], fixed, words[at+1:]) }
	if strings.HasPrefix(word, "-") && len(word) > 2 && word[1] != '-' {
		if spread, ok := apart(word); ok {
			return "a space is missing: type " + strings.Join(spread, " "), with(spread...)
		}
	}
	if at == 0 {
		if hint, mended := repairCommand(words); hint != "" {
			return hint, mended
		}
	}
	switch name, long := strings.CutPrefix(word, "--"); {
	case long:
		return repairLong(words, at, name)
	case word == "" || word[0] != '-':
		return "", nil
	case strings.HasSuffix(word, "j") && allOptions(word[1:len(word)-1]):
		fixed := []string{"--format", "json"}
		if len(word) > 2 {
			fixed = slices.Insert(fixed, 0, word[:len(word)-1])
		}
		return "type " + strings.Join(fixed, " "), with(fixed...)
	default:
		if fixed, ok := inOtherCase(word); ok {
			return "letters are upper or lower case: type " + fixed, with(fixed)
		}
		return "", nil
	}
}

// allOptions reports whether every letter is an option.
func allOptions(letters string) bool {
	for i := range len(letters) {
		if letterOption(letters[i]) == nil {
			return false
		}
	}
	return true
}

func repairLong(words []string, at int, name string) (hint string, mended []string) {
	name, value, hasValue := strings.Cut(name, "=")
	with := func(fixed ...string) []string { return slices.Concat(words[:at], fixed, words[at+1:]) }
	if longOption(name) != nil {
		return "", nil // the message says that it takes no value
	}
	switch {
	case format.Known(name):
		return "type --format " + name, with("--format", name)
	case name == "file":
		verb := map[bool]string{true: "restore", false: "save"}[slices.Contains(words, "-R") || slices.Contains(words, "--restore")]
		return "--file goes with the words save and restore: type ipvsadm " + verb + " --file FILE", nil
	}
	near := similar(name, longNames(at == 0))
	if at == 0 && len(near) == 0 {
		near = similar(name, longNames(false)) // and the command is missing
	}
	switch len(near) {
	case 0:
		return "", nil
	case 1:
		fixed := "--" + near[0]
		if hasValue {
			fixed += "=" + value
		}
		return "type " + fixed, with(fixed)
	default:
		return "type --" + strings.Join(near, " or --"), nil
	}
}

// synonyms are words for commands that people know from elsewhere.
var synonyms = map[string]string{
	"list": "-L", "ls": "-L", "show": "-L", "status": "-L", "print": "-L", "stats": "-L --stats", "rate": "-L --rate",
	"connections": "-L -c", "json": "-L --format json",
	"add": "-A for a virtual service, -a for a real server", "new": "-A for a virtual service, -a for a real server",
	"edit": "-E for a virtual service, -e for a real server", "change": "-E for a virtual service, -e for a real server",
	"del": "-D for a virtual service, -d for a real server", "delete": "-D for a virtual service, -d for a real server",
	"remove": "-D for a virtual service, -d for a real server", "rm": "-D for a virtual service, -d for a real server",
	"flush": "-C", "clear": "-C", "zero": "-Z",
	"dump": "save", "export": "save", "load": "restore -f FILE", "import": "restore -f FILE",
}

// repairCommand mends a line that does not begin with a command.
func repairCommand(words []string) (hint string, mended []string) {
	word := words[0]
	name := strings.TrimPrefix(word, "--")
	if word == "" {
		return "the first word is empty: is a variable unset?", nil
	}
	if strings.HasPrefix(word, "//") || strings.HasPrefix(word, ";") {
		return "a comment begins with #", nil
	}
	if !strings.HasPrefix(word, "-") || strings.HasPrefix(word, "--") {
		if typed := synonyms[name]; typed != "" && longOption(name) == nil || typed != "" && word == name {
			if !strings.Contains(typed, " for ") {
				typed = strings.Join(append([]string{typed}, words[1:]...), " ")
			}
			return "type ipvsadm " + Printable(typed), nil
		}
		if o := longOption(word); o != nil && o.kind != None {
			return "type --" + word, slices.Concat([]string{"--" + word}, words[1:])
		}
	}
	if !strings.HasPrefix(word, "-") {
		return "", nil
	}
	if fixed, ok := commandFirst(word); ok && !strings.HasPrefix(word, "--") {
		if mended := slices.Concat([]string{fixed}, words[1:]); clean(mended) {
			return "the command comes first: type " + fixed, mended
		}
	}
	for i, word := range words[1:] {
		if !optionLike(word) {
			continue
		}
		mended := slices.Concat([]string{word}, words[:i+1], words[i+2:])
		if r := read(mended, anyName); r.command.Kind != None && r.stopped < 0 && len(r.hints) == 0 {
			return "the command comes first: type ipvsadm " + strings.Join(mended, " "), mended
		}
	}
	// A service alone may be meant for any command, and the options of listings for a listing.
	if mended := slices.Concat([]string{"-L"}, words); optionLike(word) && clean(mended) && !read(mended, anyName).command.HasService() {
		return "a command comes first: type ipvsadm " + strings.Join(mended, " "), mended
	}
	return "", nil
}

// commandFirst returns a word of letters with the command, which stands further back, in front.
func commandFirst(word string) (string, bool) {
	letters := strings.TrimPrefix(word, "-")
	for i := 1; i < len(letters); i++ {
		if found := letterOption(letters[i]); found != nil && found.kind != None {
			return "-" + letters[i:i+1] + letters[:i] + letters[i+1:], true
		}
	}
	return "", false
}

// clean reports whether a line reads without an error, whatever hosts and ports are called.
func clean(words []string) bool {
	var p parser
	return p.read("ipvsadm", words, anyName) == nil
}
