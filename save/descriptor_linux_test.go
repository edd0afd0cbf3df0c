package save

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inherited opens a file as a shell does for its commands: exec does not close it.
func inherited(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	return file
}

// waysTo returns all paths to the descriptor of an open file.
func waysTo(t *testing.T, file *os.File) []string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(fmt.Sprint("/proc/self/fd/", file.Fd()), link); err != nil {
		t.Fatal(err)
	}
	ways := []string{link}
	for _, directory := range []string{"/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", fmt.Sprintf("/proc/%d/fd", os.Getpid()), "/dev/fd/../fd"} {
		ways = append(ways, fmt.Sprintf("%s/%d", directory, file.Fd()))
	}
	return ways
}

func TestFileDescriptorAppends(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "log")
	log := inherited(t, path, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	want := "before\n"
	write(t, path, want)
	for _, way := range waysTo(t, log) {
		if err := File(way, writes(way+"\n")); err != nil {
			t.Error(err)
		}
		want += way + "\n"
		holds(t, folder, map[string]string{"log": want})
	}
}

// TestFileDescriptorOffset does what a shell does for { echo before; ipvsadm-save -f /dev/stdout; echo after; } >file.
func TestFileDescriptorOffset(t *testing.T) {
	folder := t.TempDir()
	file := inherited(t, filepath.Join(folder, "file"), os.O_WRONLY|os.O_CREATE)
	want := ""
	for _, way := range waysTo(t, file) {
		fmt.Fprintln(file, "before")
		if err := File(way, writes("saved\n")); err != nil {
			t.Error(err)
		}
		want += "before\nsaved\n"
	}
	holds(t, folder, map[string]string{"file": want})
}

func TestFileDescriptorOfDeletedFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "gone")
	file := inherited(t, path, os.O_RDWR|os.O_CREATE)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, way := range waysTo(t, file) {
		if err := File(way, writes("text\n")); err != nil {
			t.Error(err)
		}
	}
	file.Seek(0, io.SeekStart)
	if text, err := io.ReadAll(file); string(text) != strings.Repeat("text\n", len(waysTo(t, file))) {
		t.Errorf("read %q, %v", text, err)
	}
	holds(t, folder, map[string]string{})
}

// TestFileDescriptorSocket writes to a socket, which cannot be opened by its path. Standard output is one under systemd.
func TestFileDescriptorSocket(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	if err := File(fmt.Sprint("/dev/fd/", pair[0]), writes("text\n")); err != nil {
		t.Error(err)
	}
	ours.Close()
	if text, err := io.ReadAll(theirs); string(text) != "text\n" {
		t.Errorf("read %q, %v", text, err)
	}
}

// TestFileDescriptorOfOther appends to a file that another process has open.
func TestFileDescriptorOfOther(t *testing.T) {
	folder := t.TempDir()
	file := created(t, filepath.Join(folder, "log"))
	other := exec.Command("cat")
	other.Stdout = file
	hold, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer hold.Close()
	write(t, file.Name(), "before\n")
	if err := File(fmt.Sprintf("/proc/%d/fd/1", other.Process.Pid), writes("text\n")); err != nil {
		t.Error(err)
	}
	holds(t, folder, map[string]string{"log": "before\ntext\n"})
}

// TestFileDescriptorNotOpen also tries descriptors that this program opened itself, such as its netlink socket.
func TestFileDescriptorNotOpen(t *testing.T) {
	folder := t.TempDir()
	own := created(t, filepath.Join(folder, "own"))
	for _, way := range waysTo(t, own) {
		if err := File(way, writes("text\n")); !errors.Is(err, syscall.EBADF) || err.Error() != "cannot save to "+way+": bad file descriptor" {
			t.Errorf("%s, which is our own: %v", way, err)
		}
	}
	if err := File("/dev/fd/1000000", writes("text\n")); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("no descriptor: %v", err)
	}
	read := inherited(t, own.Name(), os.O_RDONLY)
	if err := File(fmt.Sprint("/dev/fd/", read.Fd()), writes("text\n")); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a descriptor for reading: %v", err)
	}
	holds(t, folder, map[string]string{"own": ""})
}

// created returns a new file, open until the test ends. Like every file of a Go program it has FD_CLOEXEC.
func created(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}
