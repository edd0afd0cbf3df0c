//go:build !linux

package drain

import "errors"

// namespace fails: only Linux has network namespaces.
func namespace() (string, error) { return "", errors.ErrUnsupported }
