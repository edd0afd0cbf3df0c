package sockopt

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From include/uapi/linux/ip_vs.h: the option, and the layout of struct ip_vs_get_dests where pointers have 64 bits.
const (
	optionGetServers = 64 + 1024 + 64 + 4 // IP_VS_SO_GET_DESTS

	header                                       = 24
	protocolAt, addressAt, portAt, markAt, count = 0, 4, 8, 12, 16

	entry                       = 96 // bytes of struct ip_vs_dest_entry
	entryAddressAt, entryPortAt = 0, 4
)

// Socket is a socket of one network namespace.
type Socket struct{ fd int }

// Open opens a socket in the network namespace of the calling thread.
func Open() (*Socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return &Socket{fd}, nil
}

// Close closes the socket.
func (s *Socket) Close() error { return unix.Close(s.fd) }

// Servers returns the addresses of the IPv4 servers of a service. It fails if there are more than most of them.
func (s *Socket) Servers(service Service, most int) ([]netip.AddrPort, error) {
	if strconv.IntSize != 64 {
		return nil, errors.ErrUnsupported
	}
	reply := make([]byte, header+entry*(most+1))
	binary.NativeEndian.PutUint16(reply[protocolAt:], service.Protocol)
	if service.Mark == 0 {
		octets := service.Address.Addr().As4()
		copy(reply[addressAt:], octets[:])
		binary.BigEndian.PutUint16(reply[portAt:], service.Address.Port())
	}
	binary.NativeEndian.PutUint32(reply[markAt:], service.Mark)
	binary.NativeEndian.PutUint32(reply[count:], uint32(most+1))
	size := uint32(len(reply))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.IPPROTO_IP, optionGetServers,
		uintptr(unsafe.Pointer(&reply[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("getsockopt", errno)
	}
	servers := make([]netip.AddrPort, 0, most)
	for at := header; at < len(reply); at += entry {
		address := netip.AddrFrom4([4]byte(reply[at+entryAddressAt:]))
		if address.IsUnspecified() {
			return servers, nil // the kernel wrote no entry here
		}
		servers = append(servers, netip.AddrPortFrom(address, binary.BigEndian.Uint16(reply[at+entryPortAt:])))
	}
	return nil, ErrMore
}
