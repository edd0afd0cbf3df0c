package fakekernel

import (
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
)

// The numbers are those of include/uapi/linux/ip_vs.h.
const (
	controlFamily, ipvsFamily = 16, 0x23

	newService, setService, deleteService, getService = 1, 2, 3, 4
	newServer, setServer, deleteServer, getServer     = 5, 6, 7, 8
	newDaemon, deleteDaemon, getDaemon                = 9, 10, 11
	setConfig, getConfig, getInfo, zero, flush        = 12, 13, 15, 16, 17

	serviceAttribute, serverAttribute, daemonAttribute = 1, 2, 3
	firstTimeout, lastTimeout                          = 4, 6

	daemonState            = 1
	infoVersion, infoTable = 1, 2
)

// socket is a netlink socket of a fake kernel.
type socket struct {
	kernel *Kernel
	queue  [][]netlink.Message // one answer each
	failed error
	closed bool
}

func (s *socket) Send(m netlink.Message) error {
	if s.closed {
		return errors.New("the socket is closed")
	}
	switch m.Header.Type {
	case netlink.Noop:
		s.refuse(m, 0)
		return nil
	case controlFamily:
		s.answer(m, map[uint16][]byte{1: {ipvsFamily, 0}, 2: []byte("IPVS\x00"), 3: uint32Bytes(1)})
		return nil
	}
	command, attributes := m.Data[0], values(m.Data[4:])
	if asks(command) && s.kernel.refusesList() {
		s.refuse(m, s.kernel.RefuseList(s.kernel.Lists))
		return nil
	}
	switch command {
	case getInfo:
		s.answer(m, map[uint16][]byte{infoVersion: uint32Bytes(0x010201), infoTable: uint32Bytes(4096)})
	case getConfig:
		s.answer(m, s.kernel.currentTimeouts())
	case getService, getServer, getDaemon:
		s.list(m, command, s.kernel.find(attributes[serviceAttribute]))
	default:
		if errno := s.kernel.change(command, attributes); errno != 0 {
			s.refuse(m, errno)
		}
		if s.kernel.Fail != nil && s.failed == nil {
			s.failed = s.kernel.Fail(s.kernel.Changes)
		}
	}
	return nil
}

func asks(command byte) bool {
	return slices.Contains([]byte{getInfo, getConfig, getService, getServer, getDaemon}, command)
}

// refusesList counts a request that asks, and reports whether the kernel refuses it.
func (k *Kernel) refusesList() bool {
	k.Lists++
	return k.RefuseList != nil && k.RefuseList(k.Lists) != 0
}

// list answers a request for services, servers or daemons. The service that the request names has a place in the table, or -1.
func (s *socket) list(m netlink.Message, command byte, at int) {
	var all [][]byte
	attribute := uint16(serviceAttribute)
	switch {
	case command == getService && m.Header.Flags&netlink.Dump == 0:
		if at < 0 {
			s.refuse(m, syscall.ESRCH)
		} else {
			s.answer(m, map[uint16][]byte{attribute: s.kernel.services[at].all})
		}
		return
	case command == getService:
		for _, each := range s.kernel.services {
			all = append(all, each.all)
		}
	case command == getServer && at >= 0:
		attribute = serverAttribute
		for _, each := range s.kernel.services[at].servers {
			all = append(all, each.all)
		}
	case command == getDaemon:
		attribute = daemonAttribute
		for _, state := range slices.Sorted(maps.Keys(s.kernel.daemons)) {
			all = append(all, s.kernel.daemons[state])
		}
	}
	var dump []netlink.Message
	for _, each := range all {
		dump = append(dump, message(m, netlink.Multi, map[uint16][]byte{attribute: each}))
	}
	done := netlink.Header{Type: netlink.Done, Flags: netlink.Multi, Sequence: m.Header.Sequence, PID: 1}
	s.queue = append(s.queue, append(dump, netlink.Message{Header: done, Data: make([]byte, 4)}))
}

func (s *socket) answer(m netlink.Message, attributes map[uint16][]byte) {
	s.queue = append(s.queue, []netlink.Message{message(m, 0, attributes)})
}

// refuse answers a request with an error, or acknowledges it with zero.
func (s *socket) refuse(m netlink.Message, errno syscall.Errno) {
	header := netlink.Header{Type: netlink.Error, Sequence: m.Header.Sequence, PID: 1}
	s.queue = append(s.queue, []netlink.Message{{Header: header, Data: uint32Bytes(uint32(-int32(errno)))}})
}

// message returns a message of IPVS that answers a request.
func message(m netlink.Message, flags netlink.HeaderFlags, attributes map[uint16][]byte) netlink.Message {
	var all []netlink.Attribute
	for _, kind := range slices.Sorted(maps.Keys(attributes)) {
		all = append(all, netlink.Attribute{Type: kind, Data: attributes[kind]})
	}
	data, err := netlink.MarshalAttributes(all)
	if err != nil {
		panic(err)
	}
	header := netlink.Header{Type: m.Header.Type, Flags: flags, Sequence: m.Header.Sequence, PID: 1}
	return netlink.Message{Header: header, Data: append([]byte{0, 1, 0, 0}, data...)}
}

// currentTimeouts returns the kernel's defaults, or what was set instead.
func (k *Kernel) currentTimeouts() map[uint16][]byte {
	all := make(map[uint16][]byte)
	for kind := uint16(firstTimeout); kind <= lastTimeout; kind++ {
		all[kind] = k.timeouts[kind]
		if all[kind] == nil {
			all[kind] = uint32Bytes([]uint32{900, 120, 300}[kind-firstTimeout])
		}
	}
	return all
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

func uint32Bytes(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func (s *socket) SendMessages(all []netlink.Message) error {
	for _, m := range all {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

func (s *socket) Receive() (all []netlink.Message, err error) {
	for m, err := range s.ReceiveIter() {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (s *socket) ReceiveIter() iter.Seq2[netlink.Message, error] {
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

func (s *socket) Close() error {
	s.closed = true
	return nil
}

func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
