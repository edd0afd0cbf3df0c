package ipvs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net"
	"net/netip"
	"os"
	"time"
)

// Connection is one entry of the kernel's connection table, a line of /proc/net/ip_vs_conn
// (ip_vs_conn_seq_show, net/netfilter/ipvs/ip_vs_conn.c).
type Connection struct {
	Protocol    string // the kernel's name for it, such as "TCP"; "IP" for a template that is of no protocol
	Client      netip.AddrPort
	Virtual     netip.AddrPort // for a firewall mark's template the address is the mark
	Destination netip.AddrPort // its family need not be that of the other two, if the server is tunnelled
	State       string         // the protocol's state, such as "ESTABLISHED"
	Expires     time.Duration  // how long the entry is kept without traffic, in whole seconds
	Engine      string         // persistence engine, empty for none
	EngineData  string         // what the engine remembers, such as a SIP Call-ID; any bytes
}

// connectionTable is the table of the calling thread's network namespace, the one that Dial speaks to. (/proc/net is
// that of the process's first thread.)
const connectionTable = "/proc/thread-self/net/ip_vs_conn"

// Connections lists the kernel's connection table, in the kernel's order, that of the network namespace of the
// calling thread. It holds one line in memory at a time. errors.Is(err, fs.ErrNotExist) holds for the error if the
// kernel does not know IPVS. The last pair holds the error, if any.
func Connections() iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		file, err := os.Open(connectionTable)
		if err != nil {
			yield(Connection{}, fmt.Errorf("ipvs: %w", err))
			return
		}
		defer file.Close()
		ReadConnections(file)(yield)
	}
}

// ReadConnections lists a connection table in the kernel's text form, as /proc/net/ip_vs_conn gives it. Lines may be of
// any length. A line that is none of the kernel's is an error that quotes it, and ends the listing.
func ReadConnections(r io.Reader) iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		names := make(names)
		var connection Connection
		var long []byte // the beginning of a line that is longer than the reader's buffer
		for number := 1; ; number++ {
			line, err := lines.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				long = long[:0]
				for errors.Is(err, bufio.ErrBufferFull) {
					long = append(long, line...)
					line, err = lines.ReadSlice('\n')
				}
				long = append(long, line...)
				line = long
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Connection{}, fmt.Errorf("ipvs: read the connection table: %w", err))
				return
			}
			line = bytes.TrimSuffix(line, []byte{'\n'})
			if len(line) > 0 && !(number == 1 && bytes.HasPrefix(line, []byte("Pro "))) {
				if !parseConnection(line, names, &connection) {
					yield(Connection{}, fmt.Errorf("ipvs: line %d of the connection table is malformed: %q", number, shortened(line)))
					return
				}
				if !yield(connection, nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// shortened returns as much of a line as an error message should quote.
func shortened(line []byte) []byte {
	return line[:min(len(line), 200)]
}

// parseConnection reads a line:
//
//	TCP 0A010002 DC56 0A010001 0050 0A010001 0050 ESTABLISHED     899 sip call@example
func parseConnection(line []byte, names names, c *Connection) bool {
	fields := connectionFields{line: line}
	protocol := fields.word()
	c.Client = fields.endpoint()
	c.Virtual = fields.endpoint()
	c.Destination = fields.endpoint()
	state := fields.word()
	c.Expires = fields.seconds()
	if fields.malformed || len(protocol) == 0 || len(state) == 0 {
		return false
	}
	// Most are as in the line before.
	if c.Protocol != string(protocol) {
		c.Protocol = names.intern(protocol)
	}
	if c.State != string(state) {
		c.State = names.intern(state)
	}
	c.Engine, c.EngineData = names.intern(fields.word()), ""
	if c.Engine != "" && fields.at < len(line) {
		c.EngineData = string(line[fields.at+1:]) // behind one space, as they are, spaces and all
	}
	return true
}

// connectionFields reads the fields of a line from left to right.
type connectionFields struct {
	line      []byte
	at        int
	malformed bool
}

// spaces passes over spaces, and returns where the next field begins.
func (f *connectionFields) spaces() int {
	line, at := f.line, f.at
	for at < len(line) && line[at] == ' ' {
		at++
	}
	return at
}

// word returns the next word, and none at the end of the line.
func (f *connectionFields) word() []byte {
	line, begin := f.line, f.spaces()
	end := begin
	for end < len(line) && line[end] != ' ' {
		end++
	}
	f.at = end
	return line[begin:end]
}

// endpoint returns an address, 0A010002 or eight groups of four digits with colons between, and a port.
func (f *connectionFields) endpoint() netip.AddrPort {
	const short, long, group = len("0A010002"), len("2001:0db8:0000:0000:0000:0000:0000:0001"), len("2001")
	var address netip.Addr
	switch begin := f.spaces(); {
	case f.end(begin + short):
		var octets [net.IPv4len]byte
		binary.BigEndian.PutUint32(octets[:], f.hex(binary.BigEndian.Uint64(f.line[begin:])))
		address = netip.AddrFrom4(octets)
	case f.end(begin + long):
		var octets [net.IPv6len]byte
		for i := 0; i < len(octets); i += 2 {
			binary.BigEndian.PutUint16(octets[i:], f.group(f.line[begin:]))
			begin += group
			f.malformed = f.malformed || begin < f.at && f.line[begin] != ':'
			begin++
		}
		address = netip.AddrFrom16(octets)
	default:
		f.malformed = true
		return netip.AddrPort{}
	}
	begin := f.spaces()
	if !f.end(begin + group) {
		f.malformed = true
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address, f.group(f.line[begin:]))
}

// end tells whether a field ends at a place, and goes there if so.
func (f *connectionFields) end(at int) bool {
	if at > len(f.line) || at < len(f.line) && f.line[at] != ' ' {
		return false
	}
	f.at = at
	return true
}

// group returns the number of the first four digits, which there are.
func (f *connectionFields) group(digits []byte) uint16 {
	return uint16(f.hex('0'*(ones>>32<<32) | uint64(binary.BigEndian.Uint32(digits))))
}

const ones = 0x0101010101010101 // a one in each byte

// hex returns the number of eight hexadecimal digits, the first of them the highest byte. All are turned at once, as
// there are forty in a line: a letter's bit 6 is set, and its low four are its value less nine.
func (f *connectionFields) hex(digits uint64) uint32 {
	letters := digits >> 6 & ones
	values := digits&(0x0f*ones) + 9*letters
	if tens := (values + 6*ones) >> 4 & ones; tens != letters || values&(0xf0*ones) != 0 ||
		digits&^(0x20*letters) != values+'0'*ones+('A'-'0'-10)*letters {
		f.malformed = true
	}
	values = (values | values>>4) & 0x00ff00ff00ff00ff
	values = (values | values>>8) & 0x0000ffff0000ffff
	return uint32(values | values>>16)
}

// seconds returns a decimal number of 32 bits.
func (f *connectionFields) seconds() time.Duration {
	digits := f.word()
	if len(digits) == 0 || len(digits) > 10 {
		f.malformed = true
		return 0
	}
	var n uint64
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			f.malformed = true
		}
		n = n*10 + uint64(digit-'0')
	}
	if n > math.MaxUint32 {
		f.malformed = true
	}
	return time.Duration(n) * time.Second
}
