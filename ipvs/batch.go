package ipvs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"

	"ipvsadm/ipvs/internal/nlsocket"
)

const (
	// batchSize is how many changes go out in one send, if the socket's buffers have room for them and their refusals.
	batchSize = 64

	messageHeader = 16  // bytes of struct nlmsghdr
	largestChange = 256 // bytes of a message with its header; none is longer

	// sendReserve is the part of the send buffer that the kernel keeps for itself (netlink_sendmsg).
	sendReserve = 32

	// refusalCharge is how many bytes of the receive buffer a refusal takes. It quotes the change, and the kernel adds its
	// own bookkeeping: 1280 bytes where pointers have 64 bits, 2304 with CONFIG_MAX_SKB_FRAGS=45.
	refusalCharge = 2560
)

// fullBatch is the room for batchSize changes that the kernel refuses.
var fullBatch = nlsocket.Buffers{
	Send:    sendReserve + batchSize*largestChange + messageHeader,
	Receive: (batchSize + 1) * refusalCharge,
}

// firstBatch returns as many of the first changes as may go out in one send. The kernel refuses a send that exceeds the send
// buffer, and drops refusals that exceed the receive buffer. One change with its acknowledgement always fits.
func firstBatch(changes []Change, b nlsocket.Buffers) []Change {
	most := max(1, min(len(changes), batchSize, b.Receive/refusalCharge-1))
	room := b.Send - sendReserve - messageHeader
	for i := range most {
		room -= messageHeader + len(changes[i].message)
		if room < 0 && i > 0 {
			return changes[:i]
		}
	}
	return changes[:most]
}

// Apply carries out changes in their order. A change that fails does not stop those after it; the error is then a
// *BatchError that lists the failures. Any other error means that the client broke off. Its text has the number of changes
// that the kernel certainly processed; it may have processed some more. The error wraps a *BatchError too if some had
// failed by then.
func (c *Client) Apply(ctx context.Context, changes ...Change) error {
	var failures []Failure
	processed := 0
	err := c.exchange(ctx, small, func() error {
		for processed < len(changes) {
			batch := firstBatch(changes[processed:], c.small.Buffers)
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
// processed every change before it. The last change cannot carry the flag: stopping a daemon whose thread never ran fails
// with EINTR, the one error for which netlink_rcv_skb sends no reply.
func (c *Client) applyBatch(batch []Change, first int) ([]Failure, error) {
	var failures []Failure
	messages := make([]netlink.Message, 0, len(batch)+1)
	indices := make([]int, 0, len(batch)) // of the messages within the batch
	for i, change := range batch {
		switch {
		case change.invalid != nil:
			failures = append(failures, Failure{first + i, change.wrap(change.invalid)})
		case change.message == nil:
			failures = append(failures, Failure{first + i, change.wrap(errors.New("an empty change"))})
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
	for complete := 0; complete < len(messages); {
		for reply, err := range c.conn.ReceiveIter() {
			sequence := reply.Header.Sequence
			refusal, isRefusal := asRefusal(err)
			switch {
			case isRefusal:
				sequence = refusal.Sequence
			case err != nil:
				return failures, err
			case reply.Header.Type != netlink.Error: // an acknowledgement is one with an errno of zero
				return failures, c.breakOff()
			}
			for complete < len(messages) && sequence != messages[complete].Header.Sequence {
				complete++
			}
			if complete == len(messages) || isRefusal != (complete < len(indices)) {
				return failures, c.breakOff()
			}
			if isRefusal {
				i := indices[complete]
				failures = append(failures, Failure{first + i, batch[i].wrap(err)})
			}
			complete++
		}
	}
	c.pending = false
	slices.SortFunc(failures, func(a, b Failure) int { return cmp.Compare(a.Index, b.Index) })
	return failures, nil
}
