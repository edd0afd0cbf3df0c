package save

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mountPoint reports whether a file is a mount point, as single files in containers often are. It reports false on kernels
// before 5.8.
func mountPoint(file *os.File) bool {
	var stat unix.Statx_t
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, 0, &stat)
	return err == nil && stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// allocate reserves disk space for the first size bytes of a file, if the file system can do that.
func allocate(file *os.File, size int) error {
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
