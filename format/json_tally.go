package format

import (
	"context"
	"io"
	"strings"
)

// writeTally writes how many connections there are, by state, service and server, with the largest number first.
func (j jsonFormat) writeTally(ctx context.Context, w io.Writer, t *tally) error {
	if j.Resolver != nil {
		j.Resolver.ResolveAddresses(ctx, t.addresses())
	}
	var d document
	d.open("", '{')
	d.number("connections", t.all)
	d.open("states", '[')
	for _, state := range sorted(t.states, strings.Compare) {
		d.open("", '{')
		d.string("state", state)
		d.number("connections", t.states[state])
		d.close('}')
	}
	d.close(']')
	j.addEnds(&d, "services", t.services)
	j.addEnds(&d, "servers", t.servers)
	d.close('}')
	d.dropComma()
	d.indent(0, "")
	d.text = append(d.text, '\n')
	_, err := w.Write(d.text)
	return err
}

func (j jsonFormat) addEnds(d *document, key string, counts map[connectionEnd]uint64) {
	d.open(key, '[')
	for _, end := range sorted(counts, connectionEnd.compare) {
		d.open("", '{')
		d.string("protocol", connectionProtocol(end.protocol))
		j.endpoint(d, end.endpoint, connectionPortProtocol(end.protocol))
		d.number("connections", counts[end])
		d.close('}')
	}
	d.close(']')
}
