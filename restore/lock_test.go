package restore

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	taken := make(chan error)
	go func() {
		second, err := Lock(path)
		second.Close()
		taken <- err
	}()
	select {
	case err := <-taken:
		t.Fatalf("two have the lock: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	first.Close()
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

func TestNoLock(t *testing.T) {
	folder := t.TempDir()
	if file, err := Lock(filepath.Join(folder, "none", "lock")); file != nil || err != nil {
		t.Errorf("in no folder: %v, %v", file, err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(folder, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(filepath.Join(folder, "lock")); err == nil {
		t.Error("a symbolic link was followed")
	}
}
