package save

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFileShared saves to files and links of several owners, in directories that several users may write to, with each
// setting of fs.protected_*. Where the kernel refuses a shell's >, File must fail for the same reason.
func TestFileShared(t *testing.T) {
	if os.Getenv("IPVSADM_LAB") == "" {
		t.Skip("this test changes sysctls, and belongs in the lab")
	}
	refused, saved := 0, 0
	for links := range 2 {
		set(t, "protected_symlinks", links)
		for files := range 3 {
			set(t, "protected_regular", files)
			set(t, "protected_fifos", files)
			for _, test := range sharedTests {
				name := fmt.Sprintf("symlinks=%d regular=%d %+v", links, files, test)
				ours, err := test.make(t)
				theirs, err2 := test.make(t)
				if err := errors.Join(err, err2); err != nil {
					t.Fatal(err)
				}
				want := asUser(test.user, func() error { return plain(theirs.path, "new\n") })
				before := ours.contents(t)
				got := asUser(test.user, func() error { return File(ours.path, writes("new\n")) })
				switch {
				case want != nil:
					refused++
					if !errors.Is(got, want.(*fs.PathError).Err) {
						t.Errorf("%s: error %v, and of a plain open %v", name, got, want)
					}
					if after := ours.contents(t); after != before {
						t.Errorf("%s: refused, and yet %v is now %v", name, before, after)
					}
				case test.user != 0 && errors.Is(got, fs.ErrPermission): // may write to the file, but not replace it
					if after := ours.contents(t); after != before {
						t.Errorf("%s: failed, and yet %v is now %v", name, before, after)
					}
				case got != nil:
					t.Errorf("%s: error %v, and of a plain open none", name, got)
				default:
					saved++
					if got, want := ours.contents(t), theirs.contents(t); got != want {
						t.Errorf("%s: %v, and after a plain open %v", name, got, want)
					}
				}
			}
		}
	}
	t.Logf("%d refused, %d saved", refused, saved)
	if refused < 100 || saved < 100 {
		t.Error("that is too few to compare")
	}
}

// sharedTest is a file in a shared directory, and the user who saves to it.
type sharedTest struct {
	kind           string
	mode           fs.FileMode // of the directory
	directoryOwner int
	owner          int // of the files in the directory
	user           int
}

var sharedTests = func() (all []sharedTest) {
	for _, kind := range []string{"nothing", "file", "link to a file", "link to nothing", "link to a link"} {
		for _, mode := range []fs.FileMode{0o777, 0o777 | fs.ModeSticky, 0o775 | fs.ModeSticky} {
			for _, directoryOwner := range []int{0, 1001} {
				for _, owner := range []int{0, 1001, 1002} {
					for _, user := range []int{0, 1001} {
						all = append(all, sharedTest{kind, mode, directoryOwner, owner, user})
					}
				}
			}
		}
	}
	return all
}()

// sharedPlace holds the paths of the files that a sharedTest made.
type sharedPlace struct {
	path   string
	target string // of the links
}

func (test sharedTest) make(t *testing.T) (sharedPlace, error) {
	root := open(t, t.TempDir())
	directory, closed := filepath.Join(root, "shared"), filepath.Join(root, "closed")
	place := sharedPlace{filepath.Join(directory, "rules"), filepath.Join(closed, "target")}
	err := errors.Join(os.Mkdir(directory, 0o700), os.Mkdir(closed, 0o700))
	var made []string
	switch test.kind {
	case "file":
		made = append(made, place.path)
		err = errors.Join(err, os.WriteFile(place.path, []byte("old\n"), 0o600), os.Chmod(place.path, 0o666))
	case "link to a file":
		made = append(made, place.path)
		err = errors.Join(err, os.WriteFile(place.target, []byte("old\n"), 0o600), os.Symlink(place.target, place.path))
	case "link to nothing":
		made = append(made, place.path)
		err = errors.Join(err, os.Symlink(place.target, place.path))
	case "link to a link": // the second belongs to root
		second := filepath.Join(directory, "second")
		made = append(made, place.path)
		err = errors.Join(err, os.Symlink(place.target, second), os.Symlink("second", place.path))
	}
	for _, path := range made {
		err = errors.Join(err, os.Lchown(path, test.owner, test.owner))
	}
	return place, errors.Join(err, os.Chown(directory, test.directoryOwner, test.directoryOwner), os.Chmod(directory, test.mode))
}

// contents describes the files at both ends of the path, and their owners.
func (p sharedPlace) contents(t *testing.T) [2]string {
	read := func(path string) string {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return "nothing"
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Type() == fs.ModeSymlink {
			return "a link"
		}
		text, err := os.ReadFile(path)
		return fmt.Sprintf("%q, %v, owner %d", text, err, info.Sys().(*syscall.Stat_t).Uid)
	}
	return [2]string{read(p.path), read(p.target)}
}

// plain writes a file as a shell's > does.
func plain(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NONBLOCK, 0o666)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}

// set sets fs.NAME until the test ends.
func set(t *testing.T, name string, value int) {
	t.Helper()
	path := "/proc/sys/fs/" + name
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.WriteFile(path, old, 0) })
	if err := os.WriteFile(path, []byte(strconv.Itoa(value)), 0); err != nil {
		t.Fatal(err)
	}
}
