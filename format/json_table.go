package format

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/netip"

	"ipvsadm/ipvs"
)

// jsonFormat is the format for programs: one document with everything that the kernel sent. man/ipvsadm.schema.json is
// its schema.
type jsonFormat struct{ Options }

// Counters reports true: documents always contain counters.
func (j jsonFormat) Counters() bool { return true }

// Table writes the services and their servers, one service at a time. On a terminal they are indented, for people. Other
// output has each service on a line of its own, for grep and diff.
func (j jsonFormat) Table(ctx context.Context, w io.Writer, info ipvs.Info, entries iter.Seq2[ipvs.Entry, error]) error {
	array := jsonArray{head: `{"version":"%s","connection_table_size":%d,"services":[`, tail: "\n]}\n"}
	if j.Terminal {
		array = jsonArray{
			head:   "{\n  \"version\": \"%s\",\n  \"connection_table_size\": %d,\n  \"services\": [",
			tail:   "\n  ]\n}\n",
			indent: "    ",
		}
	}
	array.head = fmt.Sprintf(array.head, info.Version, info.ConnectionTableSize)
	return writeArray(w, array, resolvedEntries(ctx, j.Resolver, entries), j.service)
}

// writeDocument writes a small document.
func writeDocument(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

func (j jsonFormat) service(d *document, entry ipvs.Entry) {
	s := &entry.ListedService
	d.open("", '{')
	d.string("protocol", protocolName(s))
	d.string("family", s.Family.String())
	if s.Mark == 0 {
		j.endpoint(d, s.Address, portProtocol(s))
		d.null("fwmark")
	} else {
		for _, key := range []string{"address", "address_name", "port", "port_name"} {
			d.null(key)
		}
		d.number("fwmark", uint64(s.Mark))
	}
	d.string("scheduler", s.Scheduler)
	d.open("scheduler_flags", '[')
	for _, name := range s.SchedulerFlagNames() {
		d.string("", name)
	}
	d.close(']')
	d.boolean("ops", s.Flags&ipvs.OnePacket != 0)
	d.boolean("hashed", s.Flags&ipvs.Hashed != 0)
	d.boolean("persistent", s.Flags&ipvs.Persistent != 0)
	d.seconds("persistent_timeout_seconds", s.Timeout)
	if s.Family == ipvs.IPv6 {
		d.null("netmask")
		d.number("prefix_length", uint64(s.Netmask.PrefixLength()))
	} else {
		d.address("netmask", s.Netmask.Address())
		d.null("prefix_length")
	}
	d.stringOrNull("persistence_engine", s.Engine)
	d.traffic(&s.Traffic)
	d.open("servers", '[')
	for i := range entry.Destinations {
		j.server(d, s, &entry.Destinations[i])
	}
	d.close(']')
	d.close('}')
}

func (j jsonFormat) server(d *document, s *ipvs.ListedService, server *ipvs.ListedDestination) {
	d.open("", '{')
	d.string("family", ipvs.FamilyOf(server.Address.Addr()).String())
	j.endpoint(d, server.Address, portProtocol(s))
	d.string("forwarding", server.Forwarding.String())
	d.open("tunnel", '{')
	d.string("type", server.Tunnel.Type.String())
	d.number("port", uint64(server.Tunnel.Port))
	d.string("checksum", server.Tunnel.Checksum.String())
	d.close('}')
	d.number("weight", uint64(server.Weight))
	d.number("upper_threshold", uint64(server.UpperThreshold))
	d.number("lower_threshold", uint64(server.LowerThreshold))
	d.number("active_connections", uint64(server.ActiveConnections))
	d.number("inactive_connections", uint64(server.InactiveConnections))
	d.number("persistent_connections", uint64(server.PersistentConnections))
	d.traffic(&server.Traffic)
	d.close('}')
}

func (d *document) traffic(t *ipvs.Traffic) {
	d.open("totals", '{')
	d.number("connections", t.Totals.Connections)
	d.number("incoming_packets", t.Totals.IncomingPackets)
	d.number("outgoing_packets", t.Totals.OutgoingPackets)
	d.number("incoming_bytes", t.Totals.IncomingBytes)
	d.number("outgoing_bytes", t.Totals.OutgoingBytes)
	d.close('}')
	d.open("rates", '{')
	d.number("connections_per_second", t.Rates.Connections)
	d.number("incoming_packets_per_second", t.Rates.IncomingPackets)
	d.number("outgoing_packets_per_second", t.Rates.OutgoingPackets)
	d.number("incoming_bytes_per_second", t.Rates.IncomingBytes)
	d.number("outgoing_bytes_per_second", t.Rates.OutgoingBytes)
	d.close('}')
}

// endpoint appends an address and a port, and their names if they have any.
func (j jsonFormat) endpoint(d *document, endpoint netip.AddrPort, protocol string) {
	var addressName, portName string
	if j.Resolver != nil {
		addressName, _ = j.Resolver.AddressName(endpoint.Addr())
		portName, _ = j.Resolver.ServiceName(endpoint.Port(), protocol)
	}
	d.address("address", endpoint.Addr())
	d.stringOrNull("address_name", addressName)
	d.number("port", uint64(endpoint.Port()))
	d.stringOrNull("port_name", portName)
}
