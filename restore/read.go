// Package restore executes saved commands: one after the other, as -R does, or all or nothing, as the verb restore does.
// For that it compares the table that the commands describe with the kernel's, and sends only the difference.
//
// A restore goes through the files in this order: read, plan, lock, reserve, execute and, if the kernel refuses a change,
// undo.
package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Rules are the commands of a file.
type Rules struct {
	Source string // the file, or "stdin"
	Lines  []Line // that parse
	bad    []badLine
}

// Line is a command and the number of its line.
type Line struct {
	Number  int // from 1
	Command command.Command
}

// badLine is a line with a parse error. Its command holds what comes before the mistake.
type badLine struct {
	Line
	err error
}

// Error is the error of one line.
type Error struct {
	Source string // the file, or "stdin"
	Line   int    // from 1; zero if no line asks for the change: it deletes what the file lacks, or undoes another
	Err    error
}

// Error returns the source, the line and its error, as in "stdin:3: Service already exists".
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Source, e.Err)
	}
	text := e.Err.Error()
	var refusal *ipvs.Error
	if errors.As(e.Err, &refusal) {
		text = refusal.Reason() // the line names the object
	}
	return fmt.Sprintf("%s:%d: %s", e.Source, e.Line, text)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Err returns nil if every line parses, or else a join of an *Error for each bad line.
func (r *Rules) Err() error {
	var errs []error
	for _, bad := range r.bad {
		errs = append(errs, &Error{r.Source, bad.Number, bad.err})
	}
	return errors.Join(errs...)
}

// ReadFile reads the rules of a file.
func ReadFile(ctx context.Context, path string, resolver *names.Resolver) (*Rules, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, withoutPath(err))
	}
	defer file.Close()
	return Read(ctx, file, path, resolver)
}

// Read reads rules, one command a line. It skips empty lines, lines that begin with # and the word ipvsadm before a
// command. The error is a failure to read; [Rules.Err] returns the parse errors. It looks hosts up concurrently.
func Read(ctx context.Context, r io.Reader, source string, resolver *names.Resolver) (*Rules, error) {
	var all strings.Builder
	if _, err := io.Copy(&all, r); err != nil {
		return nil, fmt.Errorf("%s: %w", source, withoutPath(err))
	}
	text := all.String()

	// The first pass finds the hosts. If there are any, a second one parses with their addresses.
	var hosts []string
	lookup := command.Lookup{Port: resolver.ServicePort, Host: func(name string) (netip.Addr, error) {
		hosts = append(hosts, name)
		return netip.IPv4Unspecified(), nil
	}}
	rules := parse(text, source, lookup)
	if len(hosts) == 0 {
		return rules, nil
	}
	resolver.ResolveHosts(ctx, hosts)
	lookup.Host = func(name string) (netip.Addr, error) { return resolver.LookupHost(ctx, name) }
	return parse(text, source, lookup), nil
}

// withoutPath returns an error without the operation and the file that Go's errors name.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func parse(text, source string, lookup command.Lookup) *Rules {
	rules := &Rules{Source: source, Lines: make([]Line, 0, strings.Count(text, "\n")+1)}
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
		switch {
		case strings.IndexByte(line, 0) >= 0:
			err = errNUL
		case err != nil:
		case c.Kind == command.Restore:
			err = errNested
		default:
			err = c.CheckNames()
		}
		if err != nil {
			rules.bad = append(rules.bad, badLine{Line{number, c}, err})
		} else {
			rules.Lines = append(rules.Lines, Line{number, c})
		}
	}
	return rules
}

// appendWords appends the words of a line, without the word ipvsadm before a command. strings.Fields would also split at
// white space that the original takes as part of a word.
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

var (
	errNested = &command.Error{Message: "a restore within a restore", Status: 2}

	// A file with NUL bytes was damaged: some file systems fill the end of a file with them after a crash.
	errNUL = &command.Error{Message: "the line contains a NUL byte", Status: 2}
)
