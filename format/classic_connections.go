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

// enoughToWrite is the number of bytes of lines that are written at a time.
const enoughToWrite = 4 << 10

// Connections writes the headings and the connections as they come. It returns the first error of the connections or of
// the writer; if the connections begin with an error, nothing is written. Malformed lines print as in the original.
func (c classic) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	var r row
	r.add("IPVS connection entries\n" +
		"pro expire state       source             virtual            destination")
	if c.PersistentConnections {
		r.add("        pe name          pe_data")
	}
	r.add("\n")
	var failure error
	none := true
	for connection, err := range resolvedConnections(ctx, c.Names, connections) {
		if err != nil && !isMalformedLine(err) {
			failure = err
			break
		}
		none = false
		if connection.Protocol == "" {
			continue // an empty line
		}
		if c.connection(&r, &connection); len(r.text) < enoughToWrite {
			continue
		}
		if _, err := w.Write(r.text); err != nil {
			return err
		}
		r.text = r.text[:0]
	}
	if failure != nil && none {
		return failure
	}
	_, err := w.Write(r.text)
	return cmp.Or(failure, err)
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
	r.endpoint(c.Names, connection.Client, protocol)
	r.end(18)
	r.add(" ")
	r.begin()
	r.endpoint(c.Names, connection.Virtual, protocol)
	r.end(18)
	r.add(" ")
	r.begin()
	r.endpoint(c.Names, connection.Destination, protocol)
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

// minutes adds minutes and seconds, such as 01:30 or 120:00.
func (r *row) minutes(duration time.Duration) {
	seconds := uint64(duration / time.Second)
	minutes, rest := seconds/60, byte(seconds%60)
	if minutes < 10 {
		r.add("0")
	}
	r.number(minutes)
	r.text = append(r.text, ':', '0'+rest/10, '0'+rest%10)
}

// engineData returns the data up to its first white space, with a question mark for every byte that is no printable
// ASCII: the data came in a packet and must not steer the terminal.
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
