package command

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of the search for a similar word.
const (
	shortestMisspelled = 3
	longestMisspelled  = 40
	farthest           = 2 // letters
)

// similar returns the names that a misspelled one may stand for: those that begin with it, or else those that are a slip
// or two of the fingers away. The first letter is seldom wrong: --port is no slip for --sort.
func similar(misspelled string, names []string) []string {
	if len(misspelled) < shortestMisspelled || len(misspelled) > longestMisspelled {
		return nil
	}
	misspelled = strings.ToLower(misspelled)
	var beginning, near []string
	least := min(farthest, len(misspelled)/3) + 1
	for _, name := range names {
		if strings.HasPrefix(name, misspelled) {
			beginning = append(beginning, name)
		}
		switch d := distance(misspelled, name); {
		case name[0] != misspelled[0]:
		case d < least:
			least, near = d, []string{name}
		case d == least && near != nil:
			near = append(near, name)
		}
	}
	if len(beginning) > 0 && least > 0 {
		near = beginning
	}
	slices.Sort(near)
	return slices.Compact(near)
}

// distance counts the letters that are missing, superfluous, wrong or in each other's place.
func distance(a, b string) int {
	// Three rows of the table of distances between the beginnings of a and b.
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// longNames returns the long names of the commands, or of the other options.
func longNames(commands bool) []string {
	var names []string
	for i := range options {
		if commands == (options[i].kind != None) {
			names = append(names, options[i].long)
		}
	}
	return names
}

// inOtherCase swaps the case of each letter that is an option only in the other case.
func inOtherCase(word string) (string, bool) {
	fixed := strings.Map(func(letter rune) rune {
		other := letter ^ ('a' ^ 'A')
		if letter < utf8.RuneSelf && letterOption(byte(letter)) == nil && letterOption(byte(other)) != nil {
			return other
		}
		return letter
	}, word)
	return fixed, fixed != word
}

// apart returns options that are stuck together, as "-m-w", as words of their own.
func apart(word string) ([]string, bool) {
	dash := strings.IndexByte(word[1:], '-') + 1
	if dash <= 1 || dash == len(word)-1 {
		return nil, false
	}
	for i := 1; i < dash; i++ {
		if o := letterOption(word[i]); o == nil || o.takes != nothing {
			return nil, false
		}
	}
	rest := word[dash:]
	if name, ok := strings.CutPrefix(rest, "--"); ok {
		if longOption(strings.SplitN(name, "=", 2)[0]) == nil {
			return nil, false
		}
	} else if letterOption(rest[1]) == nil {
		return nil, false
	}
	return []string{word[:dash], rest}, true
}

// fromAddress returns an address and port, and the option that is stuck to them, as words of their own.
func fromAddress(word string) ([]string, bool) {
	address, letter, ok := strings.Cut(word, "-")
	if !ok || len(letter) != 1 || letterOption(letter[0]) == nil || !strings.ContainsAny(address, ".:") ||
		!strings.ContainsAny(address[len(address)-1:], "0123456789]") {
		return nil, false
	}
	return []string{address, "-" + letter}, true
}
