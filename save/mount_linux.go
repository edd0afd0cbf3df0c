package save

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mountPoint reports whether something is mounted on a file, as containers do with single files. Kernels before 5.8 do
// not say.
func mountPoint(file *os.File) bool {
	var stat unix.Statx_t
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, 0, &stat)
	return err == nil && stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// reserve makes sure that the disk has room for size bytes of a file, where the file system can do that.
func reserve(file *os.File, size int) error {
	if size == 0 {
		return nil
	}
	for {
		err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, int64(size))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		}
		return err
	}
}
