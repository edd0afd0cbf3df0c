package save

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFileBeside wants the temporary file in the directory of the file that it replaces, and none in a directory for
// temporary files.
func TestFileBeside(t *testing.T) {
	folder, shared := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", shared)
	events := func(folder string) int {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if _, err := unix.InotifyAddWatch(fd, folder, unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	beside, elsewhere := events(folder), events(shared)
	if err := File(filepath.Join(folder, "rules"), writes("text")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := unix.Read(beside, b)
	if err != nil || !bytes.Contains(b[:n], []byte("\x00.ipvsadm-save.")) {
		t.Errorf("in the folder: %q, %v", b[:max(n, 0)], err)
	}
	if n, err := unix.Read(elsewhere, b); err != unix.EAGAIN {
		t.Errorf("in the folder for temporary files: %q, %v", b[:max(n, 0)], err)
	}
}

// descriptors yields more descriptors than File opens, and none that is open already, such as the log of "go test". It
// counts down, as a descriptor that fails to close keeps its number.
func descriptors(yield func(uint32) bool) {
	for descriptor := uint32(63); descriptor > 2; descriptor-- {
		if _, err := unix.FcntlInt(uintptr(descriptor), unix.F_GETFD, 0); err == nil {
			continue
		}
		if !yield(descriptor) {
			return
		}
	}
}

// TestFileFaults makes a system call fail for each descriptor in turn. File must return the error. The old file must stay,
// unless the rename was before the fault.
func TestFileFaults(t *testing.T) {
	for _, test := range []struct {
		name           string
		call           uint32
		fault          unix.Errno
		failures, olds int
	}{
		{"fsync", unix.SYS_FSYNC, unix.EIO, 2, 1},    // the temporary file, and the directory after the rename
		{"fsync", unix.SYS_FSYNC, unix.EINVAL, 1, 1}, // some file systems cannot sync a directory
		{"rename", unix.SYS_RENAMEAT, unix.EIO, 1, 1},
		{"rename", unix.SYS_RENAMEAT, unix.EBUSY, 0, 0}, // a mount point: File overwrites it
		{"write", unix.SYS_WRITE, unix.EIO, 1, 1},
		{"close", unix.SYS_CLOSE, unix.EIO, 1, 1},
		{"mode", unix.SYS_FCHMOD, unix.EIO, 1, 1},
		{"attributes", unix.SYS_FLISTXATTR, unix.EIO, 2, 2},        // of the old file, and of the new one
		{"attributes", unix.SYS_FLISTXATTR, unix.EOPNOTSUPP, 0, 0}, // some file systems have no attributes
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "rules")
		failures, olds := 0, 0
		for descriptor := range descriptors {
			write(t, path, "old, and longer\n")
			err := withFault(test.call, descriptor, test.fault, func() error { return File(path, writes("new\n")) })
			if err != nil {
				failures++
				if !errors.Is(err, test.fault) || !strings.HasPrefix(err.Error(), "cannot save to "+path+": ") {
					t.Errorf("%s: error %q", test.name, err)
				}
			}
			text, _ := os.ReadFile(path)
			switch {
			case err != nil && string(text) == "old, and longer\n":
				olds++
			case string(text) != "new\n":
				t.Errorf("%s: error %v, file %q", test.name, err, text)
			}
			holds(t, folder, map[string]string{"rules": string(text)})
		}
		if failures != test.failures || olds != test.olds {
			t.Errorf("%s fails with %v: %d failures and %d times the old file, want %d and %d",
				test.name, test.fault, failures, olds, test.failures, test.olds)
		}
	}
}

// TestFileStreamFaults makes system calls fail for a device.
func TestFileStreamFaults(t *testing.T) {
	for _, call := range []uint32{unix.SYS_WRITE, unix.SYS_CLOSE} {
		failures := 0
		for descriptor := range descriptors {
			if withFault(call, descriptor, unix.EIO, func() error { return File("/dev/null", writes("text\n")) }) != nil {
				failures++
			}
		}
		if failures != 1 {
			t.Errorf("system call %d: %d failures, want 1", call, failures)
		}
	}
}

// TestFileDanglingSyncFails wants no empty file left at the end of a dangling link.
func TestFileDanglingSyncFails(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	link := filepath.Join(folder, "link")
	if err := os.Symlink(filepath.Join(elsewhere, "rules"), link); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for descriptor := range descriptors {
		err := withFault(unix.SYS_FSYNC, descriptor, unix.EIO, func() error { return File(link, writes("new\n")) })
		if err != nil {
			failures++
			holds(t, elsewhere, map[string]string{})
		}
		os.Remove(filepath.Join(elsewhere, "rules"))
	}
	if failures != 2 {
		t.Errorf("%d failures, want 2", failures)
	}
}

// TestFileNotOurs saves to a read-only file in a directory that the user may write to. The file must stay.
func TestFileNotOurs(t *testing.T) {
	needRoot(t)
	folder := open(t, t.TempDir())
	path := filepath.Join(folder, "rules")
	write(t, path, "old\n")
	chmod(t, folder, 0o777)
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o444} {
		chmod(t, path, mode)
		if err := asUser(1001, func() error { return File(path, writes("new\n")) }); !errors.Is(err, syscall.EACCES) {
			t.Errorf("over a file of mode %o: %v", mode, err)
		}
	}
	if err := asUser(1001, func() error { return File(folder+"/own", writes("new\n")) }); err != nil {
		t.Errorf("a new file: %v", err)
	}
	chmod(t, folder, 0o755)
	chmod(t, path, 0o666)
	err := asUser(1001, func() error { return File(path, writes("new\n")) })
	if want := "cannot save to " + path + ": cannot create a temporary file beside it: permission denied"; err == nil || err.Error() != want {
		t.Errorf("in a directory that may not be written to: %v, want %s", err, want)
	}
	err = asUser(1001, func() error { return File(folder+"/other", writes("new\n")) })
	if want := "cannot save to " + folder + "/other: permission denied"; err == nil || err.Error() != want {
		t.Errorf("a new file there: %v, want %s", err, want)
	}
	holds(t, folder, map[string]string{"rules": "old\n", "own": "new\n"})
}

// TestFileMountPoint saves to a mount point, as in a container.
func TestFileMountPoint(t *testing.T) {
	needRoot(t)
	folder, elsewhere := t.TempDir(), t.TempDir()
	mount(t, "tmpfs", elsewhere, "tmpfs", 0, "size=16k")
	rules, inside := filepath.Join(elsewhere, "rules"), filepath.Join(folder, "inside")
	write(t, inside, "")
	write(t, rules, "")
	chmod(t, rules, 0o640)
	mount(t, rules, inside, "", unix.MS_BIND, "")
	for _, text := range []string{"first, which is long\n", "second\n", "", "third\n"} {
		if err := File(inside, writes(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, elsewhere, map[string]string{"rules": text})
		holds(t, folder, map[string]string{"inside": text})
	}
	if got := mode(t, rules); got != 0o640 {
		t.Errorf("mode %o", got)
	}
	// The disk has no room. This is known before anything is overwritten.
	err := File(inside, writes(strings.Repeat("too long\n", 10_000)))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("too long: %v", err)
	}
	holds(t, elsewhere, map[string]string{"rules": "third\n"})

	failures := 0
	for descriptor := range descriptors {
		if withFault(unix.SYS_FSYNC, descriptor, unix.EIO, func() error { return File(inside, writes("third\n")) }) != nil {
			failures++
		}
	}
	if failures != 1 {
		t.Errorf("%d failures to sync, want 1", failures)
	}

	// The directory of a container can be read-only, and the file can not.
	mount(t, folder, folder, "", unix.MS_BIND|unix.MS_REC, "")
	mount(t, "", folder, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	if err := File(inside, writes("fourth\n")); err != nil {
		t.Error(err)
	}
	holds(t, elsewhere, map[string]string{"rules": "fourth\n"})
}

// TestFileMoved exchanges a link after follow read it.
func TestFileMoved(t *testing.T) {
	folder := t.TempDir()
	one, other := filepath.Join(folder, "one"), filepath.Join(folder, "other")
	write(t, one, "one\n")
	write(t, other, "other\n")
	existing, err := os.OpenFile(one, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer existing.Close()
	if err := replace(other, existing, privateMode, []byte("text\n")); err == nil {
		t.Error("no error")
	}
	if err := fill(other, existing, privateMode, []byte("text\n")); err == nil {
		t.Error("no error from fill")
	}
	holds(t, folder, map[string]string{"one": "one\n", "other": "other\n"})
}

// mount mounts a directory or file until the test ends. Outside the lab other processes see the mount, so every mount point
// belongs to the test.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mount %s on %s: %v", source, target, err)
	}
	if flags&unix.MS_REMOUNT == 0 {
		t.Cleanup(func() {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
}

// open lets other users enter a directory of a test.
func open(t *testing.T, folder string) string {
	t.Helper()
	chmod(t, filepath.Dir(folder), 0o711)
	return folder
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
