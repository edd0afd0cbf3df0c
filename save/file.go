package save

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// File writes a file whole: into a temporary file beside it that takes its place when all is on the disk. If anything
// fails, or the machine does, the file is as it was. A new file is its owner's alone (mode 0600); one that is replaced
// keeps its mode and owner, and a symbolic link to it stays one. What is no file, such as /dev/stdout on a pipe, has
// nothing to be kept and is written to.
func File(path string, write func(io.Writer) error) error {
	existing, err := os.Stat(path)
	if err == nil && !existing.Mode().IsRegular() {
		return device(path, write)
	}
	if path, err = target(path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path)) // now, as it is too late to fail after the rename
	if err != nil {
		return err
	}
	defer folder.Close()

	// What is to be written comes first, as it may take its time: who interrupts that leaves no temporary file behind.
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o600), renameio.WithExistingPermissions(), renameio.IgnoreUmask())
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if err := keepOwner(pending.File, existing); err != nil {
		return err
	}
	if _, err := text.WriteTo(pending); err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	// So that the rename outlives a power failure. Where folders cannot be synced, it cannot be helped.
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// device writes to what is there.
func device(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(file)
	if err = write(b); err == nil {
		err = b.Flush()
	}
	return errors.Join(err, file.Close())
}

// maxLinks is how many symbolic links the kernel follows.
const maxLinks = 40

// target returns the path that a file has or will have behind symbolic links.
func target(path string) (string, error) {
	for range maxLinks {
		resolved, err := filepath.EvalSymlinks(path)
		if err == nil {
			return resolved, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil // there is no file yet
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

// keepOwner gives a file the owner and group of the one that it will replace, if there is one.
func keepOwner(file *os.File, existing fs.FileInfo) error {
	if existing == nil {
		return nil
	}
	now, err := file.Stat()
	if err != nil {
		return err
	}
	has, ok := now.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	want := existing.Sys().(*syscall.Stat_t)
	if has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	if err := file.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return err
	}
	return file.Chmod(existing.Mode().Perm()) // which a change of owner may clear bits of
}
