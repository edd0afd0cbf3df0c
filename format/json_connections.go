package format

import (
	"context"
	"io"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
)

// Connections writes one array, with a connection on each line, as they come. With Lines it leaves out the array. With
// Summary it writes only how many there are.
func (j jsonFormat) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	connections = wellFormed(connections, j.Warnings)
	if j.Summary {
		counts, err := countAll(connections)
		if err != nil {
			return err
		}
		return j.writeTally(ctx, w, counts)
	}
	wanted := resolvedConnections(ctx, j.Resolver, connections)
	array := jsonArray{head: "[", tail: "\n]\n"}
	if j.Lines {
		array = jsonArray{lines: true}
	}
	return writeArray(w, array, wanted, j.connection)
}

func (j jsonFormat) connection(d *document, c ipvs.Connection) {
	protocol := connectionPortProtocol(c.Protocol)
	d.open("", '{')
	d.string("protocol", connectionProtocol(c.Protocol))
	d.string("state", c.State)
	d.seconds("expires_seconds", c.Expires)
	for _, end := range [...]struct {
		key      string
		endpoint netip.AddrPort
	}{{"client", c.Client}, {"virtual", c.Virtual}, {"destination", c.Destination}} {
		d.open(end.key, '{')
		j.endpoint(d, end.endpoint, protocol)
		d.close('}')
	}
	d.stringOrNull("persistence_engine", c.Engine)
	d.stringOrNull("persistence_engine_data", c.EngineData)
	d.close('}')
}
