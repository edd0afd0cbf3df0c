package format

import (
	"cmp"
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"ipvsadm/ipvs"
)

// enoughToWrite is how many bytes of lines Connections collects before it writes them.
const enoughToWrite = 4 << 10

// Connections writes the headings and the connections as they come. If they begin with an error, it writes nothing.
// Malformed lines print as in the original.
func (c classic) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	var r row
	r.add("IPVS connection entries\n" +
		"pro expire state       source             virtual            destination")
	if c.PersistentConnections {
		r.add("        pe name          pe_data")
	}
	r.add("\n")
	var readErr error
	begun := false
	for connection, err := range resolvedConnections(ctx, c.Resolver, connections) {
		if err != nil && !isMalformedLine(err) {
			readErr = err
			break
		}
		begun = true
		if connection.Protocol == "" {
			continue // an empty line
		}
		c.connection(&r, &connection)
		if len(r.text) >= enoughToWrite {
			if _, err := w.Write(r.text); err != nil {
				return err
			}
			r.text = r.text[:0]
		}
	}
	if readErr != nil && !begun {
		return readErr
	}
	_, err := w.Write(r.text)
	return cmp.Or(readErr, err)
}

func (c classic) connection(r *row, connection *ipvs.Connection) {
	protocol := connectionPortProtocol(connection.Protocol)
	r.begin()
	r.add(connection.Protocol)
	r.end(3)
	r.add(" ")
	r.begin()
	r.minutes(connection.Expires)
	r.end(6)
	r.add(" ")
	r.begin()
	r.add(connection.State)
	r.end(11)
	r.add(" ")
	r.begin()
	r.endpoint(c.Resolver, connection.Client, protocol)
	r.end(18)
	r.add(" ")
	r.begin()
	r.endpoint(c.Resolver, connection.Virtual, protocol)
	r.end(18)
	r.add(" ")
	r.begin()
	r.endpoint(c.Resolver, connection.Destination, protocol)
	if c.PersistentConnections && connection.Engine != "" && connection.EngineData != "" {
		r.end(16)
		r.add(" ")
		r.begin()
		r.add(connection.Engine)
		r.end(18)
		r.add(" " + engineData(connection.EngineData))
	}
	r.add("\n")
}

// minutes appends minutes and seconds, such as 01:30 or 120:00.
func (r *row) minutes(duration time.Duration) {
	seconds := uint64(duration / time.Second)
	minutes, rest := seconds/60, byte(seconds%60)
	if minutes < 10 {
		r.add("0")
	}
	r.number(minutes)
	r.text = append(r.text, ':', '0'+rest/10, '0'+rest%10)
}

// engineData returns the data up to its first white space. The data comes from a packet and must not control the
// terminal, so a question mark replaces every byte that is not printable ASCII.
func engineData(data string) string {
	if end := strings.IndexAny(data, " \t\n\v\f\r"); end >= 0 {
		data = data[:end]
	}
	text := []byte(data)
	for i, char := range text {
		if char <= ' ' || char > '~' {
			text[i] = '?'
		}
	}
	return string(text)
}
