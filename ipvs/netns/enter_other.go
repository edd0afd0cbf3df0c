//go:build !linux

package netns

import "errors"

// Exec fails: only Linux has network namespaces.
func Exec(namespace string, _ []string) error { return inNamespace(namespace, errors.ErrUnsupported) }

// Do fails: only Linux has network namespaces.
func Do(namespace string, _ func() error) error { return inNamespace(namespace, errors.ErrUnsupported) }
