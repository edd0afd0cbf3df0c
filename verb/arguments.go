package verb

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst returns the words behind a verb with all flags before the other words, because cli takes no flag behind
// another word. It splits "-r10.0.0.1" in two, as the classic line does. The words behind "--" are no flags.
func flagsFirst(verb *cli.Command, words []string) []string {
	var flags, others []string
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			others = append(others, words[i+1:]...)
			i = len(words)
		case word == "-" || !strings.HasPrefix(word, "-"):
			others = append(others, word)
		case takesValue(verb, word):
			flags = append(flags, word)
			if i++; i < len(words) {
				flags = append(flags, words[i])
			}
		case word[1] != '-' && len(word) > 2 && word[2] != '=' && takesValue(verb, word[:2]):
			flags = append(flags, word[:2], word[2:])
		default:
			flags = append(flags, word)
		}
	}
	if len(others) == 0 {
		return flags
	}
	return slices.Concat(flags, []string{"--"}, others)
}

// takesValue reports whether a word is a flag of the verb whose value is the next word.
func takesValue(verb *cli.Command, word string) bool {
	return slices.ContainsFunc(verb.Flags, func(flag cli.Flag) bool {
		f, ok := flag.(cli.DocGenerationFlag)
		return ok && f.TakesValue() && isFlag(flag, word)
	})
}
