package format

import (
	"net/netip"
	"strconv"

	"ipvsadm/names"
)

// row appends the columns of a row to text, which may hold rows before it. It pads columns itself, because package fmt
// would take 20 to 65 % of the time of a listing.
type row struct {
	text  []byte
	start int // index in text of the current column
}

// begin starts a column, which end pads.
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

// left appends a space and a number, padded on the right.
func (r *row) left(n uint32, width int) {
	r.add(" ")
	r.begin()
	r.number(uint64(n))
	r.end(width)
}

// right appends a number without a space before it, padded on the left.
func (r *row) right(n uint64, width int) {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], n, 10)
	r.begin()
	r.end(width - len(text))
	r.text = append(r.text, text...)
}

// maxEndpoint is how many bytes of an address and port the original prints.
const maxEndpoint = 59

// endpoint appends an address and port, or their names. An empty protocol prints the port as a number.
func (r *row) endpoint(resolver *names.Resolver, endpoint netip.AddrPort, protocol string) {
	start := len(r.text)
	r.text = resolver.AppendEndpoint(r.text, endpoint, protocol)
	r.cut(start, maxEndpoint)
}

// cut shortens the text that follows start to a length.
func (r *row) cut(start, length int) { r.text = r.text[:min(len(r.text), start+length)] }
