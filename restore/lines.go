// Package restore carries out saved commands: as they stand, line by line, or all together as the difference that they
// make to the kernel's table.
package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Line is a command and the number of the line in which it stands.
type Line struct {
	Number  int // from 1
	Command command.Command
}

// Error is what is wrong with one line.
type Error struct {
	Source string // the file, or "stdin"
	Line   int    // from 1; zero if it comes from no line
	Err    error
}

// Error returns the source, line and what is wrong with it, as in "stdin:3: Service already exists".
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Source, e.Err)
	}
	var refused *ipvs.Error
	if errors.As(e.Err, &refused) {
		return fmt.Sprintf("%s:%d: %s", e.Source, e.Line, refused.Reason()) // on what, the line says
	}
	return fmt.Sprintf("%s:%d: %v", e.Source, e.Line, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Read reads commands, a line each. Empty lines and lines that begin with # are passed over, as is the word ipvsadm
// before a command. If any line is wrong the error is a join of an *Error for each that is. Hosts are looked up all
// together.
func Read(ctx context.Context, r io.Reader, source string, resolver *names.Resolver) ([]Line, error) {
	var all strings.Builder
	if _, err := io.Copy(&all, r); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	text := all.String()

	// Once to see which hosts there are, and if there are any once more with their addresses.
	var hosts []string
	lookup := command.Lookup{Port: resolver.ServicePort, Host: func(name string) (netip.Addr, error) {
		hosts = append(hosts, name)
		return netip.IPv4Unspecified(), nil
	}}
	lines, err := parse(text, source, lookup)
	if len(hosts) == 0 {
		return lines, err
	}
	resolver.ResolveHosts(ctx, hosts)
	lookup.Host = func(name string) (netip.Addr, error) { return resolver.LookupHost(ctx, name) }
	return parse(text, source, lookup)
}

func parse(text, source string, lookup command.Lookup) ([]Line, error) {
	parsed := make([]Line, 0, strings.Count(text, "\n")+1)
	var wrong []error
	number := 0
	var words []string
	var parser command.Parser
	for line := range strings.Lines(text) {
		number++
		words = appendWords(words[:0], line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		c, err := parser.Parse("ipvsadm", words, lookup)
		if err == nil && c.Verb == command.Restore {
			err = errNested
		}
		if err == nil {
			err = c.CheckNames()
		}
		if err != nil {
			wrong = append(wrong, &Error{source, number, err})
			continue
		}
		parsed = append(parsed, Line{number, c})
	}
	return parsed, errors.Join(wrong...)
}

// appendWords puts the words of a line behind others, but for the word ipvsadm before a command.
func appendWords(words []string, line string) []string {
	for start := 0; start < len(line); {
		if isSpace(line[start]) {
			start++
			continue
		}
		end := start + 1
		for end < len(line) && !isSpace(line[end]) {
			end++
		}
		if word := line[start:end]; len(words) > 0 || word != "ipvsadm" {
			words = append(words, word)
		}
		start = end
	}
	return words
}

func isSpace(char byte) bool { return char == ' ' || char == '\t' || char == '\r' || char == '\n' }

var errNested = &command.Error{Message: "a restore within a restore", Status: 2}
