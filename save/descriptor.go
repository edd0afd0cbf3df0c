package save

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// putDescriptor writes text to the open file behind a link in /proc, such as the ends of /dev/stdout and /dev/fd/7.
//
// If this process has the file open, putDescriptor writes to its descriptor. To open the link instead would start at the
// beginning of the file and lose the O_APPEND of a shell's >>. A file of another process must be opened, and gets the text
// at its end, which destroys nothing.
func putDescriptor(link string, text []byte) error {
	number, own := descriptor(link)
	if !own {
		file, err := os.OpenFile(link, os.O_WRONLY|os.O_APPEND|syscall.O_NOCTTY, 0)
		if err != nil {
			return err
		}
		return putStream(file, text)
	}
	// Descriptors with FD_CLOEXEC are this program's own: nobody can have meant its sockets.
	flags, err := unix.FcntlInt(number, unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return &fs.PathError{Op: "open", Path: link, Err: syscall.EBADF}
	}
	copied, err := unix.FcntlInt(number, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return putStream(os.NewFile(uintptr(copied), link), text)
}

// descriptor returns the number of the descriptor behind a link in /proc. It reports whether this process owns it.
func descriptor(link string) (number uintptr, own bool) {
	directory, name := filepath.Split(link)
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return 0, false
	}
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return 0, false
	}
	directory, err = filepath.EvalSymlinks(directory) // resolves self, thread-self and /dev/fd
	if err != nil {
		return 0, false
	}
	if directory == fmt.Sprintf("/proc/%s/fd", self) {
		return uintptr(n), true
	}
	own, _ = filepath.Match(fmt.Sprintf("/proc/%s/task/*/fd", self), directory)
	return uintptr(n), own
}
