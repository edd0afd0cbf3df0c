//go:build !linux

package verb

import (
	"io/fs"
	"os"
)

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
