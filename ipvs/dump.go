package ipvs

import (
	"context"

	"github.com/mdlayher/netlink"
)

const (
	// dumpInterrupted is NLM_F_DUMP_INTR: the table changed under the dump.
	dumpInterrupted = 0x10

	// dumpAttempts is how often a listing is taken before a table that never rests is an error.
	dumpAttempts = 8

	// oneDatagram is how many bytes of attributes a datagram holds at least: NLMSG_GOODSIZE where pages are smallest,
	// less what a dozen messages, which is more than fit if they are services, have for headers.
	oneDatagram = 3400

	// watchInterval is how many items of a dump are taken between two looks at whether anything came or went, at least
	// once in a datagram of services.
	watchInterval = 8
)

// list sends a request that has a dump for its reply, and returns what the dump holds, each key once.
func list[T any, K comparable](ctx context.Context, c *Client, r request, d dumpReader[T, K]) ([]T, error) {
	if err := c.exchange(ctx, func() error { return d.read(c, r) }); err != nil {
		return nil, r.failed(err)
	}
	return d.items, nil
}

// dumpReader reads what a dump holds, and the next dump into the same place.
type dumpReader[T any, K comparable] struct {
	decode func([]byte, *T) error
	key    func(*T) K
	uses   *useCount // that change if items come or go; nil for what has none

	items       []T
	seen        map[K]struct{} // nil the first time a dump is taken
	size        int            // in bytes of attributes
	interrupted bool
	moved       bool // items came or went meanwhile
	malformed   error
}

// read sends a request that has a dump for its reply, within an exchange, and takes what it holds, each key once.
//
// If the kernel flags the dump as interrupted, something may be missing, and read takes the dump again. But IPVS dumps
// carry no such flag, and resume by index: a service that is deleted during the dump makes the kernel skip another one. So
// read takes a dump of more than one datagram, within which nothing changes, until it brings nothing new, unless it is
// known that nothing came or went.
//
// Even then the kernel may have moved all services to a table of another size, in another order (Linux 7). The dump then
// holds one of them twice for each that is missing.
func (d *dumpReader[T, K]) read(c *Client, r request) error {
	d.items, d.seen = d.items[:0], nil
	for range dumpAttempts {
		before := len(d.items)
		d.uses.start()
		d.size, d.interrupted, d.moved, d.malformed = 0, false, false, nil
		if err := c.ask(r, netlink.Dump, d.take); err != nil {
			return err
		}
		if d.malformed != nil {
			return d.malformed
		}
		whole := d.size <= oneDatagram || d.seen != nil && len(d.items) == before
		if d.seen == nil && (d.interrupted || !whole) {
			atRest := !d.moved && !d.uses.movedAtAll()
			whole = !d.forgetRepeated() && atRest
		}
		if whole && !d.interrupted {
			return nil
		}
	}
	if d.interrupted {
		return ErrInterrupted
	}
	return nil // there is always something new, but nothing that stayed is missing
}

// take takes one message of the dump.
func (d *dumpReader[T, K]) take(message []byte, flags netlink.HeaderFlags) {
	d.interrupted = d.interrupted || flags&dumpInterrupted != 0
	d.size += len(message)
	if d.malformed != nil {
		return
	}
	if len(d.items)%watchInterval == 0 {
		d.moved = d.moved || d.uses.moved()
	}
	var none T
	d.items = append(d.items, none)
	item := &d.items[len(d.items)-1]
	if d.malformed = d.decode(message, item); d.malformed != nil || d.seen != nil && !d.isNew(item) {
		d.items = d.items[:len(d.items)-1]
	}
}

// forgetRepeated keeps each item of the first dump once, and tells whether there was any more often. (For
// slices.DeleteFunc each would be copied to the heap.)
func (d *dumpReader[T, K]) forgetRepeated() bool {
	d.seen = make(map[K]struct{}, len(d.items))
	kept := d.items[:0]
	for i := range d.items {
		if d.isNew(&d.items[i]) {
			kept = append(kept, d.items[i])
		}
	}
	repeated := len(kept) < len(d.items)
	d.items = kept
	return repeated
}

// isNew tells whether an item was not seen, and makes it so.
func (d *dumpReader[T, K]) isNew(item *T) bool {
	before := len(d.seen)
	d.seen[d.key(item)] = struct{}{}
	return len(d.seen) > before
}
