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
	"slices"
	"time"
)

// Connection is one entry of the kernel's connection table: a line of /proc/net/ip_vs_conn (ip_vs_conn_seq_show,
// net/netfilter/ipvs/ip_vs_conn.c).
type Connection struct {
	Protocol    string // the kernel's name for it, such as "TCP"; "IP" for a template without a protocol
	Client      netip.AddrPort
	Virtual     netip.AddrPort // for a firewall mark's template the address is the mark
	Destination netip.AddrPort // a tunnelled server may have another family than the other two
	State       string         // the protocol's state, such as "ESTABLISHED"
	Expires     time.Duration  // how long the kernel keeps the entry without traffic, in whole seconds
	Engine      string         // persistence engine, empty for none
	EngineData  string         // the engine's data, such as a SIP Call-ID; any bytes
}

// connectionTable is the table of the calling thread's network namespace, to which Dial connects. /proc/net is that of
// the process's first thread.
const connectionTable = "/proc/thread-self/net/ip_vs_conn"

// Connections lists the connection table of the calling thread's network namespace, in the kernel's order. It keeps one
// line in memory at a time. errors.Is(err, fs.ErrNotExist) holds if the kernel does not know IPVS. A *LineError concerns
// one line; any other error is the last pair.
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

// ReadConnections lists a connection table in the text form of /proc/net/ip_vs_conn. Lines may have any length. The error
// of a malformed line is a *LineError, after which the listing continues; any other error ends it.
func ReadConnections(r io.Reader) iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		parser := connectionParser{digits: newHexDigits(), words: make(map[string]string)}
		before, connection := new(Connection), new(Connection)
		for number := 1; ; number++ {
			line, err := readLine(lines)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Connection{}, fmt.Errorf("ipvs: read the connection table: %w", err))
				return
			}
			if err != nil && len(line) == 0 {
				return
			}
			if number == 1 && bytes.HasPrefix(line, []byte("Pro ")) {
				continue // the heading
			}
			var malformed error
			if field := parser.parse(line, before, connection); field != "" {
				malformed = &LineError{Number: number, Line: string(line[:min(len(line), 200)]), Field: field}
				*connection = asOriginal(string(line), *before)
			}
			if !yield(*connection, malformed) {
				return
			}
			before, connection = connection, before
		}
	}
}

// readLine returns the next line without its newline, or with io.EOF if it has none. The next call overwrites the line.
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

// LineError is the error of a malformed line of the connection table. The data of a persistence engine comes from packets:
// a newline in it breaks the line. The connection beside the error is what the original prints for the line, without
// control characters. Its Protocol is empty if the original prints nothing.
type LineError struct {
	Number int    // of the line
	Line   string // its first 200 bytes
	Field  string // the first malformed field, such as "client"
}

// Error returns an error that quotes the line.
func (e *LineError) Error() string {
	return fmt.Sprintf("line %d of the connection table has no valid %s: %q", e.Number, e.Field, e.Line)
}

// connectionParser parses lines. It keeps one copy of each word, and compares a word with that of the line before first:
// both together save 5 % of -Lnc.
type connectionParser struct {
	digits *hexDigits
	words  map[string]string
}

// mostWords limits the memory that malformed lines can take.
const mostWords = 128

// parse parses a line, and returns the first malformed field. It is empty for a good line:
//
//	TCP 0A010002 DC56 0A010001 0050 0A010001 0050 ESTABLISHED     899 sip call@example
func (p *connectionParser) parse(line []byte, before, c *Connection) (malformed string) {
	l := cursor{line: line, digits: p.digits}
	c.Protocol = p.word(&l, "protocol", before.Protocol)
	c.Client = l.endpoint("client")
	c.Virtual = l.endpoint("service")
	c.Destination = l.endpoint("server")
	c.State = p.word(&l, "state", before.State)
	c.Expires = l.seconds("time")
	c.Engine, c.EngineData = "", ""
	if l.at < len(line) {
		c.Engine = p.word(&l, "engine", "")
	}
	if l.at < len(line) {
		c.EngineData = string(line[l.at+1:]) // after one space, with all its own spaces
	}
	return l.malformed
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
	if len(word) == 0 || slices.ContainsFunc(word, unprintable) {
		l.fail(field)
		return ""
	}
	kept, ok := p.words[string(word)]
	if !ok {
		kept = string(word)
		if len(p.words) < mostWords {
			p.words[kept] = kept
		}
	}
	return kept
}

func unprintable(char byte) bool { return char <= ' ' || char > '~' }

// cursor reads the fields of a line from left to right, and keeps the name of the first malformed one.
type cursor struct {
	line      []byte
	at        int
	digits    *hexDigits
	malformed string
}

func (l *cursor) fail(field string) { l.malformed = cmp.Or(l.malformed, field) }

func (l *cursor) skipSpaces() {
	for l.at < len(l.line) && l.line[l.at] == ' ' {
		l.at++
	}
}

// endpoint reads an address and a port, each followed by a space. The address is eight hexadecimal digits, or eight groups
// of four with colons between them.
func (l *cursor) endpoint(field string) netip.AddrPort {
	const short, long, port = len("0A010002"), len("2001:0db8:0000:0000:0000:0000:0000:0001"), len(" 0050")
	l.skipSpaces()
	rest := l.line[l.at:]
	switch {
	case len(rest) > short+port && rest[short] == ' ' && rest[short+port] == ' ':
		high, low, number := l.digits.four(rest), l.digits.four(rest[4:]), l.digits.four(rest[short+1:])
		if high|low|number < 0 {
			l.fail(field)
		}
		l.at += short + port
		var octets [net.IPv4len]byte
		binary.BigEndian.PutUint32(octets[:], uint32(high<<16|low))
		return netip.AddrPortFrom(netip.AddrFrom4(octets), uint16(number))
	case len(rest) > long+port && rest[long] == ' ' && rest[long+port] == ' ':
		number := l.digits.four(rest[long+1:])
		if number < 0 {
			l.fail(field)
		}
		var octets [net.IPv6len]byte
		for i := range len(octets) / 2 {
			group := rest[i*len("2001:"):]
			pair := l.digits.four(group)
			if pair < 0 || group[4] != ':' && i < 7 {
				l.fail(field)
			}
			binary.BigEndian.PutUint16(octets[2*i:], uint16(pair))
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

// hexDigits holds the value of each hexadecimal digit, and a negative number for every other byte. It saves 10 % of -Lnc.
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

// four returns the number of the first four digits. It is negative if one of them is not a digit.
func (values *hexDigits) four(digits []byte) int64 {
	d := (*[4]byte)(digits)
	return ((values[d[0]]<<4|values[d[1]])<<4|values[d[2]])<<4 | values[d[3]]
}
