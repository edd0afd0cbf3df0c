package save

import (
	"os"

	"golang.org/x/sys/unix"
)

// Closed tells whether a standard stream was closed when the program began. Go's runtime then puts /dev/null in its
// place, so that no other file gets its number, and everything that is written is lost without an error. It opens it
// for reading and writing, which a shell's >/dev/null is not.
func Closed(stream *os.File) bool {
	var null, is unix.Stat_t
	if unix.Stat(os.DevNull, &null) != nil || unix.Fstat(int(stream.Fd()), &is) != nil || is.Rdev != null.Rdev || is.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	flags, err := unix.FcntlInt(stream.Fd(), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
}
