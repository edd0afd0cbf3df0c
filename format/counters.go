package format

import (
	"strconv"

	"ipvsadm/ipvs"
)

func (t *Table) appendTotals(b []byte, c ipvs.Counters) []byte {
	b = t.appendCounter(b, c.Connections)
	b = t.appendCounter(b, c.IncomingPackets)
	b = t.appendCounter(b, c.OutgoingPackets)
	b = t.appendCounter(b, c.IncomingBytes)
	return t.appendCounter(b, c.OutgoingBytes)
}

// appendDestinationRates writes a real server's rates, of which the original never abbreviates the first three.
func (t *Table) appendDestinationRates(b []byte, c ipvs.Counters) []byte {
	b = appendWhole(b, c.Connections)
	b = appendWhole(b, c.IncomingPackets)
	b = appendWhole(b, c.OutgoingPackets)
	b = t.appendCounter(b, c.IncomingBytes)
	return t.appendCounter(b, c.OutgoingBytes)
}

// appendCounter writes a counter at the end of nine characters. One of more than eight digits is divided by a power of
// a thousand and marked with its letter, unless it is to be exact; only then can it take more than nine characters.
func (t *Table) appendCounter(b []byte, n uint64) []byte {
	switch {
	case t.Exact || n < 1e8:
		return appendWhole(b, n)
	case n < 1e9:
		return appendThousands(b, n/1e3, 'K')
	case n < 1e11:
		return appendThousands(b, n/1e6, 'M')
	case n < 1e14:
		return appendThousands(b, n/1e9, 'G')
	default:
		return appendThousands(b, n/1e12, 'T')
	}
}

func appendThousands(b []byte, n uint64, unit byte) []byte {
	b = appendRight(b, n, 8)
	return append(b, unit)
}

// appendWhole writes a space, and a number at the end of eight characters or as many as it takes.
func appendWhole(b []byte, n uint64) []byte {
	b = append(b, ' ')
	return appendRight(b, n, 8)
}

func appendRight(b []byte, n uint64, width int) []byte {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], n, 10)
	for range width - len(text) {
		b = append(b, ' ')
	}
	return append(b, text...)
}

// appendPadded writes a word at the beginning of as many characters as the width.
func appendPadded(b []byte, word string, width int) []byte {
	start := len(b)
	return appendPadding(append(b, word...), start, width)
}

// appendPadding fills what was written since start up to a width.
func appendPadding(b []byte, start, width int) []byte {
	return appendSpaces(b, max(len(b), start+width))
}

// appendSpaces writes spaces up to a length that is no less than there is. (As many as a register holds are written at
// once, and those that were too many are cut off.)
func appendSpaces(b []byte, length int) []byte {
	for len(b) < length {
		b = append(b, "                "...)
	}
	return b[:length]
}
