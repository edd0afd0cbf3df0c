package format

import (
	"errors"
	"io"
)

// Groups fails, because the original has no groups.
func (c classic) Groups(io.Writer, []string, []Group) error {
	return errors.New("groups have no classic format: use --format table or json")
}
