package ipvs

import (
	"bufio"
	"bytes"
	"cmp"
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
// kernel does not know IPVS. A *LineError concerns one line; any other error is the last pair.
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
// any length. A malformed line is a *LineError, after which the listing goes on; any other error ends it.
func ReadConnections(r io.Reader) iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		parser := connectionParser{digits: newHexDigits(), names: make(names)}
		before, connection := new(Connection), new(Connection)
		for number := 1; ; number++ {
			line, err := readLine(lines)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Connection{}, fmt.Errorf("ipvs: read the connection table: %w", err))
				return
			}
			heading := number == 1 && bytes.HasPrefix(line, []byte("Pro "))
			if atEnd := err != nil && len(line) == 0; !atEnd && !heading {
				var malformed error
				if field := parser.parse(line, before, connection); field != "" {
					malformed = &LineError{Number: number, Line: string(shortened(line)), Field: field}
					*connection = asOriginal(line, before)
				}
				if !yield(*connection, malformed) {
					return
				}
				before, connection = connection, before
			}
			if err != nil {
				return
			}
		}
	}
}

// LineError is the error of a malformed line of the connection table. A persistence engine may remember a newline, which
// came in a packet and breaks the line of its connection. The connection beside the error is what the original prints for
// the line, without control characters; its Protocol is empty for a line of which the original prints nothing.
type LineError struct {
	Number int    // of the line
	Line   string // its first 200 bytes, whatever they are
	Field  string // the first malformed field, such as "client"
}

// Error returns an error that quotes the line.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d of the connection table has no valid %s: %q", e.Number, e.Field, e.Line)
}

// readLine returns the next line without its end, and with it io.EOF if it has none. The next call overwrites it.
func readLine(lines *bufio.Reader) ([]byte, error) {
	line, err := lines.ReadSlice('\n')
	if err == nil {
		return line[:len(line)-1], nil
	}
	var long []byte
	for errors.Is(err, bufio.ErrBufferFull) {
		long = append(long, line...)
		line, err = lines.ReadSlice('\n')
	}
	return bytes.TrimSuffix(append(long, line...), []byte{'\n'}), err
}

// shortened returns as much of a line as an error message quotes.
func shortened(line []byte) []byte {
	return line[:min(len(line), 200)]
}

// connectionParser reads lines, and keeps one copy of each name in them.
type connectionParser struct {
	digits *hexDigits
	names  names
}

// parse reads a line, and returns the first malformed field, empty if there is none. The names in it are most often those
// of the line before:
//
//	TCP 0A010002 DC56 0A010001 0050 0A010001 0050 ESTABLISHED     899 sip call@example
func (p *connectionParser) parse(line []byte, before, c *Connection) (malformed string) {
	l := cursor{line: line}
	c.Protocol = p.word(&l, "protocol", before.Protocol)
	c.Client = p.endpoint(&l, "client")
	c.Virtual = p.endpoint(&l, "service")
	c.Destination = p.endpoint(&l, "server")
	c.State = p.word(&l, "state", before.State)
	c.Expires = l.seconds("time")
	c.Engine, c.EngineData = "", ""
	if l.at < len(line) {
		c.Engine = p.word(&l, "engine", "")
	}
	if l.at < len(line) {
		c.EngineData = string(line[l.at+1:]) // behind one space, spaces and all
	}
	return l.malformed
}

// cursor reads the fields of a line from left to right, and keeps the name of the first malformed one.
type cursor struct {
	line      []byte
	at        int
	malformed string
}

func (l *cursor) fail(field string) { l.malformed = cmp.Or(l.malformed, field) }

func (l *cursor) skipSpaces() {
	for l.at < len(l.line) && l.line[l.at] == ' ' {
		l.at++
	}
}

// word reads a word of printable characters.
func (p *connectionParser) word(l *cursor, field, before string) string {
	l.skipSpaces()
	rest := l.line[l.at:]
	if len(before) > 0 && len(rest) > len(before) && rest[len(before)] == ' ' && string(rest[:len(before)]) == before {
		l.at += len(before)
		return before
	}
	word, _, _ := bytes.Cut(rest, []byte{' '})
	l.at += len(word)
	if len(word) == 0 || bytes.ContainsFunc(word, unprintable) {
		l.fail(field)
		return ""
	}
	return p.names.intern(word)
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// endpoint reads an address and a port, with a space behind each. The address is eight hexadecimal digits, or eight groups
// of four with colons between them.
func (p *connectionParser) endpoint(l *cursor, field string) netip.AddrPort {
	const short, long, port = len("0A010002"), len("2001:0db8:0000:0000:0000:0000:0000:0001"), len(" 0050")
	l.skipSpaces()
	rest := l.line[l.at:]
	switch {
	case len(rest) > short+port && rest[short] == ' ' && rest[short+port] == ' ':
		high, low, number := p.digits.four(rest), p.digits.four(rest[4:]), p.digits.four(rest[short+1:])
		if high|low|number < 0 {
			l.fail(field)
		}
		l.at += short + port
		var octets [net.IPv4len]byte
		binary.BigEndian.PutUint32(octets[:], uint32(high<<16|low))
		return netip.AddrPortFrom(netip.AddrFrom4(octets), uint16(number))
	case len(rest) > long+port && rest[long] == ' ' && rest[long+port] == ' ':
		number := p.digits.four(rest[long+1:])
		wrong := number
		var octets [net.IPv6len]byte
		for i := range len(octets) / 2 {
			group := rest[i*len("2001:"):]
			pair := p.digits.four(group)
			wrong |= pair
			if group[4] != ':' && i < 7 {
				wrong = -1
			}
			binary.BigEndian.PutUint16(octets[2*i:], uint16(pair))
		}
		if wrong < 0 {
			l.fail(field)
		}
		l.at += long + port
		return netip.AddrPortFrom(netip.AddrFrom16(octets), uint16(number))
	default:
		l.fail(field)
		return netip.AddrPort{}
	}
}

// seconds reads a decimal number of 32 bits.
func (l *cursor) seconds(field string) time.Duration {
	l.skipSpaces()
	begin, seconds := l.at, uint64(0)
	for l.at < len(l.line) && l.line[l.at] != ' ' {
		digit := l.line[l.at] - '0'
		if digit > 9 {
			l.fail(field)
		}
		seconds = seconds*10 + uint64(digit)
		l.at++
	}
	if length := l.at - begin; length == 0 || length > len("4294967295") || seconds > math.MaxUint32 {
		l.fail(field)
	}
	return time.Duration(seconds) * time.Second
}

// hexDigits holds the values of the hexadecimal digits, and of every other byte a number less than zero.
type hexDigits [256]int64

func newHexDigits() *hexDigits {
	values := new(hexDigits)
	for char := range values {
		values[char] = -1
	}
	for value := range int64(16) {
		values["0123456789abcdef"[value]], values["0123456789ABCDEF"[value]] = value, value
	}
	return values
}

// four returns the number of the first four digits. It is less than zero if one of them is no digit.
func (values *hexDigits) four(digits []byte) int64 {
	d := (*[4]byte)(digits)
	return ((values[d[0]]<<4|values[d[1]])<<4|values[d[2]])<<4 | values[d[3]]
}
