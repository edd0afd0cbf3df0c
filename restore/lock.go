package restore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// LockFile is what restores on one machine take turns by. Its folder is root's alone to write to.
const LockFile = "/run/ipvsadm.lock"

// Lock waits until no other restore is under way. Each is planned from the table as it is, so that two at once would
// make a table that is neither's. The lock is let go by closing the file, or by the end of the program. Where there is
// no such folder, or none that can be written to, there is no lock, and the file is nil.
func Lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return nil, nil
	case err != nil:
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if err == nil {
			return file, nil
		}
		if err != syscall.EINTR {
			file.Close()
			return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
		}
	}
}
