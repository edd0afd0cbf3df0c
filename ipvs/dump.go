package ipvs

import (
	"cmp"
	"context"
	"slices"

	"github.com/mdlayher/netlink"
)

const (
	// dumpInterrupted is NLM_F_DUMP_INTR: the table changed during the dump.
	dumpInterrupted = 0x10

	// dumpAttempts is how often a dump of a table that keeps changing is taken.
	dumpAttempts = 8

	// oneDatagram is how many bytes of attributes a datagram holds at least: NLMSG_GOODSIZE where pages are smallest,
	// less the headers of a dozen messages. A dozen services do not fit.
	oneDatagram = 3400

	// watchInterval is the number of messages between two looks at the use count. A datagram holds more services.
	watchInterval = 8
)

// dumpReader reads the items of a dump, each key once.
type dumpReader[T any, K comparable] struct {
	decode func([]byte, *T) error
	key    func(T) K
	uses   *useCount // changes if items come or go; nil if nothing counts them

	// confirm reports whether the kernel has no items but the known ones, and whether it is sure. It may be nil.
	confirm func(known map[K]bool) (all, sure bool)

	items       []T
	seen        map[K]bool // nil during the first dump
	size        int        // bytes of attributes in this dump, or in the one before
	interrupted bool
	moved       bool // items came or went during this dump
	malformed   error
}

// list sends a request whose reply is a dump, and returns the items of the dump in the reader's memory.
//
// If the kernel flags the dump as interrupted, items may be missing, and list takes the dump again. But IPVS dumps carry
// no such flag. They resume by index: a service that is deleted during the dump makes the kernel skip another one. Nothing
// changes within a datagram. So list takes a dump of several datagrams again until it brings nothing new, unless the use
// count shows that nothing came or went, or confirm that nothing is missing. A listing of servers that come and go eight at a
// time needs confirm: several dumps in a row may lack the same server.
//
// Linux 7 may also move all services to a table of another size, in another order. The dump then holds one service
// twice for each one that is missing.
func list[T any, K comparable](ctx context.Context, c *Client, r request, d *dumpReader[T, K]) ([]T, error) {
	d.items, d.seen = d.items[:0], nil
	for range dumpAttempts {
		complete, err := d.read(ctx, c, r)
		if err != nil {
			return nil, r.wrap(err)
		}
		if complete {
			return d.items, nil
		}
	}
	if d.interrupted {
		return nil, r.wrap(ErrInterrupted)
	}
	return d.items, nil // each dump brought something new, but nothing that stayed is missing
}

// read takes one dump, and reports whether no item is missing. Neighbours have about as many servers, so the size of the last
// dump decides which datagrams the next one gets.
func (d *dumpReader[T, K]) read(ctx context.Context, c *Client, r request) (complete bool, err error) {
	before := len(d.items)
	size := small
	if d.size > oneDatagram {
		size = large
	}
	parts := 0
	err = c.exchange(ctx, size, func() error {
		d.uses.start()
		d.size, d.interrupted, d.moved, d.malformed = 0, false, false, nil
		err := c.ask(r, netlink.Dump, func(message []byte, flags netlink.HeaderFlags) {
			d.take(message, flags)
			if d.size > oneDatagram {
				c.grow()
			}
		})
		parts = c.conn.Parts()
		return cmp.Or(err, d.malformed)
	})
	if err != nil {
		return false, err
	}
	if inOne := parts == 1 || d.size <= oneDatagram; inOne && !d.interrupted {
		return true, nil
	}
	if d.seen == nil {
		unchanged := !d.moved && !d.uses.movedAtAll()
		complete = !d.removeRepeated() && unchanged
	} else {
		complete = len(d.items) == before
	}
	if d.confirm != nil {
		if all, sure := d.confirm(d.seen); sure {
			complete = all
		}
	}
	return complete && !d.interrupted, nil
}

// take takes one message of a dump.
func (d *dumpReader[T, K]) take(message []byte, flags netlink.HeaderFlags) {
	d.interrupted = d.interrupted || flags&dumpInterrupted != 0
	d.size += len(message)
	if d.malformed != nil {
		return
	}
	if len(d.items)%watchInterval == 0 {
		d.moved = d.moved || d.uses.moved()
	}
	var empty T
	d.items = append(d.items, empty)
	item := &d.items[len(d.items)-1]
	if d.malformed = d.decode(message, item); d.malformed != nil || d.seen != nil && !d.isNew(*item) {
		d.items = d.items[:len(d.items)-1]
	}
}

// removeRepeated keeps each item of the first dump once, and reports whether one was repeated.
func (d *dumpReader[T, K]) removeRepeated() bool {
	d.seen = make(map[K]bool, len(d.items))
	before := len(d.items)
	d.items = slices.DeleteFunc(d.items, func(item T) bool { return !d.isNew(item) })
	return len(d.items) < before
}

// isNew reports whether an item was not seen before, and marks it as seen.
func (d *dumpReader[T, K]) isNew(item T) bool {
	before := len(d.seen)
	d.seen[d.key(item)] = true
	return len(d.seen) > before
}
