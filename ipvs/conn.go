package ipvs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
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
				connection, ok := parseConnection(line, names)
				if !ok {
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
func parseConnection(line []byte, names names) (c Connection, ok bool) {
	protocol, line := field(line)
	client, line, okClient := endpoint(line)
	virtual, line, okVirtual := endpoint(line)
	destination, line, okDestination := endpoint(line)
	state, line := field(line)
	seconds, line := field(line)
	expires, okExpires := decimal(seconds)
	if len(protocol) == 0 || !okClient || !okVirtual || !okDestination || len(state) == 0 || !okExpires {
		return Connection{}, false
	}
	c = Connection{
		Protocol:    names.intern(protocol),
		Client:      client,
		Virtual:     virtual,
		Destination: destination,
		State:       names.intern(state),
		Expires:     time.Duration(expires) * time.Second,
	}
	if engine, rest := field(line); len(engine) > 0 {
		c.Engine = names.intern(engine)
		// One space, and the data as they are, spaces and all.
		if len(rest) > 0 {
			c.EngineData = string(rest[1:])
		}
	}
	return c, true
}

// field cuts off the first word of a line, and the spaces before it.
func field(line []byte) (word, rest []byte) {
	for len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	if end := bytes.IndexByte(line, ' '); end >= 0 {
		return line[:end], line[end:]
	}
	return line, nil
}

// endpoint cuts off an address and a port.
func endpoint(line []byte) (e netip.AddrPort, rest []byte, ok bool) {
	host, line := field(line)
	digits, line := field(line)
	address, okAddress := hexAddress(host)
	port, okPort := hexNumber(digits)
	if !okAddress || !okPort || len(digits) != 4 {
		return netip.AddrPort{}, nil, false
	}
	return netip.AddrPortFrom(address, uint16(port)), line, true
}

// hexAddress reads an address as the kernel writes it: 0A010002, or eight groups of four digits with colons between.
func hexAddress(b []byte) (netip.Addr, bool) {
	switch len(b) {
	case 8:
		n, ok := hexNumber(b)
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), ok
	case 39:
		var address [16]byte
		for group := range 8 {
			start := group * 5
			if group > 0 && b[start-1] != ':' {
				return netip.Addr{}, false
			}
			n, ok := hexNumber(b[start : start+4])
			if !ok {
				return netip.Addr{}, false
			}
			address[group*2], address[group*2+1] = byte(n>>8), byte(n)
		}
		return netip.AddrFrom16(address), true
	default:
		return netip.Addr{}, false
	}
}

// hexNumber reads up to eight hexadecimal digits.
func hexNumber(b []byte) (n uint32, ok bool) {
	for _, digit := range b {
		switch {
		case '0' <= digit && digit <= '9':
			digit -= '0'
		case 'A' <= digit && digit <= 'F':
			digit -= 'A' - 10
		case 'a' <= digit && digit <= 'f':
			digit -= 'a' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint32(digit)
	}
	return n, true
}

// decimal reads a decimal number of 32 bits.
func decimal(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	for _, digit := range b {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + uint64(digit-'0')
	}
	return n, n <= 1<<32-1
}
