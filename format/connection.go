package format

import (
	"context"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Connections is a listing of the connection table. The zero value is that of -Lnc.
type Connections struct {
	EngineData bool            // what the persistence engine remembers too: --persistent-conn
	Names      *names.Resolver // nil for numbers
}

// Write writes the headings and the connections as they come. It returns the first error of the connections or of the
// writer; if the connections begin with an error nothing is written.
func (c *Connections) Write(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	b := c.appendHeading(nil)
	err := inChunks(ctx, c.Names, connections, func(chunk []ipvs.Connection) error {
		for i := range chunk {
			b = c.appendConnection(b, &chunk[i])
		}
		_, err := w.Write(b)
		b = b[:0]
		return err
	})
	if err == nil && len(b) > 0 { // there are none
		_, err = w.Write(b)
	}
	return err
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
	b = appendPadded(b, connection.Protocol, 3)
	b = append(b, ' ')
	start := len(b)
	b = appendMinutes(b, uint64(connection.Expires/time.Second))
	b = appendPadding(b, start, 6)
	b = append(b, ' ')
	b = appendPadded(b, connection.State, 11)
	b = append(b, ' ')
	start = len(b)
	b = appendEndpoint(b, c.Names, connection.Client, protocol)
	b = appendPadding(b, start, 18)
	b = append(b, ' ')
	start = len(b)
	b = appendEndpoint(b, c.Names, connection.Virtual, protocol)
	b = appendPadding(b, start, 18)
	b = append(b, ' ')
	start = len(b)
	b = appendEndpoint(b, c.Names, connection.Destination, protocol)
	if c.EngineData && connection.Engine != "" && connection.EngineData != "" {
		b = appendPadding(b, start, 16)
		b = append(b, ' ')
		b = appendPadded(b, connection.Engine, 18)
		b = append(b, ' ')
		b = appendEngineData(b, connection.EngineData)
	}
	return append(b, '\n')
}

// appendMinutes writes minutes and seconds, two digits or more and two.
func appendMinutes(b []byte, seconds uint64) []byte {
	if seconds < 600 {
		b = append(b, '0')
	}
	b = strconv.AppendUint(b, seconds/60, 10)
	return append(b, ':', byte('0'+seconds%60/10), byte('0'+seconds%10))
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
