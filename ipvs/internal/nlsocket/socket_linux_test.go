package nlsocket

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const bufferSize = 64

// pair returns a socket, and the other end of it, which sends and receives datagrams as the kernel would.
func pair(t *testing.T) (*Socket, int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(ends[0], bufferSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); unix.Close(ends[1]) })
	if err := s.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return s, ends[1]
}

func message(kind netlink.HeaderType, flags netlink.HeaderFlags, data string) netlink.Message {
	header := netlink.Header{Length: uint32(16 + len(data)), Type: kind, Flags: flags, Sequence: 0x01020304, PID: 0x05060708}
	return netlink.Message{Header: header, Data: []byte(data)}
}

// bytesOf returns messages as the kernel lays them out, each at a multiple of four.
func bytesOf(messages ...netlink.Message) []byte {
	var b []byte
	for _, m := range messages {
		b = binary.NativeEndian.AppendUint32(b, m.Header.Length)
		b = binary.NativeEndian.AppendUint16(b, uint16(m.Header.Type))
		b = binary.NativeEndian.AppendUint16(b, uint16(m.Header.Flags))
		b = binary.NativeEndian.AppendUint32(b, m.Header.Sequence)
		b = binary.NativeEndian.AppendUint32(b, m.Header.PID)
		b = append(b, m.Data...)
		b = append(b, make([]byte, -len(m.Data)&3)...)
	}
	return b
}

