package nlsocket

import (
	"errors"
	"os"
	"strconv"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Dial opens a socket to generic netlink. It asks for the wanted buffers, and returns those that the kernel grants.
func Dial(wanted Buffers) (*netlink.Conn, Buffers, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, Buffers{}, os.NewSyscallError("socket", err)
	}
	conn, granted, err := Connect(fd, wanted)
	if err != nil {
		return nil, Buffers{}, errors.Join(err, unix.Close(fd))
	}
	return conn, granted, nil
}

// Connect does the same with a socket that is open.
func Connect(fd int, wanted Buffers) (*netlink.Conn, Buffers, error) {
	var granted Buffers
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, granted, os.NewSyscallError("bind", err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return nil, granted, os.NewSyscallError("getsockname", err)
	}
	// Kernels before 4.12 refuse this, and explain nothing. With NETLINK_CAP_ACK too, the library would not find the
	// explanation.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)

	granted.Send, err = growBuffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, wanted.Send)
	if err != nil {
		return nil, granted, err
	}
	granted.Receive, err = growBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, wanted.Receive)
	if err != nil {
		return nil, granted, err
	}
	s, err := New(fd, datagramSize())
	if err != nil {
		return nil, granted, err
	}
	return netlink.NewConn(s, address.(*unix.SockaddrNetlink).Pid), granted, nil
}

// growBuffer makes a buffer of a socket as large as wanted, or as large as the kernel allows, and returns its size.
// net.core.wmem_max and rmem_max limit the plain option. The other one needs CAP_NET_ADMIN in the first user namespace,
// which root in a container may lack.
func growBuffer(fd, option, force, wanted int) (size int, err error) {
	size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if err != nil || size >= wanted {
		return size, os.NewSyscallError("getsockopt", err)
	}
	half := (wanted + 1) / 2 // the kernel doubles it
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, half) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, half)
	}
	size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	return size, os.NewSyscallError("getsockopt", err)
}

// datagramSize returns the largest datagram of a dump for a reader that does not offer more: NLMSG_GOODSIZE, which is a
// page less struct skb_shared_info. That struct takes 192 bytes where pointers have 32 bits, and 320 or more where they have
// 64. For a reader that offers 32 KiB, the kernel allocates and clears so much: that makes -Ln take 14 % longer.
func datagramSize() int {
	sharedInfo := 320
	if strconv.IntSize == 32 {
		sharedInfo = 192
	}
	return min(os.Getpagesize(), 8192) - sharedInfo
}
