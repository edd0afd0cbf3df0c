package format

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"strings"

	"ipvsadm/ipvs"
)

type jsonConnection struct {
	Protocol    string       `json:"protocol"`
	State       string       `json:"state"`
	Expires     int64        `json:"expires_seconds"`
	Client      jsonEndpoint `json:"client"`
	Virtual     jsonEndpoint `json:"virtual"`
	Destination jsonEndpoint `json:"destination"`
	Engine      *string      `json:"persistence_engine"`
	EngineData  *string      `json:"persistence_engine_data"`
}

// Connections writes one array, with a connection on each line, as they come. If they begin with an error, it writes
// nothing. If they end with an error, it does not close the array, so that no program takes it for the whole.
func (j jsonFormat) Connections(ctx context.Context, w io.Writer, connections iter.Seq2[ipvs.Connection, error]) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	separator := "[\n"
	var err error
	for connection, readErr := range resolvedConnections(ctx, j.resolver, wellFormed(connections, j.warnings)) {
		if err = readErr; err != nil {
			break
		}
		out.WriteString(separator)
		separator = ","
		if err = lines.Encode(j.connection(&connection)); err != nil {
			break
		}
	}
	if err == nil {
		if separator == "[\n" {
			out.WriteString(separator)
		}
		out.WriteString("]\n")
	}
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	return err
}

func (j jsonFormat) connection(c *ipvs.Connection) jsonConnection {
	protocol := connectionPortProtocol(c.Protocol)
	return jsonConnection{
		Protocol:    strings.ToLower(c.Protocol),
		State:       c.State,
		Expires:     seconds(c.Expires),
		Client:      j.endpoint(c.Client, protocol),
		Virtual:     j.endpoint(c.Virtual, protocol),
		Destination: j.endpoint(c.Destination, protocol),
		Engine:      orNull(c.Engine),
		EngineData:  orNull(c.EngineData),
	}
}
