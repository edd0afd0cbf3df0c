package format

import (
	"fmt"
	"io"
	"strconv"

	"ipvsadm/ipvs"
)

// nodeBackend is what node_exporter knows of a server.
type nodeBackend struct{ active, inactive, weight uint64 }

// WriteNode writes the metrics that node_exporter's collector for IPVS has, with its names, labels and texts. The totals are
// those of all services together.
func (m *Metrics) WriteNode(w io.Writer, totals ipvs.Counters) error {
	out := &metricsWriter{w: w, strict: m.Strict}
	for _, total := range []struct {
		name, help string
		value      uint64
	}{
		{"connections", "The total number of connections made.", totals.Connections},
		{"incoming_packets", "The total number of incoming packets.", totals.IncomingPackets},
		{"outgoing_packets", "The total number of outgoing packets.", totals.OutgoingPackets},
		{"incoming_bytes", "The total amount of incoming data.", totals.IncomingBytes},
		{"outgoing_bytes", "The total amount of outgoing data.", totals.OutgoingBytes},
	} {
		out.plain(out.counter("node_ipvs_"+total.name, total.help), total.value)
	}
	names, backends := m.nodeBackends()
	for _, gauge := range []struct {
		name, help string
		of         func(*nodeBackend) uint64
	}{
		{"connections_active", "The current active connections by local and remote address.", func(b *nodeBackend) uint64 { return b.active }},
		{"connections_inactive", "The current inactive connections by local and remote address.", func(b *nodeBackend) uint64 { return b.inactive }},
		{"weight", "The current backend weight by local and remote address.", func(b *nodeBackend) uint64 { return b.weight }},
	} {
		name := "node_ipvs_backend_" + gauge.name
		out.family(name, "gauge", gauge.help)
		for i, backend := range backends {
			out.sample(name, names[i], gauge.of(backend))
		}
	}
	return out.end()
}

// nodeBackends returns the labels and the values of the servers. The labels lack the family of a firewall mark, so servers
// of two families may have the same ones: their connections are added up, as node_exporter does.
func (m *Metrics) nodeBackends() (names []string, backends []*nodeBackend) {
	known := make(map[string]*nodeBackend)
	for _, entry := range m.Entries {
		address, port, protocol, mark := "", "0", "FWM", ""
		if entry.Mark != 0 {
			mark = fmt.Sprintf("%08X", entry.Mark)
		} else {
			address, port = entry.Address.Addr().String(), strconv.Itoa(int(entry.Address.Port()))
			protocol = entry.Protocol.String()
		}
		for i := range entry.Destinations {
			server := &entry.Destinations[i]
			name := labels("local_address", address, "local_mark", mark, "local_port", port, "proto", protocol,
				"remote_address", server.Address.Addr().String(), "remote_port", strconv.Itoa(int(server.Address.Port())))
			backend, ok := known[name]
			if !ok {
				backend = new(nodeBackend)
				known[name] = backend
				names, backends = append(names, name), append(backends, backend)
			}
			backend.active += uint64(server.ActiveConnections)
			backend.inactive += uint64(server.InactiveConnections)
			backend.weight = uint64(server.Weight)
		}
	}
	return names, backends
}
