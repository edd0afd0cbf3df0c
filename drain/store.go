package drain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"ipvsadm/save"
)

// Directory holds the records. Only root can write to it.
const Directory = "/run/ipvsadm"

// Store is the file with the records of a network namespace.
type Store struct{ directory, path string }

// NewStore returns the store of the calling thread's network namespace. It creates nothing.
func NewStore(directory string) (*Store, error) {
	namespace, err := namespace()
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	return &Store{directory, filepath.Join(directory, "drained."+namespace)}, nil
}

// LockFile returns the file that a program locks while it changes weights and records.
func (s *Store) LockFile() string { return filepath.Join(s.directory, "lock") }

// Prepare creates the directory, and checks that only root can write to it.
func (s *Store) Prepare() error {
	if err := os.Mkdir(s.directory, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot store the old weights: %w", err)
	}
	return s.check()
}

// check returns an error if someone else can write to the directory. It returns fs.ErrNotExist if the directory is missing.
func (s *Store) check() error {
	info, err := os.Lstat(s.directory)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory: delete it", s.directory)
	case !ours(info) || info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others than root can write to %s: type chown root %[1]s; chmod 700 %[1]s", s.directory)
	}
	return nil
}

// ours reports whether root or this user owns a file.
func ours(info fs.FileInfo) bool {
	owner := info.Sys().(*syscall.Stat_t).Uid
	return owner == 0 || int(owner) == os.Geteuid()
}

// document is the contents of the file.
type document struct{ Drained []Record }

// Records returns what is stored, or nothing if nothing is.
func (s *Store) Records() ([]Record, error) {
	err := s.check()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var d document
	if err := decode(file, &d); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; delete it, and set the weights of drained servers with ipvsadm weight", s.path, err)
	}
	return d.Drained, nil
}

// open opens the file if it is a regular file that only root can read and write. O_NONBLOCK is for a pipe.
func (s *Store) open() (*os.File, error) {
	file, err := os.OpenFile(s.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, s.strange()
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || !ours(info) || info.Mode().Perm()&0o077 != 0) {
		err = s.strange()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (s *Store) strange() error {
	return fmt.Errorf("%s is not a file of root with mode 0600: ipvsadm did not write it, and does not trust it", s.path)
}

// decode reads a document, whose records must be complete.
func decode(r io.Reader, d *document) error {
	decoder := json.NewDecoder(r)
	if err := decoder.Decode(d); err != nil {
		return err
	}
	for i, r := range d.Drained {
		if !r.Server.Address.IsValid() || r.Service.Mark == 0 && !r.Service.Address.IsValid() || r.Server.Weight == 0 {
			return fmt.Errorf("record %d is incomplete", i+1)
		}
	}
	return nil
}

// Write replaces the file. The directory must be prepared.
func (s *Store) Write(records []Record) error {
	file, err := s.open() // a link or a pipe in its place is not replaced
	if err == nil {
		file.Close()
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = save.File(s.path, func(w io.Writer) error {
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", "  ")
			return encoder.Encode(document{records})
		})
	}
	if err != nil {
		return fmt.Errorf("cannot store the old weights: %w", err)
	}
	return nil
}

// Read returns the records of the calling thread's network namespace. Compare them with the table: InForce.
func Read() ([]Record, error) {
	store, err := NewStore(Directory)
	if err != nil {
		return nil, err
	}
	return store.Records()
}
