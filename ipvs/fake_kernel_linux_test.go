package ipvs

import (
	"context"
	"encoding/binary"
	"iter"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs/internal/nlsocket"
)

// fakeKernel is a netlink socket with the test's own replies. (genltest does not separate datagrams, so it cannot acknowledge
// one message of a batch and refuse the next.)
type fakeKernel struct {
	t        *testing.T
	requests []netlink.Message                         // without the query for the family
	reply    func(netlink.Message) [][]netlink.Message // the datagrams of a reply
	queue    [][]netlink.Message
	unknown  bool // the kernel does not know IPVS
	expired  chan struct{}

	granted nlsocket.Buffers // zero for fullBatch
	batches int              // sends of several messages
	overrun bool             // the receive buffer was full
}

func (k *fakeKernel) buffers() nlsocket.Buffers {
	if k.granted == (nlsocket.Buffers{}) {
		return fullBatch
	}
	return k.granted
}

const fakeFamily = 0x23

func (k *fakeKernel) client() *Client {
	k.expired = make(chan struct{}, 8)
	client, err := newClient(oneSocket(netlink.NewConn(k, 1), k.buffers()))
	if err != nil {
		k.t.Fatal(err)
	}
	return client
}

func (k *fakeKernel) Close() error { return nil }

func (k *fakeKernel) Send(m netlink.Message) error {
	if m.Header.Type == netlink.Noop && m.Header.Flags&netlink.Acknowledge != 0 {
		k.queue = append(k.queue, refuse(m, 0))
		return nil
	}
	if m.Header.Type != 16 {
		k.requests = append(k.requests, m)
		k.queue = append(k.queue, k.reply(m)...)
		return nil
	}
	if k.unknown {
		k.queue = append(k.queue, refuse(m, syscall.ENOENT))
		return nil
	}
	k.queue = append(k.queue, reply(m, 0, raw(u16(1, fakeFamily), text(2, "IPVS\x00"), u32(3, 1))))
	return nil
}

// SendMessages refuses what exceeds the send buffer, and drops replies that exceed the receive buffer, as the kernel does.
func (k *fakeKernel) SendMessages(all []netlink.Message) error {
	k.batches++
	size := 0
	for _, m := range all {
		size += 16 + len(m.Data)
	}
	if size > k.buffers().Send-32 {
		return os.NewSyscallError("write", syscall.EMSGSIZE)
	}
	for _, m := range all {
		if err := k.Send(m); err != nil {
			return err
		}
	}
	const charge = 1280 // of a refusal
	if most := 1 + k.buffers().Receive/charge; len(k.queue) > most {
		k.queue, k.overrun = k.queue[:most], true
	}
	return nil
}

func (k *fakeKernel) Receive() ([]netlink.Message, error) {
	var all []netlink.Message
	for m, err := range k.ReceiveIter() {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (k *fakeKernel) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		if k.overrun {
			k.overrun = false
			yield(netlink.Message{}, os.NewSyscallError("recvmsg", syscall.ENOBUFS))
			return
		}
		if len(k.queue) == 0 {
			<-k.expired
			yield(netlink.Message{}, context.DeadlineExceeded)
			return
		}
		datagram := k.queue[0]
		k.queue = k.queue[1:]
		for _, m := range datagram {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (k *fakeKernel) SetDeadline(d time.Time) error {
	if !d.IsZero() {
		k.expired <- struct{}{}
	}
	return nil
}

func (k *fakeKernel) SetReadDeadline(time.Time) error { return nil }

func (k *fakeKernel) SetWriteDeadline(time.Time) error { return nil }

func reply(request netlink.Message, flags netlink.HeaderFlags, attributes []byte) []netlink.Message {
	return []netlink.Message{{
		Header: netlink.Header{Type: request.Header.Type, Flags: flags, Sequence: request.Header.Sequence, PID: 1},
		Data:   append([]byte{1, 1, 0, 0}, attributes...),
	}}
}

func refuse(request netlink.Message, errno syscall.Errno) []netlink.Message {
	return []netlink.Message{{
		Header: netlink.Header{Type: netlink.Error, Sequence: request.Header.Sequence, PID: 1},
		Data:   binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno))),
	}}
}

// dump returns a dump of services with the given marks, a datagram each.
func dump(request netlink.Message, flags netlink.HeaderFlags, marks ...uint32) (datagrams [][]netlink.Message) {
	for _, mark := range marks {
		datagrams = append(datagrams, reply(request, netlink.Multi|flags, raw(nest(1, u16(1, 2), u32(5, mark)))))
	}
	done := netlink.Message{Header: netlink.Header{Type: netlink.Done, Flags: netlink.Multi, Sequence: request.Header.Sequence, PID: 1}, Data: make([]byte, 4)}
	return append(datagrams, []netlink.Message{done})
}

func marks(t *testing.T, c *Client) (all []uint32, err error) {
	t.Helper()
	services, err := c.Services(t.Context())
	for _, s := range services {
		all = append(all, s.Mark)
	}
	return all, err
}

func errorOf[T any](_ T, err error) error { return err }

// firstMarks returns firewall marks from 1.
func firstMarks(count uint32) (all []uint32) {
	for mark := range count {
		all = append(all, mark+1)
	}
	return all
}

// failing is a socket from which every read fails.
type failing struct {
	*fakeKernel
	errno syscall.Errno
}

func (f failing) ReceiveIter() iter.Seq2[netlink.Message, error] {
	return func(yield func(netlink.Message, error) bool) {
		yield(netlink.Message{}, os.NewSyscallError("recvmsg", f.errno))
	}
}
