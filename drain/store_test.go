package drain

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ipvsadm/ipvs"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	directory := filepath.Join(t.TempDir(), "ipvsadm")
	return &Store{directory, filepath.Join(directory, "drained.1.2")}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestStore(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // the modes are the program's own
	s := newStore(t)
	for _, want := range [][]Record{nil, recordsOf(t, web), recordsOf(t, web)[:1], nil} {
		if want != nil {
			if err := s.Prepare(); err != nil {
				t.Fatal(err)
			}
			if err := s.Write(want); err != nil {
				t.Fatal(err)
			}
			if m := mode(t, s.path); m != 0o600 {
				t.Errorf("the mode of the file is %v", m)
			}
			if m := mode(t, s.directory); m != 0o700|fs.ModeDir {
				t.Errorf("the mode of the directory is %v", m)
			}
		} else if err := os.RemoveAll(s.directory); err != nil {
			t.Fatal(err)
		}
		got, err := s.Records()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(ipvs.ServiceID{}, ipvs.Destination{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestStoreAttacked puts something strange where the file or its directory should be. Reading and writing fail, say why, and
// leave it as it is.
func TestStoreAttacked(t *testing.T) {
	const good = `{"Drained": []}`
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	make := func(step error) {
		t.Helper()
		if step != nil {
			t.Fatal(step)
		}
	}
	file := func(s *Store, text string, mode fs.FileMode) {
		make(os.Mkdir(s.directory, 0o700))
		make(os.WriteFile(s.path, []byte(text), 0o600))
		make(os.Chmod(s.path, mode))
	}
	for name, test := range map[string]struct {
		prepare func(s *Store)
		want    string
		reads   bool // only reading fails
	}{
		"a directory for all": {func(s *Store) {
			make(os.Mkdir(s.directory, 0o700))
			make(os.Chmod(s.directory, 0o777))
		}, "others than root can write to", false},
		"a link to a directory": {func(s *Store) {
			make(os.Symlink(t.TempDir(), s.directory))
		}, "is not a directory: delete it", false},
		"a file as the directory": {func(s *Store) { make(os.WriteFile(s.directory, nil, 0o600)) }, "is not a directory: delete it", false},
		"a link": {func(s *Store) {
			make(os.Mkdir(s.directory, 0o700))
			make(os.WriteFile(elsewhere, []byte(good), 0o600))
			make(os.Symlink(elsewhere, s.path))
		}, "does not trust it", false},
		"a dangling link": {func(s *Store) {
			make(os.Mkdir(s.directory, 0o700))
			make(os.Symlink(elsewhere+"2", s.path))
		}, "does not trust it", false},
		"a pipe": {func(s *Store) {
			make(os.Mkdir(s.directory, 0o700))
			make(syscall.Mkfifo(s.path, 0o600))
		}, "does not trust it", false},
		"a directory as the file": {func(s *Store) { make(os.MkdirAll(s.path, 0o700)) }, "does not trust it", false},
		"a file for all":          {func(s *Store) { file(s, good, 0o644) }, "does not trust it", false},
		"an empty file":           {func(s *Store) { file(s, "", 0o600) }, "is damaged: EOF", true},
		"half a file":             {func(s *Store) { file(s, `{"Drained": [{"Service": {`, 0o600) }, "is damaged: unexpected EOF", true},
		"no address": {func(s *Store) {
			file(s, `{"Drained": [{"Service": {"Mark": 1}, "Server": {"Weight": 1}}]}`, 0o600)
		}, "is damaged: record 1 is incomplete", true},
		"no weight": {func(s *Store) {
			file(s, `{"Drained": [{"Service": {"Mark": 1}, "Server": {"Address": "10.0.0.1:80"}}]}`, 0o600)
		}, "is damaged: record 1 is incomplete", true},
		"no service": {func(s *Store) {
			file(s, `{"Drained": [{"Server": {"Weight": 1, "Address": "10.0.0.1:80"}}]}`, 0o600)
		}, "is damaged: record 1 is incomplete", true},
		"a weight above 32 bits": {func(s *Store) {
			file(s, `{"Drained": [{"Service": {"Mark": 1}, "Server": {"Weight": 4294967296, "Address": "10.0.0.1:80"}}]}`, 0o600)
		}, "is damaged: json: cannot unmarshal number 4294967296", true},
	} {
		s := newStore(t)
		test.prepare(s)
		_, err := s.Records()
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: reading: %v, want %s", name, err, test.want)
		}
		if test.reads {
			continue
		}
		err = s.Prepare()
		if err == nil {
			err = s.Write(recordsOf(t, web))
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: writing: %v, want %s", name, err, test.want)
		}
	}
	if got, err := os.ReadFile(elsewhere); err != nil || string(got) != good {
		t.Errorf("the link's target holds %q, %v", got, err)
	}
	if _, err := os.Lstat(elsewhere + "2"); err == nil {
		t.Error("the dangling link's target was created")
	}
}

// TestStoreOfNamespace checks that the store of a thread has a name of its namespace.
func TestStoreOfNamespace(t *testing.T) {
	s, err := NewStore("/run/ipvsadm")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := filepath.Match("/run/ipvsadm/drained.[0-9]*.[0-9]*", s.path); !ok {
		t.Error(s.path)
	}
}
