// Package netns moves this program, or one of its threads, into another network namespace.
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
	named = "/run/netns" // the names that "ip netns" gave
	files = "/etc/netns" // for each name, the files that replace those in /etc
)

// path returns the file of a namespace, given the name that "ip netns" gave it, or the file itself, which has a slash.
func path(namespace string) (string, error) {
	switch {
	case strings.Contains(namespace, "/"):
		return namespace, nil
	case namespace == "" || namespace == "." || namespace == "..":
		return "", inNamespace(namespace, fs.ErrInvalid)
	default:
		return filepath.Join(named, namespace), nil
	}
}

// Names returns the names that "ip netns" gave.
func Names() []string {
	var names []string
	entries, _ := os.ReadDir(named)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// inNamespace returns an error that has the name of the namespace instead of its path.
func inNamespace(namespace string, err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err
	}
	return fmt.Errorf("network namespace %q: %w", namespace, err)
}
