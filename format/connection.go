package format

import (
	"cmp"
	"context"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// enoughToWrite is how many bytes of lines are written at a time.
const enoughToWrite = 4 << 10

// Connections is a listing of the connection table. The zero value is that of -Lnc.
type Connections struct {
	EngineData bool            // what the persistence engine remembers too: --persistent-conn
	Names      *names.Resolver // nil for numbers
}

// Write writes the headings and the connections as they come. It returns the first error of the connections or of the
// writer; if the connections begin with an error nothing is written.
func (c *Connections) Write(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	b := c.appendHeading(nil)
	var failure error
	none := true
	for connection, err := range resolvedConnections(ctx, c.Names, connections) {
		if failure = err; failure != nil {
			break
		}
		none = false
		if b = c.appendConnection(b, &connection); len(b) < enoughToWrite {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	if failure != nil && none {
		return failure
	}
	_, err := w.Write(b)
	return cmp.Or(failure, err)
}

func (c *Connections) appendHeading(b []byte) []byte {
	b = append(b, "IPVS connection entries\n"+
		"pro expire state       source             virtual            destination"...)
	if c.EngineData {
		b = append(b, "        pe name          pe_data"...)
	}
	return append(b, '\n')
}

func (c *Connections) appendConnection(b []byte, connection *ipvs.Connection) []byte {
	protocol := connectionPortProtocol(connection.Protocol)
	start := len(b)
	b = endColumn(append(b, connection.Protocol...), start, 3)
	start = len(b)
	b = endColumn(appendMinutes(b, connection.Expires), start, 6)
	start = len(b)
	b = endColumn(append(b, connection.State...), start, 11)
	start = len(b)
	b = endColumn(appendEndpoint(b, c.Names, connection.Client, protocol), start, 18)
	start = len(b)
	b = endColumn(appendEndpoint(b, c.Names, connection.Virtual, protocol), start, 18)
	start = len(b)
	b = appendEndpoint(b, c.Names, connection.Destination, protocol)
	if c.EngineData && connection.Engine != "" && connection.EngineData != "" {
		b = endColumn(b, start, 16)
		start = len(b)
		b = endColumn(append(b, connection.Engine...), start, 18)
		b = appendEngineData(b, connection.EngineData)
	}
	return append(b, '\n')
}

// endColumn fills what was written since start up to a width, and writes the space before the next column.
func endColumn(b []byte, start, width int) []byte {
	return appendSpaces(b, max(len(b), start+width)+1)
}

// appendMinutes writes minutes and seconds, two digits or more and two.
func appendMinutes(b []byte, duration time.Duration) []byte {
	seconds := uint64(duration) / uint64(time.Second)
	minutes, rest := seconds/60, byte(seconds%60)
	if minutes < 100 {
		b = append(b, '0'+byte(minutes)/10, '0'+byte(minutes)%10)
	} else {
		b = strconv.AppendUint(b, minutes, 10)
	}
	return append(b, ':', '0'+rest/10, '0'+rest%10)
}

// appendEngineData writes data up to its first white space. It came with a packet, so that no byte of it may reach the
// terminal but those of text.
func appendEngineData(b []byte, data string) []byte {
	if end := strings.IndexAny(data, " \t\n\v\f\r"); end >= 0 {
		data = data[:end]
	}
	start := len(b)
	b = append(b, data...)
	for i := start; i < len(b); i++ {
		if b[i] <= ' ' || b[i] > '~' {
			b[i] = '?'
		}
	}
	return b
}

func connectionPortProtocol(protocol string) string {
	switch protocol {
	case "TCP":
		return "tcp"
	case "UDP":
		return "udp"
	case "SCTP":
		return "sctp"
	default:
		return ""
	}
}
