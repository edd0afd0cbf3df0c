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
		parser := connectionParser{digits: newHexDigits(), names: make(names)}
		var connection Connection
		for number := 1; ; number++ {
			line, err := readLine(lines)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Connection{}, fmt.Errorf("ipvs: read the connection table: %w", err))
				return
			}
			if len(line) > 0 && !(number == 1 && bytes.HasPrefix(line, []byte("Pro "))) {
				if !parser.parse(line, &connection) {
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
	for errors.Is(err, bufio.ErrBufferFull) {
		long = append(long, line...)
		line, err = lines.ReadSlice('\n')
	}
	return bytes.TrimSuffix(append(long, line...), []byte{'\n'}), err
}

// shortened returns as much of a line as an error message should quote.
func shortened(line []byte) []byte {
	return line[:min(len(line), 200)]
}

// connectionParser reads the fields of a line from left to right. What reads a field takes the place where it begins, or
// where spaces before it do, and returns the place behind it.
type connectionParser struct {
	digits *hexDigits
	names  names
	wrong  int64 // less than zero if a field is malformed: the digits of all are or-ed together
}

// parse reads a line into what holds the line before, as most names are the same:
//
//	TCP 0A010002 DC56 0A010001 0050 0A010001 0050 ESTABLISHED     899 sip call@example
func (p *connectionParser) parse(line []byte, c *Connection) bool {
	at := 0
	c.Protocol, at = p.name(line, at, c.Protocol)
	c.Client, at = p.endpoint(line, at)
	c.Virtual, at = p.endpoint(line, at)
	c.Destination, at = p.endpoint(line, at)
	c.State, at = p.name(line, at, c.State)
	c.Expires, at = p.seconds(line, at)
	if p.wrong < 0 || c.Protocol == "" || c.State == "" {
		return false
	}
	c.Engine, c.EngineData = "", ""
	if at < len(line) {
		c.Engine, at = p.name(line, at, "")
		if at < len(line) {
			c.EngineData = string(line[at+1:]) // behind one space, as they are, spaces and all
		}
	}
	return true
}

func skipSpaces(line []byte, at int) int {
	for at < len(line) && line[at] == ' ' {
		at++
	}
	return at
}

// name returns the next word, which is likely that of the line before, and none at the end.
func (p *connectionParser) name(line []byte, at int, before string) (string, int) {
	at = skipSpaces(line, at)
	if end := at + len(before); end < len(line) && line[end] == ' ' && string(line[at:end]) == before {
		return before, end
	}
	word, _, _ := bytes.Cut(line[at:], []byte{' '})
	return p.names.intern(word), at + len(word)
}

// endpoint returns an address, in eight digits or in eight groups of four with colons between, and a port, with a space
// behind each.
func (p *connectionParser) endpoint(line []byte, at int) (netip.AddrPort, int) {
	const short, long, port = len("0A010002"), len("2001:0db8:0000:0000:0000:0000:0000:0001"), len(" 0050")
	at = skipSpaces(line, at)
	rest := line[at:]
	switch {
	case len(rest) > short+port && rest[short] == ' ' && rest[short+port] == ' ':
		high, low, number := p.digits.four(rest), p.digits.four(rest[4:]), p.digits.four(rest[short+1:])
		p.wrong |= high | low | number
		var octets [net.IPv4len]byte
		binary.BigEndian.PutUint32(octets[:], uint32(high<<16|low))
		return netip.AddrPortFrom(netip.AddrFrom4(octets), uint16(number)), at + short + port
	case len(rest) > long+port && rest[long] == ' ' && rest[long+port] == ' ':
		number := p.digits.four(rest[long+1:])
		p.wrong |= number
		var octets [net.IPv6len]byte
		for i := range len(octets) / 2 {
			group := rest[i*len("2001:"):]
			pair := p.digits.four(group)
			p.wrong |= pair
			if group[4] != ':' && i < 7 {
				p.wrong = -1
			}
			binary.BigEndian.PutUint16(octets[2*i:], uint16(pair))
		}
		return netip.AddrPortFrom(netip.AddrFrom16(octets), uint16(number)), at + long + port
	default:
		p.wrong = -1
		return netip.AddrPort{}, at
	}
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

// four returns the number of the first four digits, which there are. It is less than zero if one is none.
func (values *hexDigits) four(digits []byte) int64 {
	d := (*[4]byte)(digits)
	return ((values[d[0]]<<4|values[d[1]])<<4|values[d[2]])<<4 | values[d[3]]
}

// seconds returns a decimal number of 32 bits.
func (p *connectionParser) seconds(line []byte, at int) (time.Duration, int) {
	begin := skipSpaces(line, at)
	seconds, end := uint64(0), begin
	for end < len(line) && line[end] != ' ' {
		digit := line[end] - '0'
		if digit > 9 {
			p.wrong = -1
		}
		seconds = seconds*10 + uint64(digit)
		end++
	}
	if length := end - begin; length == 0 || length > len("4294967295") || seconds > math.MaxUint32 {
		p.wrong = -1
	}
	return time.Duration(seconds) * time.Second, end
}
