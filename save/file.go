package save

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// File writes a file whole: into a temporary file beside it that takes its place when all is on the disk. If anything
// fails, or the machine does, the file is as it was. A new file is its owner's alone (mode 0600); one that is replaced
// keeps its mode.
func File(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays one
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o600), renameio.WithExistingPermissions(), renameio.IgnoreUmask())
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	buffered := bufio.NewWriter(pending)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename in a folder outlive a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
