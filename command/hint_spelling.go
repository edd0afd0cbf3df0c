package command

import (
	"slices"
	"strings"
)

// The bounds of the search for a similar word.
const (
	shortestMisspelled = 3
	longestMisspelled  = 40
	farthest           = 2 // letters
)

// Similar returns the names that a misspelled one may stand for: those that begin with it, or else those at the least
// distance. The first letter is seldom wrong, so --port is not for --sort.
func Similar(misspelled string, names []string) []string {
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

// distance counts letters that are missing, superfluous, wrong or swapped.
func distance(a, b string) int {
	// Three rows of the matrix of distances between the beginnings of a and b.
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

// meantName returns the known name that another one was meant to be.
func meantName(name string, known []string) (string, bool) {
	name = strings.Trim(strings.ToLower(name), ",;. ")
	if slices.Contains(known, name) {
		return name, true
	}
	if near := Similar(name, known); len(near) == 1 {
		return near[0], true
	}
	return "", false
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
