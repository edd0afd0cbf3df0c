package format

import (
	"context"
	"io"
	"iter"
	"net/netip"
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

// connectionChunk is how many connections are held at a time, their names to be looked up together.
const connectionChunk = 512

// Write writes the headings and the connections as they come. It returns the first error of the connections or of the
// writer; if the connections begin with an error nothing is written.
func (c *Connections) Write(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	chunk := make([]ipvs.Connection, 0, connectionChunk)
	b := c.appendHeading(nil)
	var failure error
	for connection, err := range connections {
		if err != nil {
			failure = err
			break
		}
		if len(chunk) == connectionChunk {
			if b, failure = c.writeChunk(ctx, w, b, chunk); failure != nil {
				return failure
			}
			chunk = chunk[:0]
		}
		chunk = append(chunk, connection)
	}
	if failure != nil && len(chunk) == 0 {
		return failure
	}
	if _, err := c.writeChunk(ctx, w, b, chunk); err != nil {
		return err
	}
	return failure
}

func (c *Connections) appendHeading(b []byte) []byte {
	b = append(b, "IPVS connection entries\n"+
		"pro expire state       source             virtual            destination"...)
	if c.EngineData {
		b = append(b, "        pe name          pe_data"...)
	}
	return append(b, '\n')
}

// writeChunk writes what is in b and a chunk of connections, and returns b empty.
func (c *Connections) writeChunk(ctx context.Context, w io.Writer, b []byte, chunk []ipvs.Connection) ([]byte, error) {
	if c.Names != nil {
		addresses := make([]netip.Addr, 0, 3*len(chunk))
		for i := range chunk {
			addresses = append(addresses, chunk[i].Client.Addr(), chunk[i].Virtual.Addr(), chunk[i].Destination.Addr())
		}
		c.Names.ResolveAddresses(ctx, addresses)
	}
	for i := range chunk {
		b = c.appendConnection(b, &chunk[i])
	}
	_, err := w.Write(b)
	return b[:0], err
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
