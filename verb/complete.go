package verb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/ipvs/netns"
)

// completeVerb is the word by which the shells' completions (init/) ask what may come next on a command line. The words
// behind it are those before the cursor; the last is the beginning of the word at the cursor, and may be empty.
const completeVerb = "__complete"

// complete prints candidates, each with a tab and its description if it has one, and command.Files where a file name may
// come.
func (a *app) complete(ctx context.Context, words []string) error {
	before, current := words[:len(words)-1], words[len(words)-1]
	if namespace, rest, err := command.CutNamespace(before); err == nil && namespace != "" {
		_ = netns.Exec(namespace, slices.Concat([]string{a.name, completeVerb}, rest, []string{current}))
		before = rest
	}
	if verb, ok := strings.CutPrefix(filepath.Base(a.name), linkPrefix); ok {
		before = slices.Insert(slices.Clone(before), 0, verb)
	}
	for _, c := range a.candidates(ctx, before, current) {
		if c.Word == command.Files { // the shells compare the whole line
			fmt.Fprintln(a.stdout, c.Word)
			continue
		}
		fmt.Fprintln(a.stdout, strings.TrimSuffix(c.Word+"\t"+c.Help, "\t"))
	}
	return nil
}

func (a *app) candidates(ctx context.Context, before []string, current string) []command.Candidate {
	var candidates []command.Candidate
	for _, verb := range a.verbs() {
		switch {
		case len(before) > 0 && verb.HasName(before[0]):
			return flagCandidates(verb, before[len(before)-1], current)
		case len(before) == 0 && strings.HasPrefix(verb.Name, current):
			candidates = append(candidates, command.Candidate{Word: verb.Name, Help: verb.Usage})
		}
	}
	table := func() []ipvs.Entry { return currentTable(ctx) }
	return append(candidates, command.Complete(before, current, table, a.resolver.ServicePort)...)
}

// flagCandidates returns the values of the flag before the cursor, or else the verb's flags.
func flagCandidates(verb *cli.Command, last, current string) []command.Candidate {
	var candidates []command.Candidate
	for _, flag := range verb.Flags {
		flag := flag.(cli.DocGenerationFlag)
		if flag.TakesValue() && isFlag(flag, last) {
			return valueCandidates(flag, current)
		}
		if long := "--" + flag.Names()[0]; strings.HasPrefix(long, current) {
			candidates = append(candidates, command.Candidate{Word: long, Help: strings.ReplaceAll(flag.GetUsage(), "`", "")})
		}
	}
	return candidates
}

func isFlag(flag cli.Flag, word string) bool {
	return slices.ContainsFunc(flag.Names(), func(name string) bool { return word == "-"+name || word == "--"+name })
}

// valueCandidates returns the values of a flag: file names, or the words that its usage lists as in `json|table`.
func valueCandidates(flag cli.DocGenerationFlag, current string) []command.Candidate {
	if file, ok := flag.(*cli.StringFlag); ok && file.TakesFile {
		return []command.Candidate{{Word: command.Files}}
	}
	_, usage, _ := strings.Cut(flag.GetUsage(), "`")
	values, _, _ := strings.Cut(usage, "`")
	if strings.ToUpper(values) == values { // such as SECONDS: a placeholder
		return nil
	}
	var candidates []command.Candidate
	for value := range strings.SplitSeq(values, "|") {
		if strings.HasPrefix(value, current) {
			candidates = append(candidates, command.Candidate{Word: value})
		}
	}
	return candidates
}

// currentTable returns the table, and nothing if it cannot be read. A user who types sudo has no privilege yet, but may
// read the kernel's text.
func currentTable(ctx context.Context) []ipvs.Entry {
	entries, err := netlinkTable(ctx)
	if err != nil {
		entries = textTable()
	}
	ipvs.SortTable(entries)
	return entries
}

func netlinkTable(ctx context.Context) ([]ipvs.Entry, error) {
	client, err := ipvs.Dial()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Table(ctx)
}

func textTable() []ipvs.Entry {
	file, err := os.Open("/proc/net/ip_vs")
	if err != nil {
		return nil
	}
	defer file.Close()
	entries, _ := ipvs.ReadTextTable(file)
	return entries
}
