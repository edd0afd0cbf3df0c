package ipvs

import (
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// socket is a netlink socket for netlink.Conn that receives into one buffer and sends from another. (The library's own
// copies each datagram, and each message of it once more, which costs a listing as much again as the kernel does.)
//
// What a message holds is gone with the next datagram. That is soon enough for the client, which decodes each message
// as it comes, and for the library's question for the family, whose answer is one datagram.
type socket struct {
	file    *os.File
	in, out []byte

	// What read needs, made once for all datagrams.
	raw     syscall.RawConn
	tryRead func(fd uintptr) (done bool)
	length  int // of the last datagram
	errno   syscall.Errno
}

// newSocket returns a socket that receives datagrams of a size at most.
func newSocket(fd, size int) (*socket, error) {
	s := &socket{file: os.NewFile(uintptr(fd), "netlink"), in: make([]byte, size)}
	s.tryRead = s.readNow
	var err error
	s.raw, err = s.file.SyscallConn()
	return s, err
}

// dial opens a socket to generic netlink, with buffers for a full batch if the kernel grants them.
func dial() (*netlink.Conn, buffers, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, buffers{}, os.NewSyscallError("socket", err)
	}
	conn, granted, err := connect(fd, fullBatch)
	if err != nil {
		return nil, buffers{}, errors.Join(err, unix.Close(fd))
	}
	return conn, granted, nil
}

func connect(fd int, wanted buffers) (*netlink.Conn, buffers, error) {
	var granted buffers
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, granted, os.NewSyscallError("bind", err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return nil, granted, os.NewSyscallError("getsockname", err)
	}
	// Best effort: kernels before 4.12 explain nothing. (With NETLINK_CAP_ACK too, the library does not find the
	// explanation.)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)

	granted.send, err = growBuffer(fd, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, wanted.send)
	if err != nil {
		return nil, granted, err
	}
	granted.receive, err = growBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, wanted.receive)
	if err != nil {
		return nil, granted, err
	}
	s, err := newSocket(fd, datagramSize())
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

// datagramSize is the most that the kernel puts into a datagram of a dump for a reader that does not offer more:
// NLMSG_GOODSIZE, a page less struct skb_shared_info, which takes 192 bytes where pointers have 32 bits and 320 where
// they have 64, or more. To be offered a little more costs the kernel, which then allocates the next larger size and
// clears it, half as much again for each datagram.
func datagramSize() int {
	sharedInfo := 320
	if strconv.IntSize == 32 {
		sharedInfo = 192
	}
	return min(os.Getpagesize(), 8192) - sharedInfo
}

func (s *socket) Close() error                       { return s.file.Close() }
func (s *socket) SetDeadline(t time.Time) error      { return s.file.SetDeadline(t) }
func (s *socket) SetReadDeadline(t time.Time) error  { return s.file.SetReadDeadline(t) }
func (s *socket) SetWriteDeadline(t time.Time) error { return s.file.SetWriteDeadline(t) }

func (s *socket) Send(m netlink.Message) error { return s.SendMessages([]netlink.Message{m}) }

func (s *socket) SendMessages(messages []netlink.Message) error {
	s.out = s.out[:0]
	for _, m := range messages {
		s.out = binary.NativeEndian.AppendUint32(s.out, m.Header.Length)
		s.out = binary.NativeEndian.AppendUint16(s.out, uint16(m.Header.Type))
		s.out = binary.NativeEndian.AppendUint16(s.out, uint16(m.Header.Flags))
		s.out = binary.NativeEndian.AppendUint32(s.out, m.Header.Sequence)
		s.out = binary.NativeEndian.AppendUint32(s.out, m.Header.PID)
		s.out = append(s.out, m.Data...) // whose length is aligned
	}
	_, err := s.file.Write(s.out)
	return err
}

func (s *socket) Receive() ([]netlink.Message, error) {
	var messages []netlink.Message
	for m, err := range s.ReceiveIter() {
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

var errMalformed = errors.New("a malformed message from the kernel")

// ReceiveIter yields the messages of one answer: of a datagram or, if it is part of a dump, of all up to the end of the
// dump. (The library, which would ask for each of them, has a loop to set up each time.)
func (s *socket) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		for more := true; more; {
			n, err := s.read()
			if err != nil {
				yield(netlink.Message{}, err)
				return
			}
			more = false
			for rest := s.in[:n]; len(rest) > 0; {
				m, length := firstMessage(rest)
				if length == 0 {
					yield(netlink.Message{}, errMalformed) // or longer than the buffer
					return
				}
				more = m.Header.Flags&netlink.Multi != 0 && m.Header.Type != netlink.Done
				if !yield(m, nil) {
					return
				}
				rest = rest[min((length+3)&^3, len(rest)):]
			}
		}
	}
}

// read reads a datagram. One that is longer than the buffer is an error: what was cut off between two of its messages
// would be taken for never having been there.
func (s *socket) read() (length int, err error) {
	if err := s.raw.Read(s.tryRead); err != nil {
		return 0, err
	}
	switch {
	case s.errno != 0:
		return 0, os.NewSyscallError("recvfrom", s.errno)
	case s.length == 0:
		return 0, io.EOF
	case s.length > len(s.in):
		return 0, errMalformed
	}
	return s.length, nil
}

// readNow reads a datagram if there is one. Asked with MSG_TRUNC, the kernel tells the length that it has, and not how much
// of it there was room for.
func (s *socket) readNow(fd uintptr) (done bool) {
	s.errno = unix.EINTR
	for s.errno == unix.EINTR {
		var n uintptr
		n, _, s.errno = unix.Syscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&s.in[0])), uintptr(len(s.in)), unix.MSG_TRUNC, 0, 0)
		s.length = int(n)
	}
	return s.errno != unix.EAGAIN
}

// firstMessage returns the first message of a datagram and its length, which is zero if it is not whole.
func firstMessage(b []byte) (m netlink.Message, length int) {
	if len(b) < unix.SizeofNlMsghdr {
		return m, 0
	}
	m.Header = netlink.Header{
		Length:   binary.NativeEndian.Uint32(b),
		Type:     netlink.HeaderType(binary.NativeEndian.Uint16(b[4:])),
		Flags:    netlink.HeaderFlags(binary.NativeEndian.Uint16(b[6:])),
		Sequence: binary.NativeEndian.Uint32(b[8:]),
		PID:      binary.NativeEndian.Uint32(b[12:]),
	}
	length = int(m.Header.Length)
	if length < unix.SizeofNlMsghdr || length > len(b) {
		return m, 0
	}
	m.Data = b[unix.SizeofNlMsghdr:length]
	return m, length
}
