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

// putDescriptor writes text to an open file that a link in /proc stands for, as /dev/stdout and /dev/fd/7 do.
//
// It writes to a descriptor of this process itself. Opening the link instead would open the file anew, at its beginning
// and without the O_APPEND of a shell's >>. A file of another process has to be opened anew. It is appended to, which
// destroys nothing.
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

// descriptor reports whether a link in /proc is a descriptor of this process, and its number.
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
	directory, err = filepath.EvalSymlinks(directory) // self, thread-self and /dev/fd
	if err != nil {
		return 0, false
	}
	if directory == fmt.Sprintf("/proc/%s/fd", self) {
		return uintptr(n), true
	}
	own, _ = filepath.Match(fmt.Sprintf("/proc/%s/task/*/fd", self), directory)
	return uintptr(n), own
}
