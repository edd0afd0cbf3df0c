package drain

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespace returns a name for the calling thread's network namespace: its inode, which a later namespace may get again,
// and its cookie, which none gets again before the next boot. Kernels before 5.14 have no cookies.
func namespace() (string, error) {
	info, err := os.Stat("/proc/thread-self/ns/net")
	if err != nil {
		return "", err
	}
	cookie, err := cookie()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d", info.Sys().(*syscall.Stat_t).Ino, cookie), nil
}

func cookie() (uint64, error) {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(socket)
	cookie, err := unix.GetsockoptUint64(socket, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return 0, nil
	}
	return cookie, err
}
