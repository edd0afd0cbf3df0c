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

// completeVerb is the word that the shells' completions (init/) put before the words of an unfinished command line. The
// last of these words ends at the cursor and may be empty.
const completeVerb = "__complete"

// complete prints the words that may stand at the cursor, one on each line. A tab and a description may follow the word.
// command.Files asks the shell for file names.
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

// candidates returns the flags and values of the verb that was typed, or else the verbs and the classic options.
func (a *app) candidates(ctx context.Context, before []string, current string) []command.Candidate {
	var candidates []command.Candidate
	for _, verb := range a.verbs() {
		switch {
		case len(before) > 0 && verb.HasName(before[0]):
			return a.flagCandidates(ctx, verb, before, current)
		case len(before) == 0 && strings.HasPrefix(verb.Name, current):
			candidates = append(candidates, command.Candidate{Word: verb.Name, Help: verb.Usage})
		}
	}
	return append(candidates, a.classicCandidates(ctx, before, current)...)
}

// classicCandidates returns what may come next on a classic line.
func (a *app) classicCandidates(ctx context.Context, before []string, current string) []command.Candidate {
	table := func() []ipvs.Entry { return a.currentTable(ctx) }
	return command.Complete(before, current, table, a.resolver.ServicePort)
}

// flagCandidates returns the values of the last flag if it takes one, or else the verb's flags.
func (a *app) flagCandidates(ctx context.Context, verb *cli.Command, before []string, current string) []command.Candidate {
	var candidates []command.Candidate
	for _, flag := range verb.Flags {
		flag := flag.(cli.DocGenerationFlag)
		if flag.TakesValue() && isFlag(flag, before[len(before)-1]) {
			if target, ok := flag.(*targetFlag); ok { // -d takes a service and a server, too
				classic := slices.Concat([]string{"-d"}, before[1:len(before)-1], []string{"--" + target.value.Name})
				return a.classicCandidates(ctx, classic, current)
			}
			return valueCandidates(flag, current)
		}
		if long := "--" + flag.Names()[0]; strings.HasPrefix(long, current) {
			candidates = append(candidates, command.Candidate{Word: long, Help: strings.ReplaceAll(flag.GetUsage(), "`", "")})
		}
	}
	if verb.Name == diffName && !strings.HasPrefix(current, "-") {
		candidates = append(candidates, tableCandidates(current)...)
	}
	return candidates
}

// tableCandidates returns the names of tables: files, the kernel and network namespaces.
func tableCandidates(current string) []command.Candidate {
	candidates := []command.Candidate{{Word: command.Files}}
	words := []string{kernelTable}
	for _, name := range netns.Names() {
		words = append(words, namespaceTable+name)
	}
	for _, word := range words {
		if strings.HasPrefix(word, current) {
			candidates = append(candidates, command.Candidate{Word: word})
		}
	}
	return candidates
}

func isFlag(flag cli.Flag, word string) bool {
	return slices.ContainsFunc(flag.Names(), func(name string) bool { return word == "-"+name || word == "--"+name })
}

// valueCandidates returns the values of a flag: those that it knows, file names, or the words between the backquotes of its usage, such as
// `json|table`.
func valueCandidates(flag cli.DocGenerationFlag, current string) []command.Candidate {
	if known, ok := flag.(interface{ Values() []command.Candidate }); ok {
		return slices.DeleteFunc(known.Values(), func(c command.Candidate) bool { return !strings.HasPrefix(c.Word, current) })
	}
	if file, ok := flag.(*cli.StringFlag); ok && file.TakesFile {
		return []command.Candidate{{Word: command.Files}}
	}
	_, usage, _ := strings.Cut(flag.GetUsage(), "`")
	values, _, _ := strings.Cut(usage, "`")
	if strings.ToUpper(values) == values && !strings.Contains(values, "|") { // a placeholder such as SECONDS
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

// currentTable returns the table, or nothing if it cannot be read. A user who types sudo has no privilege yet, but may
// read the table as text.
func (a *app) currentTable(ctx context.Context) []ipvs.Entry {
	entries, err := a.netlinkTable(ctx)
	if err != nil {
		entries = textTable()
	}
	ipvs.Sort(entries)
	return entries
}

func (a *app) netlinkTable(ctx context.Context) ([]ipvs.Entry, error) {
	client, err := a.dial()
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
