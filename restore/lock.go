package restore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// LockFile is the lock of all restores on a machine. Only root can write to its folder.
const LockFile = "/run/ipvsadm.lock"

// Lock waits until no other restore runs. A restore plans from the table that it reads, so two at once would leave a table
// that neither asked for. Before it waits, it calls waiting with the process that holds the lock. If ctx ends first, the
// error is its cause, with that process.
//
// Closing the file releases the lock, and so does the end of the program. If the folder is missing or read-only, nothing is
// locked and the file is nil.
func Lock(ctx context.Context, path string, waiting func(holder string)) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return nil, nil
	case err != nil:
		return nil, err
	}
	err = flock(file, syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		waiting(holder(file))
		return wait(ctx, file)
	}
	return locked(file, err)
}

// wait calls flock in a goroutine, because the end of ctx cannot interrupt it.
func wait(ctx context.Context, file *os.File) (*os.File, error) {
	result := make(chan error)
	go func() {
		err := flock(file, 0)
		select {
		case result <- err:
		case <-ctx.Done():
			file.Close()
		}
	}()
	select {
	case err := <-result:
		return locked(file, err)
	case <-ctx.Done():
		return nil, fmt.Errorf("%s holds %s: %w", holder(file), file.Name(), context.Cause(ctx))
	}
}

func locked(file *os.File, err error) (*os.File, error) {
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "lock", Path: file.Name(), Err: err}
	}
	return file, nil
}

func flock(file *os.File, flags int) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|flags)
		if err != syscall.EINTR {
			return err
		}
	}
}

// holder names the process that holds the lock on a file, as in "process 17 (ipvsadm-restore)". It reads the kernel's list
// of locks. A number in the file could be that of a process that is long gone.
func holder(file *os.File) string {
	const unknown = "another process"
	info, err := file.Stat()
	if err != nil {
		return unknown
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return unknown
	}
	defer locks.Close()
	process := holderIn(locks, info.Sys().(*syscall.Stat_t).Ino)
	if process == "" {
		return unknown
	}
	name, err := os.ReadFile("/proc/" + process + "/comm")
	if err != nil {
		return "process " + process
	}
	return fmt.Sprintf("process %s (%s)", process, strings.TrimSpace(string(name)))
}

// holderIn returns the number of the process that holds the lock on a file, from lines such as
//
//	1: FLOCK  ADVISORY  WRITE 17 00:19:341 0 EOF
//
// The line of a process that waits has an arrow behind its first field. Some file systems have another device here than in
// stat, so only the inode is compared.
func holderIn(locks io.Reader, inode uint64) (process string) {
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 5 && fields[1] == "FLOCK" && strings.HasSuffix(fields[5], fmt.Sprintf(":%d", inode)) {
			return fields[4]
		}
	}
	return ""
}
