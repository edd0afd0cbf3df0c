//go:build linux

// Least does the kernel's part of a job and nothing else, so its time is the least possible. It uses one netlink socket,
// parses only the addresses that the next request needs, and prints nothing.
//
//	least rules SERVICES SERVERS     prints the table of the others, as ipvsadm -Sn would
//	least restore SERVICES SERVERS   makes it
//	least list                       reads it
//	least nothing
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

func main() {
	number := func(i int) int {
		n, err := strconv.Atoi(os.Args[i])
		must(err)
		return n
	}
	switch os.Args[1] {
	case "rules":
		rules(number(2), number(3))
	case "restore":
		restore(number(2), number(3))
	case "list":
		list()
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "least:", err)
		os.Exit(1)
	}
}

// service returns the address of a service.
func service(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(1 + i>>16), byte(i >> 8), byte(i)})
}

// server returns the address of a server of a service, which no other server of the service has.
func server(i, j int) netip.Addr {
	const second = 128 // 10.128.0.0 and up
	return netip.AddrFrom4([4]byte{10, byte(second + j%100), byte(i>>8 + j/100), byte(i)})
}

func rules(services, servers int) {
	w := bufio.NewWriter(os.Stdout)
	for i := range services {
		fmt.Fprintf(w, "-A -t %s:80 -s wlc\n", service(i))
		for j := range servers {
			fmt.Fprintf(w, "-a -t %s:80 -r %s:8080 -m -w %d\n", service(i), server(i, j), 1+j)
		}
	}
	must(w.Flush())
}

const (
	batch   = 64   // messages to a send
	receive = 3776 // bytes offered to the kernel: NLMSG_GOODSIZE. For more it allocates and clears more

	familyRequest = 0x10 // GENL_ID_CTRL
)

// From include/uapi/linux/ip_vs.h and genetlink.h.
const (
	cmdGetFamily              = 3
	attrFamilyID, attrFamily  = 1, 2
	cmdNewService             = 1
	cmdGetService             = 4
	cmdNewDest                = 5
	cmdGetDest                = 8
	attrService, attrDest     = 1, 2
	svcFamily, svcProtocol    = 1, 2
	svcAddress, svcPort       = 3, 4
	svcScheduler, svcFlags    = 6, 7
	svcTimeout, svcNetmask    = 8, 9
	destAddress, destPort     = 1, 2
	destForwarding, destWeigh = 3, 4
	destUpper, destLower      = 5, 6
	destFamily                = 11
)

// socket is a netlink socket and the message that is being built.
type socket struct {
	fd     int
	family uint16
	out    []byte
	in     [receive]byte
}

func dial() *socket {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_GENERIC)
	must(err)
	s := &socket{fd: fd, family: familyRequest}
	end := s.message(cmdGetFamily, 0)
	s.attribute(attrFamily, "IPVS\x00")
	end()
	s.send()
	for m := range s.messages() {
		if id := find(m[20:], attrFamilyID); id != nil {
			s.family = binary.NativeEndian.Uint16(id)
		}
	}
	if s.family == familyRequest {
		must(fmt.Errorf("no IPVS in this kernel"))
	}
	return s
}

// message begins a message, and returns a function that ends it.
func (s *socket) message(command byte, flags uint16) func() {
	start := len(s.out)
	s.out = binary.NativeEndian.AppendUint32(s.out, 0)
	s.out = binary.NativeEndian.AppendUint16(s.out, s.family)
	s.out = binary.NativeEndian.AppendUint16(s.out, syscall.NLM_F_REQUEST|flags)
	s.out = append(s.out, 0, 0, 0, 0, 0, 0, 0, 0, command, 1, 0, 0)
	return func() { binary.NativeEndian.PutUint32(s.out[start:], uint32(len(s.out)-start)) }
}

// nest begins a nested attribute, and returns a function that ends it.
func (s *socket) nest(kind uint16) func() {
	start := len(s.out)
	s.out = binary.NativeEndian.AppendUint16(s.out, 0)
	s.out = binary.NativeEndian.AppendUint16(s.out, kind|0x8000)
	return func() { binary.NativeEndian.PutUint16(s.out[start:], uint16(len(s.out)-start)) }
}

func (s *socket) attribute(kind uint16, value string) {
	s.out = binary.NativeEndian.AppendUint16(s.out, uint16(4+len(value)))
	s.out = binary.NativeEndian.AppendUint16(s.out, kind)
	s.out = append(s.out, value...)
	s.out = append(s.out, "\x00\x00\x00"[:-len(value)&3]...)
}