func send(t *testing.T, fd int, datagrams ...[]byte) {
	t.Helper()
	for _, datagram := range datagrams {
		if _, err := unix.Write(fd, datagram); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSend(t *testing.T) {
	s, kernel := pair(t)
	first, second := message(7, netlink.Request, "12345678"), message(8, netlink.Acknowledge, "")
	read := func() []byte {
		b := make([]byte, 100)
		n, err := unix.Read(kernel, b)
		if err != nil {
			t.Fatal(err)
		}
		return b[:n]
	}
	if err := s.SendMessages([]netlink.Message{first, second}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bytesOf(first, second), read()); diff != "" {
		t.Errorf("two messages (-want +got):\n%s", diff)
	}
	if err := s.Send(second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bytesOf(second), read()); diff != "" {
		t.Errorf("one message (-want +got):\n%s", diff)
	}
}

// TestReceive receives a reply of one datagram, and then a dump of three.
func TestReceive(t *testing.T) {
	s, kernel := pair(t)
	alone := []netlink.Message{message(7, 0, "123"), message(7, 0, "1234"), message(netlink.Error, 0, "")}
	dump := []netlink.Message{message(7, netlink.Multi, "first"), message(7, netlink.Multi, "second"),
		message(7, netlink.Multi, "exactly 48 bytes, which fill the reader's buffer"), message(netlink.Done, netlink.Multi, "done")}
	send(t, kernel, bytesOf(alone[:2]...), bytesOf(alone[2]), bytesOf(dump[:2]...), bytesOf(dump[2]), bytesOf(dump[3]))
	for i, want := range [][]netlink.Message{alone[:2], alone[2:], dump} {
		var got []netlink.Message
		for m, err := range s.ReceiveIter() {
			if err != nil {
				t.Fatal(err)
			}
			m.Data = append([]byte{}, m.Data...) // the next datagram overwrites it
			got = append(got, m)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got, want := s.Parts(), []int{1, 1, 2}[i]; got != want {
			t.Errorf("reply %d came in %d datagrams, want %d", i, got, want)
		}
	}

	// The library looks up families with Receive, whose replies are one datagram.
	send(t, kernel, bytesOf(alone[:2]...))
	got, err := s.Receive()
	if diff := cmp.Diff(alone[:2], got); diff != "" || err != nil {
		t.Errorf("Receive: %v (-want +got):\n%s", err, diff)
	}
	// A caller may stop.
	send(t, kernel, bytesOf(alone[:2]...), bytesOf(alone[2]))
	for range s.ReceiveIter() {
		break
	}
	if got, err := s.Receive(); len(got) != 1 || err != nil {
		t.Errorf("after a stop: %v, %v", got, err)
	}
}

// TestGrow receives a datagram that would not fit before.
func TestGrow(t *testing.T) {
	s, kernel := pair(t)
	s.Grow()
	want := message(7, 0, string(make([]byte, 32<<10-16)))
	send(t, kernel, bytesOf(want))
	if got, err := s.Receive(); err != nil || len(got) != 1 || len(got[0].Data) != len(want.Data) {
		t.Errorf("%d messages, %v", len(got), err)
	}
}

// TestReceiveMalformed receives datagrams that are cut off or hold no message.
func TestReceiveMalformed(t *testing.T) {
	good := message(7, 0, "data")
	long := message(7, 0, "1234")
	long.Header.Length++
	short := message(7, 0, "")
	short.Header.Length--
	for name, test := range map[string]struct {
		datagram []byte
		messages int
	}{
		"longer than the buffer":       {bytesOf(message(7, 0, string(make([]byte, bufferSize-15)))), 0},
		"longer, cut behind a message": {bytesOf(message(7, 0, string(make([]byte, bufferSize-16))), good), 0},
		"shorter than a header":        {bytesOf(good)[:15], 0},
		"shorter than its header says": {bytesOf(good, long), 1},
		"a length below the header's":  {bytesOf(good, short), 1},
		"a length of zero":             {bytesOf(good, netlink.Message{}), 1},
	} {
		s, kernel := pair(t)
		send(t, kernel, test.datagram)
		messages := 0
		var last error
		for _, err := range s.ReceiveIter() {
			if last = err; err == nil {
				messages++
			}
		}
		if last != ErrMalformed || messages != test.messages {
			t.Errorf("%s: %d messages and %v", name, messages, last)
		}
		send(t, kernel, bytesOf(good)[:3])
		if got, err := s.Receive(); got != nil || err != ErrMalformed {
			t.Errorf("%s: Receive returned %v, %v", name, got, err)
		}
	}
}

// TestReceiveEnd has the other end closed, or silent.
func TestReceiveEnd(t *testing.T) {
	s, kernel := pair(t)
	for name, set := range map[string]func(time.Time) error{"deadline": s.SetDeadline, "read deadline": s.SetReadDeadline} {
		if err := set(time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Receive(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if err := set(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetWriteDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(message(7, 0, "")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write deadline: %v", err)
	}
	if err := unix.Shutdown(kernel, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(); err != io.EOF {
		t.Errorf("the other end is closed: %v", err)
	}
}

// TestConnect asks the kernel for the family that every kernel with generic netlink has.
func TestConnect(t *testing.T) {
	fd, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Connect(fd, Buffers{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const getFamily, familyName = 3, 2
	name, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: familyName, Data: []byte("nlctrl\x00")}})
	if err != nil {
		t.Fatal(err)
	}
	request := netlink.Message{
		Header: netlink.Header{Type: unix.GENL_ID_CTRL, Flags: netlink.Request},
		Data:   append([]byte{getFamily, 1, 0, 0}, name...),
	}
	replies, err := conn.Execute(request)
	if err != nil || len(replies) != 1 || replies[0].Header.Type != unix.GENL_ID_CTRL {
		t.Fatalf("%v, %v", replies, err)
	}
}

// TestBuffers begins with the smallest buffers. They grow to what is asked for, which needs no privilege up to the kernel's
// limit, and do not shrink.
func TestBuffers(t *testing.T) {
	smallest := func() int {
		fd, err := Open()
		if err != nil {
			t.Fatal(err)
		}
		for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
				t.Fatal(err)
			}
		}
		return fd
	}
	connect := func(fd int, wanted Buffers) Buffers {
		conn, err := Connect(fd, wanted)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		return conn.Buffers
	}
	least := connect(smallest(), Buffers{})
	for wanted, want := range map[Buffers]Buffers{
		{1, 1}:                       least,
		{20000, 1}:                   {20000, least.Receive},
		{1, 30001}:                   {least.Send, 30002}, // the kernel doubles what it is told
		{least.Send, least.Receive}:  least,
		{least.Send + 2, 40000}:      {least.Send + 2, 40000},
		{20000, least.Receive + 100}: {20000, least.Receive + 100},
	} {
		if got := connect(smallest(), wanted); got != want {
			t.Errorf("asked for %+v, got %+v, want %+v", wanted, got, want)
		}
	}
}

// TestConnectFails closes a socket that cannot be connected.
func TestConnectFails(t *testing.T) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Connect(fd, Buffers{}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a socket that is not netlink: %v", err)
	}
	if _, err := Connect(fd, Buffers{}); !errors.Is(err, unix.EBADF) {
		t.Errorf("again: %v", err)
	}
}

func TestGrowBuffer(t *testing.T) {
	if _, err := growBuffer(-1, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, 1); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
}

func TestDatagramSize(t *testing.T) {
	if got := datagramSize(); got < 4096-320 || got > 8192-192 {
		t.Errorf("%d bytes", got)
	}
}
