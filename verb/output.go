package verb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// standardOutput is standard output, with error messages for the person at the terminal: Go calls it "/dev/stdout".
type standardOutput struct{ file *os.File }

func (o standardOutput) Write(b []byte) (int, error) {
	n, err := o.file.Write(b)
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = fmt.Errorf("standard output: %w", pathError.Err)
	}
	return n, err
}
