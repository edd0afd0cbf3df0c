package format

import (
	"net/netip"
	"strconv"

	"ipvsadm/names"
)

// row is one line or more of a classic table. It pads columns itself, because package fmt would take 20 to 65 % of the
// time of a listing.
type row struct {
	text  []byte
	start int // of the current column
}

// begin begins a column, which end pads.
func (r *row) begin() { r.start = len(r.text) }

// end pads the current column with spaces to a width.
func (r *row) end(width int) {
	length := max(len(r.text), r.start+width)
	for len(r.text) < length {
		r.text = append(r.text, "                "...)
	}
	r.text = r.text[:length]
}

func (r *row) add(text string) { r.text = append(r.text, text...) }

func (r *row) number(n uint64) { r.text = strconv.AppendUint(r.text, n, 10) }

// left adds a space, and a number at the beginning of a column.
func (r *row) left(n uint32, width int) {
	r.add(" ")
	r.begin()
	r.number(uint64(n))
	r.end(width)
}

// right adds a number at the end of a column.
func (r *row) right(n uint64, width int) {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], n, 10)
	r.begin()
	r.end(width - len(text))
	r.text = append(r.text, text...)
}

// maxEndpoint is the length in bytes at which the original cuts an address and port.
const maxEndpoint = 59

// endpoint adds an address and port, or their names. The protocol is that of the port's name, empty for none.
func (r *row) endpoint(resolver *names.Resolver, endpoint netip.AddrPort, protocol string) {
	start := len(r.text)
	r.text = resolver.AppendEndpoint(r.text, endpoint, protocol)
	r.cut(start, maxEndpoint)
}

// cut shortens what was added since start to a length.
func (r *row) cut(start, length int) { r.text = r.text[:min(len(r.text), start+length)] }
