package ipvs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
	"unicode"
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
		names, digits := make(names), newHexDigits()
		var connection Connection
		for number := 1; ; number++ {
			line, err := readLine(lines)
			if err != nil && err != io.EOF {
				yield(Connection{}, fmt.Errorf("ipvs: read the connection table: %w", err))
				return
			}
			if len(line) > 0 && !(number == 1 && bytes.HasPrefix(line, []byte("Pro "))) {
				if !parseConnection(line, digits, names, &connection) {
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

// readLine returns the next line without its end, and with it io.EOF if it has none. The next call overwrites it.
func readLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	if err == nil {
		return line[:len(line)-1], nil
	}
	var long []byte
	for err == bufio.ErrBufferFull {
		long = append(long, line...)
		line, err = lines.ReadSlice('\n')
	}
	return bytes.TrimSuffix(append(long, line...), []byte{'\n'}), err
}

// shortened returns as much of a line as an error message should quote.
func shortened(line []byte) []byte {
	return line[:min(len(line), 200)]
}

// parseConnection reads a line:
//
//	TCP 0A010002 DC56 0A010001 0050 0A010001 0050 ESTABLISHED     899 sip call@example
func parseConnection(line []byte, digits *hexDigits, names names, c *Connection) bool {
	f := connectionFields{digits: digits, line: line}
	c.Protocol = f.name(c.Protocol, names)
	c.Client = f.endpoint()
	c.Virtual = f.endpoint()
	c.Destination = f.endpoint()
	c.State = f.name(c.State, names)
	c.Expires = f.seconds()
	if f.wrong < 0 || c.Protocol == "" || c.State == "" {
		return false
	}
	c.Engine, c.EngineData = "", ""
	if f.at < len(line) {
		c.Engine = f.name("", names)
		if f.at < len(line) {
			c.EngineData = string(line[f.at+1:]) // behind one space, as they are, spaces and all
		}
	}
	return true
}

// connectionFields reads the fields of a line from left to right.
type connectionFields struct {
	digits *hexDigits
	line   []byte
	at     int
	wrong  int64 // less than zero if a field is malformed
}

// rest passes over the spaces before a field, and returns what is left.
func (f *connectionFields) rest() []byte {
	line, at := f.line, f.at
	for at < len(line) && line[at] == ' ' {
		at++
	}
	f.at = at
	return line[at:]
}

// name returns the next word, which is likely that of the line before, and none at the end.
func (f *connectionFields) name(before string, names names) string {
	rest := f.rest()
	if len(rest) > len(before) && rest[len(before)] == ' ' && string(rest[:len(before)]) == before {
		f.at += len(before)
		return before
	}
	word, _, _ := bytes.Cut(rest, []byte{' '})
	f.at += len(word)
	return names.intern(word)
}

// endpoint returns an address, in eight digits or in eight groups of four with colons between, and a port.
func (f *connectionFields) endpoint() netip.AddrPort {
	const ipv4, ipv6 = len("0A010002 0050"), len("2001:0db8:0000:0000:0000:0000:0000:0001 0050")
	rest := f.rest()
	switch {
	case len(rest) > ipv4 && rest[ipv4-5] == ' ' && rest[ipv4] == ' ':
		f.at += ipv4 + 1
		high, low, port := f.digits.four(rest), f.digits.four(rest[4:]), f.digits.four(rest[9:])
		f.wrong |= high | low | port
		var octets [net.IPv4len]byte
		binary.BigEndian.PutUint32(octets[:], uint32(high<<16|low))
		return netip.AddrPortFrom(netip.AddrFrom4(octets), uint16(port))
	case len(rest) > ipv6 && rest[ipv6-5] == ' ' && rest[ipv6] == ' ':
		f.at += ipv6 + 1
		var octets [net.IPv6len]byte
		for i := 0; i < len(octets); i += 2 {
			group := f.digits.four(rest)
			binary.BigEndian.PutUint16(octets[i:], uint16(group))
			f.wrong |= group
			if i+2 < len(octets) && rest[4] != ':' {
				f.wrong = -1
			}
			rest = rest[5:]
		}
		port := f.digits.four(rest)
		f.wrong |= port
		return netip.AddrPortFrom(netip.AddrFrom16(octets), uint16(port))
	default:
		f.wrong = -1
		return netip.AddrPort{}
	}
}

// hexDigits holds the values of the hexadecimal digits, and of every other byte a number less than zero.
type hexDigits [256]int64

func newHexDigits() *hexDigits {
	values := new(hexDigits)
	for char := range values {
		values[char] = int64(strings.IndexByte("0123456789abcdef", byte(unicode.ToLower(rune(char)))))
	}
	return values
}

// four returns the number of the first four digits, which there are. It is less than zero if one is none.
func (values *hexDigits) four(digits []byte) int64 {
	d := (*[4]byte)(digits)
	return ((values[d[0]]<<4|values[d[1]])<<4|values[d[2]])<<4 | values[d[3]]
}

// seconds returns a decimal number of 32 bits.
func (f *connectionFields) seconds() time.Duration {
	rest := f.rest()
	seconds, length := uint64(0), 0
	for _, char := range rest {
		if char == ' ' {
			break
		}
		f.wrong |= '9' - int64(char) | int64(char) - '0'
		seconds = seconds*10 + uint64(char-'0')
		length++
	}
	f.at += length
	if length == 0 || length > len("4294967295") || seconds > math.MaxUint32 {
		f.wrong = -1
	}
	return time.Duration(seconds) * time.Second
}
