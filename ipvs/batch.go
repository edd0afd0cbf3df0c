package ipvs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
)

const (
	// batchSize is how many changes go out in one send, if the socket's buffers have room for them and for their
	// refusals.
	batchSize = 64

	messageHeader = 16  // bytes of struct nlmsghdr
	largestChange = 256 // bytes of a message, header included, more than any has

	// sendReserve is what the kernel keeps of the send buffer for itself (netlink_sendmsg).
	sendReserve = 32

	// refusalCharge is what a refusal takes of the receive buffer. It quotes the change, and the kernel counts its own
	// bookkeeping too: 1280 bytes in all where pointers have 64 bits, 2304 if it is built with CONFIG_MAX_SKB_FRAGS=45.
	refusalCharge = 2560
)

// buffers are the sizes of a socket's two buffers in bytes, as getsockopt returns them.
type buffers struct {
	send, receive int
}

// fullBatch is the room that a batch of batchSize changes takes, if the kernel refuses all of them.
var fullBatch = buffers{
	send:    sendReserve + batchSize*largestChange + messageHeader,
	receive: (batchSize + 1) * refusalCharge,
}

// batch returns the first of the changes, as many as may go out in one send. The kernel refuses a send that exceeds the
// send buffer, and drops refusals that exceed the receive buffer. One change with its acknowledgement always fits.
func (b buffers) batch(changes []Change) []Change {
	most := max(1, min(len(changes), batchSize, b.receive/refusalCharge-1))
	room := b.send - sendReserve - messageHeader
	for i := range most {
		room -= messageHeader + len(changes[i].message)
		if room < 0 && i > 0 {
			return changes[:i]
		}
	}
	return changes[:most]
}

// Apply carries out changes in their order. One that fails does not keep those after it from being carried out; the
// error is then a *BatchError that lists the failures. Any other error means that the client broke off: its text has the
// number of changes that the kernel surely processed. Of those after, some may have been carried out. If some had failed
// by then, the error wraps a *BatchError too.
func (c *Client) Apply(ctx context.Context, changes ...Change) error {
	var failures []Failure
	processed := 0
	err := c.exchange(ctx, func() error {
		for processed < len(changes) {
			batch := c.buffers.batch(changes[processed:])
			failed, err := c.applyBatch(batch, processed)
			failures = append(failures, failed...)
			if err != nil {
				return err
			}
			processed += len(batch)
		}
		return nil
	})
	var refusal error
	if len(failures) > 0 {
		refusal = &BatchError{Failures: failures}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("ipvs: apply, after %d of %d changes: %w", processed, len(changes), err), refusal)
	}
	return refusal
}

// applyBatch sends a batch of changes, whose first has the given index, and reads the refusals. Refusals arrive without
// being asked for, so changes carry no NLM_F_ACK. A final NLMSG_NOOP does: its acknowledgement means that the kernel
// processed every change before it. (The last change cannot carry the flag: stopping a daemon whose thread never ran gives
// EINTR, the one error that netlink_rcv_skb does not answer.)
func (c *Client) applyBatch(batch []Change, first int) ([]Failure, error) {
	var failures []Failure
	messages := make([]netlink.Message, 0, len(batch)+1)
	indices := make([]int, 0, len(batch)) // of the messages within the batch
	for i, change := range batch {
		switch {
		case change.invalid != nil:
			failures = append(failures, Failure{first + i, change.failed(change.invalid)})
		case change.message == nil:
			failures = append(failures, Failure{first + i, change.failed(errors.New("an empty change"))})
		default:
			messages = append(messages, c.message(change.request, 0))
			indices = append(indices, i)
		}
	}
	if len(messages) == 0 {
		return failures, nil
	}
	messages = append(messages, netlink.Message{
		Header: netlink.Header{Type: netlink.Noop, Flags: netlink.Request | netlink.Acknowledge},
	})
	c.pending = true
	messages, err := c.conn.SendMessages(messages)
	if err != nil {
		return failures, err
	}
	for answered := 0; answered < len(messages); {
		for reply, err := range c.conn.ReceiveIter() {
			sequence := reply.Header.Sequence
			answer, isRefused := refused(err)
			switch {
			case isRefused:
				sequence = answer.Sequence
			case err != nil:
				return failures, err
			case reply.Header.Type != netlink.Error: // which acknowledgements are, with an errno of zero
				return failures, c.unexpected()
			}
			for answered < len(messages) && sequence != messages[answered].Header.Sequence {
				answered++
			}
			if answered == len(messages) || isRefused != (answered < len(indices)) {
				return failures, c.unexpected()
			}
			if isRefused {
				i := indices[answered]
				failures = append(failures, Failure{first + i, batch[i].failed(err)})
			}
			answered++
		}
	}
	c.pending = false
	slices.SortFunc(failures, func(a, b Failure) int { return cmp.Compare(a.Index, b.Index) })
	return failures, nil
}
