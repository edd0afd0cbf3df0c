package verb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// standardOutput is standard output. Its errors have none of the words that Go puts before them.
type standardOutput struct{ file *os.File }

func (o standardOutput) Write(b []byte) (int, error) {
	n, err := o.file.Write(b)
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = fmt.Errorf("standard output: %w", pathError.Err)
	}
	return n, err
}
