package nlsocket

import (
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Socket is a netlink.Socket that receives into one buffer and sends from another. The library's own copies each datagram,
// and then each message: that makes -Ln take 25 % longer.
//
// The next datagram overwrites the data of a message. The reader must decode each message as it comes.
type Socket struct {
	file    *os.File
	in, out []byte

	raw     syscall.RawConn
	tryRead func(fd uintptr) (done bool) // receive
	length  int                          // of the last datagram
	parts   int                          // datagrams of the last reply that held more than its end
	errno   syscall.Errno
}

// New returns a socket for a file descriptor in non-blocking mode, which receives datagrams of at most size bytes.
func New(fd, size int) (*Socket, error) {
	file := os.NewFile(uintptr(fd), "netlink")
	raw, err := file.SyscallConn()
	s := &Socket{file: file, in: make([]byte, size), raw: raw}
	s.tryRead = s.receive
	return s, err
}

func (s *Socket) Close() error                       { return s.file.Close() }
func (s *Socket) SetDeadline(t time.Time) error      { return s.file.SetDeadline(t) }
func (s *Socket) SetReadDeadline(t time.Time) error  { return s.file.SetReadDeadline(t) }
func (s *Socket) SetWriteDeadline(t time.Time) error { return s.file.SetWriteDeadline(t) }

// largeDatagram is the most that the kernel puts into a datagram of a dump.
const largeDatagram = 32 << 10

// Grow offers the kernel large datagrams from the next one on. The kernel cannot be made to fill small ones again.
func (s *Socket) Grow() { s.in = make([]byte, largeDatagram) }

// Parts returns in how many datagrams the last dump came. It leaves out one that holds nothing but the end of the dump.
func (s *Socket) Parts() int { return s.parts }

// Send sends one message.
func (s *Socket) Send(m netlink.Message) error { return s.SendMessages([]netlink.Message{m}) }

// SendMessages sends messages in one datagram.
func (s *Socket) SendMessages(messages []netlink.Message) error {
	s.out = s.out[:0]
	for _, m := range messages {
		s.out = binary.NativeEndian.AppendUint32(s.out, m.Header.Length)
		s.out = binary.NativeEndian.AppendUint16(s.out, uint16(m.Header.Type))
		s.out = binary.NativeEndian.AppendUint16(s.out, uint16(m.Header.Flags))
		s.out = binary.NativeEndian.AppendUint32(s.out, m.Header.Sequence)
		s.out = binary.NativeEndian.AppendUint32(s.out, m.Header.PID)
		s.out = append(s.out, m.Data...) // its length is a multiple of four
	}
	_, err := s.file.Write(s.out)
	return err
}

// Receive returns the messages of one reply.
func (s *Socket) Receive() ([]netlink.Message, error) {
	var messages []netlink.Message
	for m, err := range s.ReceiveIter() {
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// ErrMalformed is the error of a message that is cut off or longer than the buffer.
var ErrMalformed = errors.New("a malformed message from the kernel")

// ReceiveIter yields the messages of one reply: of a datagram or, if it is part of a dump, of all datagrams of the dump.
func (s *Socket) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		s.parts = 0
		for more := true; more; {
			datagram, err := s.read()
			if err != nil {
				yield(netlink.Message{}, err)
				return
			}
			more = false
			if first, _ := firstMessage(datagram); first.Header.Type != netlink.Done {
				s.parts++
			}
			for len(datagram) > 0 {
				m, length := firstMessage(datagram)
				if length == 0 {
					yield(netlink.Message{}, ErrMalformed)
					return
				}
				more = m.Header.Flags&netlink.Multi != 0 && m.Header.Type != netlink.Done
				if !yield(m, nil) {
					return
				}
				datagram = datagram[min((length+3)&^3, len(datagram)):]
			}
		}
	}
}

// read returns the next datagram. One that is longer than the buffer is an error: if the kernel cut it between two
// messages, nobody would miss the second.
func (s *Socket) read() (datagram []byte, err error) {
	if err := s.raw.Read(s.tryRead); err != nil {
		return nil, err
	}
	switch {
	case s.errno != 0:
		return nil, os.NewSyscallError("recvfrom", s.errno)
	case s.length == 0:
		return nil, io.EOF
	case s.length > len(s.in):
		return nil, ErrMalformed
	}
	return s.in[:s.length], nil
}

// receive receives a datagram if there is one. With MSG_TRUNC the kernel returns the length before a cut. unix.Recvfrom in a
// closure would need no unsafe and no fields, but it allocates the sender's address: -Ln took 4 % longer.
func (s *Socket) receive(fd uintptr) (done bool) {
	s.errno = unix.EINTR
	for s.errno == unix.EINTR {
		var n uintptr
		n, _, s.errno = unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&s.in[0])), uintptr(len(s.in)), unix.MSG_TRUNC, 0, 0)
		s.length = int(n)
	}
	return s.errno != unix.EAGAIN
}

// firstMessage returns the first message of a datagram and its length, or zero if the message is cut off.
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
