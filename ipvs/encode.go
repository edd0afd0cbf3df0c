package ipvs

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// encoder appends attributes to one message, and keeps the first error. It saves 50 % of -R over
// netlink.AttributeEncoder, which allocates some twenty times for a server.
type encoder struct {
	message []byte
	err     error
}

// usualMessage is enough for every message but a daemon with an IPv6 group.
const usualMessage = 160

// encode begins the message of a command.
func encode(command uint8) encoder {
	return encoder{message: append(make([]byte, 0, usualMessage), command, familyVersion, 0, 0)}
}

// encodeAbout begins the message of a command about a service.
func encodeAbout(command uint8, id ServiceID) encoder {
	e := encode(command)
	e.serviceID(id)
	return e
}

func (e *encoder) fail(err error) { e.err = cmp.Or(e.err, err) }

func (e *encoder) begin(kind uint16, length int) {
	e.message = binary.NativeEndian.AppendUint16(e.message, uint16(attributeHeader+length))
	e.message = binary.NativeEndian.AppendUint16(e.message, kind)
}

func (e *encoder) uint8(kind uint16, value uint8) {
	e.begin(kind, 1)
	e.message = append(e.message, value, 0, 0, 0)
}

func (e *encoder) uint16(kind, value uint16) {
	e.begin(kind, 2)
	e.message = binary.NativeEndian.AppendUint16(e.message, value)
	e.message = append(e.message, 0, 0)
}

func (e *encoder) uint32(kind uint16, value uint32) {
	e.begin(kind, 4)
	e.message = binary.NativeEndian.AppendUint32(e.message, value)
}

func (e *encoder) bytes(kind uint16, value []byte) {
	e.begin(kind, len(value))
	e.message = append(e.message, value...)
	e.align()
}

// text appends a NUL-terminated text.
func (e *encoder) text(kind uint16, value string) {
	e.begin(kind, len(value)+1)
	e.message = append(e.message, value...)
	e.message = append(e.message, 0)
	e.align()
}

// align pads the message to where the next attribute may begin.
func (e *encoder) align() {
	for len(e.message)%4 != 0 {
		e.message = append(e.message, 0)
	}
}

// open begins a nested attribute, and returns its start for close. Attributes that are appended in between are within it.
func (e *encoder) open(kind uint16) (start int) {
	start = len(e.message)
	e.begin(kind|attributeNested, 0)
	return start
}

func (e *encoder) close(start int) {
	binary.NativeEndian.PutUint16(e.message[start:], uint16(len(e.message)-start))
}

// address appends a union nf_inet_addr: 16 bytes. IPv4 uses the first four.
func (e *encoder) address(kind uint16, address netip.Addr) {
	var union [16]byte
	if address.Is4() {
		octets := address.As4()
		copy(union[:], octets[:])
	} else {
		union = address.As16()
	}
	e.bytes(kind, union[:])
}

// port appends a port in network byte order.
func (e *encoder) port(kind, port uint16) {
	e.begin(kind, 2)
	e.message = append(e.message, byte(port>>8), byte(port), 0, 0)
}

// name appends a NUL-terminated name. A name that does not fit cannot exist in the kernel, so it fails as an unknown one
// would.
func (e *encoder) name(kind uint16, what, name string, missing syscall.Errno) {
	switch {
	case len(name) >= nameSize:
		e.fail(fmt.Errorf("%s %q is longer than %d bytes: %w", what, name, nameSize-1, missing))
	case strings.IndexByte(name, 0) >= 0:
		e.fail(fmt.Errorf("%s %q contains a NUL", what, name))
	default:
		e.text(kind, name)
	}
}

// seconds appends a duration in seconds, rounded up: a short timeout must not become zero, which means none.
func (e *encoder) seconds(kind uint16, d time.Duration) {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	if d < 0 || seconds > math.MaxUint32 {
		e.fail(fmt.Errorf("timeout %v is not between 0 and %d seconds", d, uint32(math.MaxUint32)))
		return
	}
	e.uint32(kind, uint32(seconds))
}