// word appends a number in native byte order, in the size of its attribute.
func (s *socket) word(kind uint16, size int, value uint32) {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], value)
	s.attribute(kind, string(b[:size]))
}

func (s *socket) address(kind uint16, address netip.Addr) {
	var union [16]byte
	octets := address.As4()
	copy(union[:], octets[:])
	s.attribute(kind, string(union[:]))
}

// call reads or writes as a C program does: Go's own calls inform the scheduler, which takes 6 % of list.
func (s *socket) call(number uintptr, b []byte) int {
	n, _, errno := syscall.RawSyscall(number, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		must(errno)
	}
	return int(n)
}

func (s *socket) send() {
	s.call(syscall.SYS_WRITE, s.out)
	s.out = s.out[:0]
}

// messages receives until the end of a dump, or a reply that is not part of one.
func (s *socket) messages() func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for {
			n := s.call(syscall.SYS_READ, s.in[:])
			for b := s.in[:n]; len(b) >= syscall.NLMSG_HDRLEN; {
				length := int(binary.NativeEndian.Uint32(b))
				kind := binary.NativeEndian.Uint16(b[4:])
				if errno := -int32(binary.NativeEndian.Uint32(b[16:])); kind == syscall.NLMSG_ERROR && errno != 0 {
					must(syscall.Errno(errno))
				}
				if kind == syscall.NLMSG_DONE || kind == syscall.NLMSG_ERROR {
					return
				}
				if !yield(b[:length]) || binary.NativeEndian.Uint16(b[6:])&syscall.NLM_F_MULTI == 0 {
					return
				}
				b = b[min((length+3)&^3, len(b)):]
			}
		}
	}
}

// find returns the value of the first attribute of a type.
func find(b []byte, kind uint16) []byte {
	for len(b) >= 4 {
		length := int(binary.NativeEndian.Uint16(b))
		if binary.NativeEndian.Uint16(b[2:])&0x3fff == kind {
			return b[4:length]
		}
		b = b[min((length+3)&^3, len(b)):]
	}
	return nil
}

// restore sends the table with one acknowledgement for each batch. Refusals arrive without being asked for.
func restore(services, servers int) {
	s := dial()
	total, sent := services*(1+servers), 0
	flags := func() uint16 {
		if sent++; sent%batch == 0 || sent == total {
			return syscall.NLM_F_ACK
		}
		return 0
	}
	flush := func() {
		if sent%batch != 0 && sent != total {
			return
		}
		s.send()
		for range s.messages() {
		}
	}
	for i := range services {
		end := s.message(cmdNewService, flags())
		endService := s.nest(attrService)
		s.name(service(i))
		s.attribute(svcScheduler, "wlc\x00")
		s.attribute(svcFlags, "\x00\x00\x00\x00\xff\xff\xff\xff")
		s.word(svcTimeout, 4, 0)
		s.word(svcNetmask, 4, 0xffffffff)
		endService()
		end()
		flush()
		for j := range servers {
			end := s.message(cmdNewDest, flags())
			endService := s.nest(attrService)
			s.name(service(i))
			endService()
			endServer := s.nest(attrDest)
			s.address(destAddress, server(i, j))
			s.attribute(destPort, "\x1f\x90")
			s.word(destFamily, 2, syscall.AF_INET)
			s.word(destForwarding, 4, 0)
			s.word(destWeigh, 4, uint32(1+j))
			s.word(destUpper, 4, 0)
			s.word(destLower, 4, 0)
			endServer()
			end()
			flush()
		}
	}
}

func (s *socket) name(address netip.Addr) {
	s.word(svcFamily, 2, syscall.AF_INET)
	s.word(svcProtocol, 2, syscall.IPPROTO_TCP)
	s.address(svcAddress, address)
	s.attribute(svcPort, "\x00\x50")
}

func list() {
	s := dial()
	end := s.message(cmdGetService, syscall.NLM_F_DUMP)
	end()
	s.send()
	var services []netip.Addr
	for m := range s.messages() {
		services = append(services, netip.AddrFrom4([4]byte(find(find(m[20:], attrService), svcAddress))))
	}
	for _, address := range services {
		end := s.message(cmdGetDest, syscall.NLM_F_DUMP)
		endService := s.nest(attrService)
		s.name(address)
		endService()
		end()
		s.send()
		for range s.messages() {
		}
	}
}
