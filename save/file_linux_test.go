package save

import (
	"bytes"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFileBeside wants the temporary file beside the one that it takes the place of, where a rename is all it takes, and not
// in a folder that others write to.
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
	if err != nil || !bytes.Contains(b[:n], []byte("\x00.rules")) {
		t.Errorf("in the folder: %q, %v", b[:max(n, 0)], err)
	}
	if n, err := unix.Read(elsewhere, b); err != unix.EAGAIN {
		t.Errorf("in the folder for temporary files: %q, %v", b[:max(n, 0)], err)
	}
}
