package verb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"ipvsadm/format"
	"ipvsadm/ipvs/netns"
	"ipvsadm/restore"
)

const (
	kernelTable    = "kernel"
	namespaceTable = "netns:" // before the name of a network namespace
)

// sources describes the names that readTable takes, for the help of verbs.
const sources = `a file (saved rules, or -Ln --format json), "-" for standard input, netns:NAME, or "kernel"`

// readTable reads a table. Its name is "kernel", netns:NAME, "-" for standard input, or else that of a file.
func (a *app) readTable(ctx context.Context, name string) (*restore.Description, error) {
	namespace, inNamespace := strings.CutPrefix(name, namespaceTable)
	switch {
	case name == "":
		return nil, errors.New("the name of a table is empty: it is " + sources)
	case name == kernelTable:
		return a.describeKernel(ctx)
	case inNamespace:
		var table *restore.Description
		err := netns.Do(namespace, func() (err error) {
			table, err = a.describeKernel(ctx)
			return err
		})
		return table, err
	case name == "-":
		if isTerminal(a.stdin) {
			fmt.Fprintln(a.stderr, "reading a table from standard input, up to Ctrl-D")
		}
		return a.describe(ctx, a.stdin, standardInput)
	}
	file, err := os.Open(name)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer file.Close()
	return a.describe(ctx, file, name)
}

func (a *app) describeKernel(ctx context.Context) (*restore.Description, error) {
	k, err := a.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	return restore.DescribeKernel(ctx, k.Client)
}

// describe reads a table from saved rules or from a listing as JSON.
func (a *app) describe(ctx context.Context, input io.Reader, source string) (*restore.Description, error) {
	buffered := bufio.NewReader(input)
	if isJSON(buffered) {
		entries, err := format.ReadJSON(buffered)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		return &restore.Description{Entries: entries}, nil
	}
	rules, err := restore.Read(ctx, buffered, source, a.resolver)
	if err != nil {
		return nil, err
	}
	if len(rules.Lines) == 0 && rules.Err() == nil {
		a.hint(source + " has no commands, so its table is empty")
	}
	return rules.Describe()
}

// isJSON reports whether the first character is a brace. It takes the white space before it.
func isJSON(r *bufio.Reader) bool {
	for {
		next, err := r.Peek(1)
		if err != nil {
			return false
		}
		if next[0] != ' ' && next[0] != '\t' && next[0] != '\n' && next[0] != '\r' {
			return next[0] == '{'
		}
		_, _ = r.Discard(1)
	}
}
