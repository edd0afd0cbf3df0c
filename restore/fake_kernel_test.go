package restore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs"
)

// fakeKernel keeps the attributes of services and servers as it receives them, and lists them unchanged.
type fakeKernel struct {
	services []fakeService

	changes int                              // so far
	refuse  func(change int) syscall.Errno   // a change, from 1 on; nil for none
	fail    func(change int) (receive error) // when the reply to a change is read; nil for never
}

type fakeService struct {
	key     string
	all     []byte
	servers []fakeServer
}

type fakeServer struct {
	key string
	all []byte
}

// The numbers are those of include/uapi/linux/ip_vs.h.
const (
	controlFamily, ipvsFamily = 16, 0x23

	newService, setService, deleteService, getService = 1, 2, 3, 4
	newServer, setServer, deleteServer, getServer     = 5, 6, 7, 8
	flush                                             = 17

	serviceAttribute, serverAttribute = 1, 2
)

// client returns a client with a socket of its own to this kernel.
func (k *fakeKernel) client(t testing.TB) *ipvs.Client {
	t.Helper()
	client, err := ipvs.NewClient(netlink.NewConn(&fakeSocket{kernel: k}, 1))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// state returns the table as sorted text.
func (k *fakeKernel) state() string {
	var lines []string
	for _, s := range k.services {
		lines = append(lines, fmt.Sprintf("service %x %x", s.key, s.all))
		for _, d := range s.servers {
			lines = append(lines, fmt.Sprintf("service %x server %x %x", s.key, d.key, d.all))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// values returns attributes by their numbers.
func values(b []byte) map[uint16][]byte {
	all := make(map[uint16][]byte)
	attributes, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		panic(err)
	}
	for attributes.Next() {
		all[attributes.Type()] = attributes.Bytes()
	}
	return all
}

// key returns the attributes that name a service or server.
func key(b []byte, names ...uint16) string {
	all := values(b)
	var key []byte
	for _, name := range names {
		key = append(append(key, byte(name), byte(len(all[name]))), all[name]...)
	}
	return string(key)
}

func serviceKey(b []byte) string { return key(b, 1, 2, 3, 4, 5) }
func serverKey(b []byte) string  { return key(b, 1, 2) }

func (k *fakeKernel) service(b []byte) int {
	wanted := serviceKey(b)
	return slices.IndexFunc(k.services, func(s fakeService) bool { return s.key == wanted })
}

// change makes a change, as the kernel would.
func (k *fakeKernel) change(command byte, service, server []byte) syscall.Errno {
	k.changes++
	if k.refuse != nil {
		if errno := k.refuse(k.changes); errno != 0 {
			return errno
		}
	}
	at := k.service(service)
	switch command {
	case flush:
		k.services = nil
		return 0
	case newService:
		if at >= 0 {
			return syscall.EEXIST
		}
		k.services = append(k.services, fakeService{key: serviceKey(service), all: service})
		return 0
	}
	if at < 0 {
		return syscall.ESRCH
	}
	s := &k.services[at]
	switch command {
	case setService:
		s.all = service
		return 0
	case deleteService:
		k.services = slices.Delete(k.services, at, at+1)
		return 0
	}
	wanted := serverKey(server)
	at = slices.IndexFunc(s.servers, func(d fakeServer) bool { return d.key == wanted })
	switch {
	case command == newServer && at >= 0:
		return syscall.EEXIST
	case command == newServer:
		s.servers = append(s.servers, fakeServer{wanted, server})
	case at < 0:
		return syscall.ENOENT
	case command == setServer:
		s.servers[at].all = server
	case command == deleteServer:
		s.servers = slices.Delete(s.servers, at, at+1)
	}
	return 0
}

// fakeSocket is a netlink socket of a fake kernel.
type fakeSocket struct {
	kernel *fakeKernel
	queue  [][]netlink.Message // one answer each
	failed error
	closed bool
}

func (s *fakeSocket) Send(m netlink.Message) error {
	if s.closed {
		return errors.New("the socket is closed")
	}
	reply := func(flags netlink.HeaderFlags, attribute uint16, value []byte) netlink.Message {
		data, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: attribute, Data: value}})
		if err != nil {
			panic(err)
		}
		header := netlink.Header{Type: m.Header.Type, Flags: flags, Sequence: m.Header.Sequence, PID: 1}
		return netlink.Message{Header: header, Data: append([]byte{0, 1, 0, 0}, data...)}
	}
	refusal := func(errno syscall.Errno) {
		header := netlink.Header{Type: netlink.Error, Sequence: m.Header.Sequence, PID: 1}
		data := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
		s.queue = append(s.queue, []netlink.Message{{Header: header, Data: data}})
	}
	switch m.Header.Type {
	case netlink.Noop:
		refusal(0)
		return nil
	case controlFamily:
		r := reply(0, 1, []byte{ipvsFamily, 0})
		name, _ := netlink.MarshalAttributes([]netlink.Attribute{{Type: 2, Data: []byte("IPVS\x00")}, {Type: 3, Data: []byte{1, 0, 0, 0}}})
		r.Data = append(r.Data, name...)
		s.queue = append(s.queue, []netlink.Message{r})
		return nil
	}
	command, attributes := m.Data[0], values(m.Data[4:])
	service, server := attributes[serviceAttribute], attributes[serverAttribute]
	var answer []netlink.Message
	at := s.kernel.service(service)
	switch {
	case command == getService && m.Header.Flags&netlink.Dump == 0:
		if at < 0 {
			refusal(syscall.ESRCH)
			return nil
		}
		s.queue = append(s.queue, []netlink.Message{reply(0, serviceAttribute, s.kernel.services[at].all)})
		return nil
	case command == getService:
		for _, each := range s.kernel.services {
			answer = append(answer, reply(netlink.Multi, serviceAttribute, each.all))
		}
	case command == getServer:
		if at >= 0 {
			for _, each := range s.kernel.services[at].servers {
				answer = append(answer, reply(netlink.Multi, serverAttribute, each.all))
			}
		}
	default:
		if errno := s.kernel.change(command, service, server); errno != 0 {
			refusal(errno)
		}
		if s.kernel.fail != nil && s.failed == nil {
			s.failed = s.kernel.fail(s.kernel.changes)
		}
		return nil
	}
	done := netlink.Header{Type: netlink.Done, Flags: netlink.Multi, Sequence: m.Header.Sequence, PID: 1}
	s.queue = append(s.queue, append(answer, netlink.Message{Header: done, Data: make([]byte, 4)}))
	return nil
}

func (s *fakeSocket) SendMessages(all []netlink.Message) error {
	for _, m := range all {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeSocket) Receive() (all []netlink.Message, err error) {
	for m, err := range s.ReceiveIter() {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (s *fakeSocket) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		if len(s.queue) == 0 {
			yield(netlink.Message{}, io.ErrUnexpectedEOF)
			return
		}
		answer := s.queue[0]
		s.queue = s.queue[1:]
		if s.failed != nil && answer[0].Header.Type == netlink.Error && len(s.queue) == 0 {
			yield(netlink.Message{}, s.failed) // in place of the acknowledgement
			return
		}
		for _, m := range answer {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (s *fakeSocket) Close() error {
	s.closed = true
	return nil
}

func (s *fakeSocket) SetDeadline(time.Time) error      { return nil }
func (s *fakeSocket) SetReadDeadline(time.Time) error  { return nil }
func (s *fakeSocket) SetWriteDeadline(time.Time) error { return nil }
