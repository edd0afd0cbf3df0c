package save

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxLinks is how many symbolic links the kernel follows.
const maxLinks = 40

// follow follows symbolic links. It returns the path at their end, and the file there or nil. It stops at a link in /proc,
// whose text is not its target.
//
// It joins paths without cleaning them: .. in a link is the parent of the real directory of the link, and the path to that
// directory may contain other links.
func follow(path string) (end string, found fs.FileInfo, err error) {
	for range maxLinks {
		found, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil, nil
		case err != nil:
			return "", nil, err
		case found.Mode().Type() != fs.ModeSymlink || inProc(found):
			return path, found, nil
		}
		text, err := os.Readlink(path)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(text) {
			directory, _ := filepath.Split(path)
			text = directory + text
		}
		path = text
	}
	return "", nil, syscall.ELOOP
}

// inProc reports whether a file is in /proc.
func inProc(info fs.FileInfo) bool {
	proc, err := os.Stat("/proc")
	return err == nil && device(proc) == device(info)
}
