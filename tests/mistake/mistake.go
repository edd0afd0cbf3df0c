// Package mistake reads the table of mistakes that people make on ipvsadm's command line, for the tests of both programs.
package mistake

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Mistake is an entry of command/testdata/mistakes.txt. The file explains its format.
type Mistake struct {
	Line    string
	Words   []string
	Status  int
	Message string   // of the original
	Hints   []string // of this program
	Remarks []string // of this program on a terminal, where the original is silent
}

var word = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\S+`)

// Read reads a file of mistakes.
func Read(path string) ([]Mistake, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Mistake
	var last *Mistake
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		kind, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case kind == "ipvsadm":
			words, err := split(rest)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", line, err)
			}
			all = append(all, Mistake{Line: line, Words: words})
			last = &all[len(all)-1]
		case kind == "hint:":
			last.Hints = append(last.Hints, rest)
		case kind == "terminal:":
			last.Remarks = append(last.Remarks, rest)
		default:
			if last.Status, err = strconv.Atoi(kind); err != nil {
				return nil, fmt.Errorf("%s: %w", line, err)
			}
			last.Message = rest
			if rest == "Try" {
				last.Message = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."
			}
		}
	}
	return all, nil
}

// split splits a line into words. A word in quotes is a Go string.
func split(line string) ([]string, error) {
	words := word.FindAllString(line, -1)
	for i, text := range words {
		if !strings.HasPrefix(text, `"`) {
			continue
		}
		var err error
		if words[i], err = strconv.Unquote(text); err != nil {
			return nil, err
		}
	}
	return words, nil
}
