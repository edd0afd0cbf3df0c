package save

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// holds compares the names and contents of a folder's files with those that the test wants.
func holds(t *testing.T, folder string, want map[string]string) {
	t.Helper()
	got := make(map[string]string)
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Type()&os.ModeSymlink != 0 {
			link, _ := os.Readlink(filepath.Join(folder, entry.Name()))
			got[entry.Name()] = "-> " + link
			continue
		}
		text, _ := os.ReadFile(filepath.Join(folder, entry.Name()))
		got[entry.Name()] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestFileMode(t *testing.T) {
	folder := t.TempDir()                     // before the mask, which would take it away from all but root
	defer syscall.Umask(syscall.Umask(0o777)) // the mask must not matter to the files
	path := filepath.Join(folder, "rules")
	if err := File(path, writes("first\n")); err != nil {
		t.Fatal(err)
	}
	if got := mode(t, path); got != 0o600 {
		t.Errorf("mode of a new file: %o", got)
	}
	for _, want := range []os.FileMode{0o644, 0o640, 0o600} {
		if err := os.Chmod(path, want); err != nil {
			t.Fatal(err)
		}
		if err := File(path, writes("second\n")); err != nil {
			t.Fatal(err)
		}
		if got := mode(t, path); got != want {
			t.Errorf("mode of a file that had %o: %o", want, got)
		}
	}
	holds(t, folder, map[string]string{"rules": "second\n"})
}

func TestFileOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a file away")
	}
	path := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 1234, 5678); err != nil {
		t.Fatal(err)
	}
	if err := File(path, writes("text\n")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 1234 || s.Gid != 5678 || info.Mode() != 0o640 {
		t.Errorf("owner %d, group %d, mode %v", s.Uid, s.Gid, info.Mode())
	}
}

func TestFileFailure(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "rules")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("failure")
	err := File(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return failure
	})
	if err != failure {
		t.Errorf("error %v", err)
	}
	holds(t, folder, map[string]string{"rules": "old\n"})

	for name, want := range map[string]syscall.Errno{
		"":                             syscall.EISDIR,
		"/.":                           syscall.EISDIR,
		"/new/":                        syscall.EISDIR,
		"/rules/":                      syscall.ENOTDIR,
		"/rules/rules":                 syscall.ENOTDIR,
		"/none/rules":                  syscall.ENOENT,
		"/" + strings.Repeat("n", 256): syscall.ENAMETOOLONG,
	} {
		err := File(folder+name, writes("text"))
		if want := "cannot save to " + folder + name + ": " + want.Error(); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	holds(t, folder, map[string]string{"rules": "old\n"})
}

// TestFileLast wants no file to exist before its whole text does: making the text may take long, and be interrupted.
func TestFileLast(t *testing.T) {
	folder := t.TempDir()
	err := File(filepath.Join(folder, "rules"), func(w io.Writer) error {
		holds(t, folder, map[string]string{})
		_, err := io.WriteString(w, "text")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, folder, map[string]string{"rules": "text"})
}

func TestFileLinks(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(elsewhere, "rules"), "absolute")
	link("absolute", "relative") // a link to a link to a file that does not exist yet
	link("loop", "loop")
	for _, text := range []string{"first\n", "second\n"} {
		if err := File(filepath.Join(folder, "relative"), writes(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, elsewhere, map[string]string{"rules": text})
	}
	if err := File(filepath.Join(folder, "loop"), writes("text")); err == nil {
		t.Error("no error from a link to itself")
	}
	holds(t, folder, map[string]string{
		"absolute": "-> " + filepath.Join(elsewhere, "rules"),
		"relative": "-> absolute",
		"loop":     "-> loop",
	})
}

// TestFileLinkUpwards has a link with .. in a directory that is reached through another link. The .. is not the parent in
// the path.
func TestFileLinkUpwards(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a/b", "c"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"c/d": "../a/b", "a/b/link": "../rules"} {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"first\n", "second\n"} {
		if err := File(folder+"/c/d/link", writes(text)); err != nil {
			t.Fatal(err)
		}
		if err := File(folder+"/c/d/../other", writes(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, folder+"/a", map[string]string{"b": "", "rules": text, "other": text})
	}
}

// TestFileLongName has names as long as the kernel allows.
func TestFileLongName(t *testing.T) {
	folder := t.TempDir()
	name := strings.Repeat("n", 255)
	for _, text := range []string{"first\n", "second\n"} {
		if err := File(filepath.Join(folder, name), writes(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, folder, map[string]string{name: text})
	}
	t.Chdir(folder)
	if err := File("here", writes("text\n")); err != nil {
		t.Error(err)
	}
	holds(t, folder, map[string]string{name: "second\n", "here": "text\n"})
}

// TestFileDevice writes to devices and pipes, which a rename would destroy.
func TestFileDevice(t *testing.T) {
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		text, _ := os.ReadFile(pipe)
		read <- string(text)
	}()
	if err := File(pipe, writes("text\n")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "text\n" {
		t.Errorf("read %q", got)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe is no more: %v, %v", info, err)
	}
	if err := File("/dev/full", writes("text\n")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("to /dev/full: %v", err)
	}
	if info, err := os.Lstat("/dev/full"); err != nil || info.Mode()&os.ModeDevice == 0 {
		t.Errorf("/dev/full is no more: %v, %v", info, err)
	}
}
