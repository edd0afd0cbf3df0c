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

// Exec runs this program again, in a network namespace and with other words. It returns only if it cannot.
//
// A namespace is a thread's, and a Go program has several before main begins. Whatever starts anew from a thread that
// has moved has only threads that are there too: every socket, /proc and the resolver's look-ups follow.
func Exec(namespace string, words []string) error {
	file, err := path(namespace)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := enter(file); err != nil {
		return failure(namespace, err)
	}
	if !strings.Contains(namespace, "/") {
		if err := bindFiles(filepath.Join(files, namespace)); err != nil {
			return failure(namespace, err)
		}
	}
	err = unix.Exec("/proc/self/exe", words, os.Environ())
	return failure(namespace, fmt.Errorf("run this program in it: %w", err))
}

func enter(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
	if errors.Is(err, unix.EINVAL) {
		return errors.New("it is no network namespace")
	}
	return err
}

// bindFiles puts the files of a directory in the place of those in /etc, for this thread and what it runs, as
// "ip netns exec" does: resolv.conf and hosts, which the look-ups go by.
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
	// What is mounted from here on must not be seen outside.
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("a mount namespace for %s: %w", directory, err)
	}
	for _, entry := range entries {
		from, to := filepath.Join(directory, entry.Name()), filepath.Join("/etc", entry.Name())
		err := unix.Mount(from, to, "", unix.MS_BIND, "")
		if err != nil && !errors.Is(err, unix.ENOENT) { // there is no place to put it in
			return fmt.Errorf("mount %s on %s: %w", from, to, err)
		}
	}
	return nil
}
