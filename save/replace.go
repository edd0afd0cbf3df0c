package save

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// replace renames a temporary file to path. existing is the old file, which the kernel opened by the path that the user
// typed. It is nil if there was no file; the new one then gets the mode.
func replace(path string, existing *os.File, mode fs.FileMode, text []byte) error {
	p, err := openPlace(path)
	if err != nil {
		return err
	}
	defer p.close()
	if existing != nil {
		if err := p.mustHold(existing); err != nil {
			return err
		}
	}
	return p.replace(existing, mode, text)
}

// fill replaces the empty file that the kernel just created through a dangling link. If that fails, fill deletes the empty
// file.
func fill(path string, empty *os.File, mode fs.FileMode, text []byte) error {
	p, err := openPlace(path)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.mustHold(empty); err != nil {
		return err
	}
	err = p.replace(nil, mode, text)
	if err != nil {
		p.directory.Remove(p.name)
	}
	return err
}

// place is a name in an open directory, which nobody can exchange for another directory.
type place struct {
	directory *os.Root
	name      string
}

func openPlace(path string) (place, error) {
	directory, name := filepath.Split(path)
	if name == "" { // "new/": the kernel returns this error too
		return place{}, syscall.EISDIR
	}
	root, err := os.OpenRoot(cmp.Or(directory, "."))
	return place{root, name}, err
}

func (p place) close() { p.directory.Close() }

// mustHold returns an error if the place does not hold file: someone may have changed a link after follow read it and
// before the kernel opened the path.
func (p place) mustHold(file *os.File) error {
	want, err := file.Stat()
	if err != nil {
		return err
	}
	is, err := p.directory.Lstat(p.name)
	if err != nil {
		return err
	}
	if !os.SameFile(want, is) {
		return errors.New("the file was moved in the meantime")
	}
	return nil
}

// replace writes a temporary file and renames it to the name of the place.
func (p place) replace(existing *os.File, mode fs.FileMode, text []byte) (err error) {
	// Open the directory for the sync now: after the rename it is too late to fail.
	directory, err := p.directory.Open(".")
	if err != nil {
		return err
	}
	defer directory.Close()

	temporary := fmt.Sprintf(".ipvsadm-save.%016x", rand.Uint64()) // short: p.name may be as long as the kernel allows
	file, err := p.directory.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil && existing != nil {
		return fmt.Errorf("cannot create a temporary file beside it: %w", withoutPath(err))
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			p.directory.Remove(temporary)
		}
	}()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if existing == nil {
		err = file.Chmod(mode) // the umask may have cleared bits
	} else {
		err = keepAttributes(existing, file)
	}
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := p.directory.Rename(temporary, p.name); err != nil {
		return err
	}
	// The rename is on the disk only after a sync. EINVAL: this file system cannot sync directories.
	if err := directory.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
