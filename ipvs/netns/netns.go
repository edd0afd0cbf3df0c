// Package netns moves this program into another network namespace.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	named = "/run/netns" // where "ip netns" keeps its names
	files = "/etc/netns" // where it looks for files of /etc that a namespace has of its own
)

// path returns the file of a namespace, which is given by the name that "ip netns" has for it or, if it has a slash,
// by that file itself.
func path(namespace string) (string, error) {
	switch {
	case strings.Contains(namespace, "/"):
		return namespace, nil
	case namespace == "" || namespace == "." || namespace == "..":
		return "", failure(namespace, fs.ErrInvalid)
	default:
		return filepath.Join(named, namespace), nil
	}
}

// Names returns the names that "ip netns" has.
func Names() []string {
	var names []string
	entries, _ := os.ReadDir(named)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// failure names the namespace in an error, and not the path that was made of it.
func failure(namespace string, err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	return fmt.Errorf("network namespace %q: %w", namespace, err)
}
