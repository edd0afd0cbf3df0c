package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Exec runs this program again in a network namespace, with other words. It returns only if it fails.
//
// Each thread has its own network namespace, and a Go program has several threads before main begins. A program that
// starts from a thread in another namespace is there with all its threads, sockets, /proc and lookups.
func Exec(namespace string, words []string) error {
	file, err := path(namespace)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := enter(file); err != nil {
		return inNamespace(namespace, err)
	}
	if !strings.Contains(namespace, "/") {
		if err := bindFiles(filepath.Join(files, namespace)); err != nil {
			return inNamespace(namespace, err)
		}
	}
	err = unix.Exec("/proc/self/exe", words, os.Environ())
	return inNamespace(namespace, fmt.Errorf("run this program in it: %w", err))
}

// Do calls f on a thread in a network namespace. Sockets that f opens stay there.
func Do(namespace string, f func() error) error {
	file, err := path(namespace)
	if err != nil {
		return err
	}
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks it: the thread ends with the goroutine
		if err := enter(file); err != nil {
			ended <- inNamespace(namespace, err)
			return
		}
		ended <- f()
	}()
	return <-ended
}

func enter(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
	if errors.Is(err, unix.EINVAL) {
		return errors.New("not a network namespace")
	}
	return err
}

// bindFiles mounts the files of a directory over those in /etc, for this thread and what it runs, as "ip netns exec" does.
// Lookups then use the namespace's own resolv.conf and hosts.
func bindFiles(directory string) error {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("a mount namespace for %s: %w", directory, err)
	}
	// The mounts from here on must stay inside.
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("a mount namespace for %s: %w", directory, err)
	}
	for _, entry := range entries {
		from, to := filepath.Join(directory, entry.Name()), filepath.Join("/etc", entry.Name())
		err := unix.Mount(from, to, "", unix.MS_BIND, "")
		if err != nil && !errors.Is(err, unix.ENOENT) { // /etc has no such file
			return fmt.Errorf("mount %s on %s: %w", from, to, err)
		}
	}
	return nil
}
