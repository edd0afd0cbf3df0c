package save

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/pkg/xattr"
)

// The mode of a new file.
const (
	privateMode fs.FileMode = 0o600 // rules describe a network
	publicMode  fs.FileMode = 0o644
)

// File replaces a file atomically: after an error or a crash, the old file is still there.
//
// The new file keeps the old mode, owner, ACL and extended attributes. A symbolic link stays a link. File writes directly
// to a device, a pipe, a descriptor (/dev/stdout), and a file that is a mount point, which no rename can replace. It fails
// where the kernel would not let a shell's > write. Only the owner may read a new file.
func File(path string, write func(io.Writer) error) error { return file(path, privateMode, write) }

// PublicFile is like File, but every user may read a new file.
func PublicFile(path string, write func(io.Writer) error) error {
	return file(path, publicMode, write)
}

func file(path string, mode fs.FileMode, write func(io.Writer) error) error {
	// write may take long, so an interrupt is likely here. No temporary file exists yet that it could leave behind.
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if err := put(path, mode, text.Bytes()); err != nil {
		return fmt.Errorf("cannot save to %s: %w", path, withoutPath(err))
	}
	return nil
}

// put writes text to path, in the way that suits the kind of file. A new file gets the mode.
func put(path string, mode fs.FileMode, text []byte) error {
	end, found, err := follow(path)
	if err != nil {
		return err
	}
	if found == nil && end == path {
		return replace(end, nil, mode, text)
	}
	if found != nil && found.Mode().Type() == fs.ModeSymlink {
		return putDescriptor(end, text)
	}

	// With O_CREATE the kernel applies its rules about links and files of other users in shared directories
	// (fs.protected_symlinks, fs.protected_regular). It creates the file that a dangling link names.
	existing, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOCTTY, mode)
	if err != nil {
		return err
	}
	defer existing.Close()
	info, err := existing.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return putStream(existing, text)
	case mountPoint(existing):
		return overwrite(existing, text)
	case found == nil:
		return fill(end, existing, mode, text)
	}
	err = replace(end, existing, mode, text)
	if errors.Is(err, syscall.EBUSY) { // a mount point, on a kernel before 5.8
		return overwrite(existing, text)
	}
	return err
}

// putStream writes text to a file without old contents and closes the file.
func putStream(file *os.File, text []byte) error {
	_, err := file.Write(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// withoutPath returns an error without the operation and path that Go adds.
func withoutPath(err error) error {
	switch err := err.(type) {
	case *fs.PathError:
		return err.Err
	case *os.LinkError:
		return err.Err
	case *os.SyscallError:
		return err.Err
	case *xattr.Error:
		return err.Err
	default:
		return err
	}
}
