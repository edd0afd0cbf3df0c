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

// newMode is the mode of a file that did not exist before: its owner's alone, for it describes a network.
const newMode fs.FileMode = 0o600

// File writes a file, whole or not at all: if anything fails, or the machine does, the file is as it was.
//
// A file that is replaced keeps its mode, owner, ACL and extended attributes. A symbolic link stays one. A device, a
// pipe or a descriptor (/dev/stdout) is written to directly, and so is a file that is a mount point, which no rename can
// replace. File writes to no file that the kernel would not let a shell's > write to.
func File(path string, write func(io.Writer) error) error {
	// write may take long. Nothing exists yet that an interrupt could leave behind.
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if err := put(path, text.Bytes()); err != nil {
		return fmt.Errorf("cannot save to %s: %w", path, reason(err))
	}
	return nil
}

// put writes text to what path names, in the way that suits it.
func put(path string, text []byte) error {
	end, found, err := follow(path)
	if err != nil {
		return err
	}
	if found == nil && end == path {
		return replace(end, nil, text)
	}
	if found != nil && found.Mode().Type() == fs.ModeSymlink {
		return putDescriptor(end, text)
	}

	// With O_CREATE the kernel applies its rules about links and files of other users in shared directories
	// (fs.protected_symlinks, fs.protected_regular). It creates the file that a dangling link names.
	existing, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOCTTY, newMode)
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
		return fill(end, existing, text)
	}
	err = replace(end, existing, text)
	if errors.Is(err, syscall.EBUSY) { // a mount point, to a kernel before 5.8
		return overwrite(existing, text)
	}
	return err
}

// putStream writes text to a file that has no contents to keep, and closes it.
func putStream(file *os.File, text []byte) error {
	_, err := file.Write(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// reason returns an error without the operation and the path that Go puts before it.
func reason(err error) error {
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
