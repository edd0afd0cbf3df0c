package nlsocket

import (
	"os"
	"strconv"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Open opens a socket to generic netlink in the network namespace of the calling thread.
func Open() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_GENERIC)
	return fd, os.NewSyscallError("socket", err)
}

// CloseOpen closes a socket that was never connected.
func CloseOpen(fd int) { _ = unix.Close(fd) }

// Connect connects an open socket, or closes it if that fails. It asks for the wanted buffers; the connection has those
// that the kernel grants.
func Connect(fd int, wanted Buffers) (*Conn, error) {
	conn, err := connect(fd, wanted)
	if err != nil {
		CloseOpen(fd)
	}
	return conn, err
}

func connect(fd int, wanted Buffers) (*Conn, error) {
	var granted Buffers
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	// Kernels before 4.12 refuse this, and explain nothing. With NETLINK_CAP_ACK too, the library would not find the
	// explanation.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)

	granted.Send, err = growBuffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, wanted.Send)
	if err != nil {
		return nil, err
	}
	granted.Receive, err = growBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, wanted.Receive)
	if err != nil {
		return nil, err
	}
	s, err := New(fd, datagramSize())
	if err != nil {
		return nil, err
	}
	return &Conn{netlink.NewConn(s, address.(*unix.SockaddrNetlink).Pid), s, granted}, nil
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
