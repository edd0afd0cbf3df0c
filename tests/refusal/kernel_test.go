package refusal

import (
	"encoding/binary"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// request is a request to the kernel: for the IPVS family, or with a command of that family (IPVS_CMD_*), for one object or
// as a dump.
type request struct {
	family  bool
	command byte
	dump    bool
}

// The family's number is arbitrary. Commands and attributes are those of include/uapi/linux/ip_vs.h.
const (
	family  = 0x23
	control = 16 // GENL_ID_CTRL

	newService, setService, deleteService, getService = 1, 2, 3, 4
	newDestination, setDestination                    = 5, 6
	deleteDestination, getDestination                 = 7, 8
	newDaemon, deleteDaemon, getDaemon                = 9, 10, 11
	setConfig, getConfig                              = 12, 13
	setInfo, getInfo                                  = 14, 15
	zero, flush                                       = 16, 17
)

// answer returns the datagrams of a kernel that refuses one request. Its table has one service, one server and one daemon.
// It accepts every change and changes nothing.
func answer(messages []byte, refused request, errno syscall.Errno) (datagrams [][]byte, err error) {
	for len(messages) > 0 {
		length := int(binary.NativeEndian.Uint32(messages))
		var m netlink.Message
		if err := m.UnmarshalBinary(messages[:length]); err != nil {
			return nil, err
		}
		messages = messages[min((length+3)&^3, len(messages)):]
		datagrams = append(datagrams, answerOne(m, refused, errno)...)
	}
	return datagrams, nil
}

func answerOne(m netlink.Message, refused request, errno syscall.Errno) (datagrams [][]byte) {
	var asked request
	switch m.Header.Type {
	case control:
		asked.family = true
	case family:
		asked = request{command: m.Data[0], dump: m.Header.Flags&netlink.Dump == netlink.Dump}
	}
	switch {
	case asked == request{}: // a NOOP, which only asks for an acknowledgement
	case asked == refused:
		return [][]byte{refusal(m, errno)}
	case asked.family:
		datagrams = append(datagrams, reply(m, 1, 0, putFamilies))
	case asked == request{command: getInfo}:
		datagrams = append(datagrams, reply(m, setInfo, 0, putInformation))
	case asked == request{command: getConfig}:
		datagrams = append(datagrams, reply(m, setConfig, 0, putTimeouts))
	case asked.dump:
		one := map[byte]func(*netlink.AttributeEncoder){getService: putService, getDestination: putDestination, getDaemon: putDaemon}[asked.command]
		done := netlink.Message{Header: netlink.Header{Type: netlink.Done, Flags: netlink.Multi}, Data: make([]byte, 4)}
		return [][]byte{reply(m, asked.command, netlink.Multi, one), bytesOf(m, done)}
	case asked.command == getService:
		datagrams = append(datagrams, reply(m, asked.command, 0, putService))
	}
	if m.Header.Flags&netlink.Acknowledge != 0 {
		datagrams = append(datagrams, refusal(m, 0))
	}
	return datagrams
}

// refusal returns an error reply: the negative errno and the header of the request. Zero makes it an acknowledgement.
func refusal(m netlink.Message, errno syscall.Errno) []byte {
	data := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
	data = append(data, bytesOf(m, m)[:unix.SizeofNlMsghdr]...)
	return bytesOf(m, netlink.Message{Header: netlink.Header{Type: netlink.Error}, Data: data})
}

// reply returns a message of the IPVS family with attributes.
func reply(m netlink.Message, command byte, flags netlink.HeaderFlags, put func(*netlink.AttributeEncoder)) []byte {
	e := netlink.NewAttributeEncoder()
	put(e)
	attributes, err := e.Encode()
	if err != nil {
		panic(err)
	}
	header := netlink.Header{Type: m.Header.Type, Flags: flags}
	return bytesOf(m, netlink.Message{Header: header, Data: append([]byte{command, 1, 0, 0}, attributes...)})
}

// bytesOf returns the bytes of a reply to m.
func bytesOf(m, answer netlink.Message) []byte {
	answer.Header.Sequence, answer.Header.PID = m.Header.Sequence, m.Header.PID
	answer.Header.Length = uint32(unix.SizeofNlMsghdr + len(answer.Data))
	b, err := answer.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

func putFamilies(e *netlink.AttributeEncoder) {
	e.Uint16(unix.CTRL_ATTR_FAMILY_ID, family)
	e.String(unix.CTRL_ATTR_FAMILY_NAME, "IPVS")
	e.Uint32(unix.CTRL_ATTR_VERSION, 1)
	e.Uint32(unix.CTRL_ATTR_HDRSIZE, 0)
	e.Uint32(unix.CTRL_ATTR_MAXATTR, 6)
}

func putInformation(e *netlink.AttributeEncoder) {
	e.Uint32(1, 0x010201)
	e.Uint32(2, 4096)
}

func putTimeouts(e *netlink.AttributeEncoder) {
	for attribute := range uint16(3) {
		e.Uint32(4+attribute, 60)
	}
}

func nested(e *netlink.AttributeEncoder, attribute uint16, put func(*netlink.AttributeEncoder)) {
	e.Nested(attribute, func(e *netlink.AttributeEncoder) error {
		put(e)
		return nil
	})
}

func putStats(e *netlink.AttributeEncoder) {
	for attribute := range uint16(10) {
		if attribute == 3 || attribute == 4 { // bytes
			e.Uint64(1+attribute, 0)
			continue
		}
		e.Uint32(1+attribute, 0)
	}
}

func putService(e *netlink.AttributeEncoder) {
	nested(e, 1, func(e *netlink.AttributeEncoder) {
		e.Uint16(1, unix.AF_INET)
		e.Uint16(2, unix.IPPROTO_TCP)
		e.Bytes(3, append([]byte{192, 0, 2, 1}, make([]byte, 12)...))
		e.Bytes(4, []byte{0, 80})
		e.String(6, "rr")
		e.Bytes(7, make([]byte, 8))
		e.Uint32(8, 0)
		e.Bytes(9, []byte{255, 255, 255, 255})
		nested(e, 10, putStats)
	})
}

func putDestination(e *netlink.AttributeEncoder) {
	nested(e, 2, func(e *netlink.AttributeEncoder) {
		e.Bytes(1, append([]byte{10, 0, 0, 1}, make([]byte, 12)...))
		e.Bytes(2, []byte{0, 80})
		for attribute := range uint16(7) { // forwarding, weight, thresholds and connections
			e.Uint32(3+attribute, 0)
		}
		nested(e, 10, putStats)
		e.Uint16(11, unix.AF_INET)
	})
}

func putDaemon(e *netlink.AttributeEncoder) {
	nested(e, 3, func(e *netlink.AttributeEncoder) {
		e.Uint32(1, 1)
		e.String(2, "lo")
		e.Uint32(3, 7)
	})
}
