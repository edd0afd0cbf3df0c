package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func noWait(t *testing.T) func(string) {
	return func(holder string) { t.Errorf("it waits for %s", holder) }
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(t.Context(), path, noWait(t))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	waiting, taken := make(chan string), make(chan error)
	go func() {
		second, err := Lock(t.Context(), path, func(holder string) { waiting <- holder })
		second.Close()
		taken <- err
	}()
	if holder := <-waiting; !strings.HasPrefix(holder, fmt.Sprintf("process %d (", os.Getpid())) {
		t.Errorf("waiting for %s", holder)
	}
	select {
	case err := <-taken:
		t.Fatalf("two have the lock: %v", err)
	default:
	}
	first.Close()
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

// TestLockGivesUp cancels a wait. The one that gave up does not take the lock from later ones.
func TestLockGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(t.Context(), path, noWait(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = Lock(ctx, path, func(string) { cancel(errors.New("no patience")) })
	want := fmt.Sprintf("process %d (", os.Getpid())
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), ") holds "+path+": no patience") {
		t.Errorf("error %v", err)
	}
	first.Close()
	third, err := Lock(t.Context(), path, func(string) {})
	if err != nil {
		t.Error(err)
	}
	third.Close()
}

func TestHolderIn(t *testing.T) {
	const locks = `0: FLOCK  ADVISORY  WRITE 10
1: POSIX  ADVISORY  WRITE 11 00:19:34 0 EOF
2: FLOCK  ADVISORY  WRITE 12 00:19:341 0 EOF
3: FLOCK  ADVISORY  WRITE 13 00:19:34 0 EOF
3: -> FLOCK  ADVISORY  WRITE 14 00:19:34 0 EOF
4: -> FLOCK  ADVISORY  WRITE 15 00:19:35 0 EOF
`
	for inode, want := range map[uint64]string{34: "13", 341: "12", 35: "", 4: ""} {
		if got := holderIn(strings.NewReader(locks), inode); got != want {
			t.Errorf("inode %d: %q, want %q", inode, got, want)
		}
	}
}

func TestNoLock(t *testing.T) {
	folder := t.TempDir()
	if file, err := Lock(t.Context(), filepath.Join(folder, "none", "lock"), noWait(t)); file != nil || err != nil {
		t.Errorf("in no folder: %v, %v", file, err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(folder, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(t.Context(), filepath.Join(folder, "lock"), noWait(t)); err == nil {
		t.Error("a symbolic link was followed")
	}
}
