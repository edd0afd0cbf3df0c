package format

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ipvsadm/ipvs"
)

// Metrics is what a monitoring system may know about IPVS.
type Metrics struct {
	Program     string // the version of this program
	Info        ipvs.Info
	Timeouts    ipvs.Timeouts
	Daemons     []ipvs.Daemon
	Entries     []ipvs.Entry
	Connections map[ConnectionKind]uint64 // the entries of the connection table
	Drains      uint64                    // servers that "ipvsadm drain" took out
	Findings    map[string]uint64         // of "ipvsadm check", by severity
	Servers     bool                      // write the metrics of servers, not only of services
	Strict      bool                      // name counters as OpenMetrics 1.0 wants them
}

// ConnectionKind is what connections are counted by.
type ConnectionKind struct{ Protocol, State string }

// trafficFamilies are the counters of services and servers.
var trafficFamilies = [...]struct {
	name, help string
	outgoing   bool // counts replies, which pass the director only with masquerading
	of         func(*ipvs.Counters) uint64
}{
	{"connections", "Connections since the counters were zeroed.", false, func(c *ipvs.Counters) uint64 { return c.Connections }},
	{"incoming_packets", "Packets from clients.", false, func(c *ipvs.Counters) uint64 { return c.IncomingPackets }},
	{"outgoing_packets", "Packets to clients. Only those of masqueraded servers pass the director.", true, func(c *ipvs.Counters) uint64 { return c.OutgoingPackets }},
	{"incoming_bytes", "Bytes from clients.", false, func(c *ipvs.Counters) uint64 { return c.IncomingBytes }},
	{"outgoing_bytes", "Bytes to clients. Only those of masqueraded servers pass the director.", true, func(c *ipvs.Counters) uint64 { return c.OutgoingBytes }},
}

// serverGauges are the other metrics of servers.
var serverGauges = [...]struct {
	name, help string
	optional   bool // left out if it is zero
	of         func(*ipvs.ListedDestination) uint64
}{
	{"weight", "Weight of the server: its part of the new connections, beside the other weights.", false, func(d *ipvs.ListedDestination) uint64 { return uint64(d.Weight) }},
	{"active_connections", "Connections that are established or being set up.", false, func(d *ipvs.ListedDestination) uint64 { return uint64(d.ActiveConnections) }},
	{"inactive_connections", "Connections in every other state, and those of UDP.", false, func(d *ipvs.ListedDestination) uint64 { return uint64(d.InactiveConnections) }},
	{"persistent_connections", "Templates of persistence.", false, func(d *ipvs.ListedDestination) uint64 { return uint64(d.PersistentConnections) }},
	{"upper_threshold_connections", "Connections at which the server gets no new ones. A server without a limit has none.", true, func(d *ipvs.ListedDestination) uint64 { return uint64(d.UpperThreshold) }},
	{"lower_threshold_connections", "Connections below which the server gets new ones again.", true, func(d *ipvs.ListedDestination) uint64 { return uint64(d.LowerThreshold) }},
}

// Series returns how many lines with a value of services and servers Write writes.
func (m *Metrics) Series() int {
	series := len(m.Entries) * (len(trafficFamilies) + 1)
	if m.Servers {
		for _, entry := range m.Entries {
			series += len(entry.Destinations) * len(trafficFamilies)
			for i := range entry.Destinations {
				for _, gauge := range serverGauges {
					if !gauge.optional || gauge.of(&entry.Destinations[i]) > 0 {
						series++
					}
				}
			}
		}
	}
	return series
}

// Write writes the metrics as OpenMetrics text. Unless Strict is set, the text is a valid Prometheus text, too: the two
// differ in the name of a counter's family.
func (m *Metrics) Write(w io.Writer) error {
	out := &metricsWriter{w: w, strict: m.Strict}
	out.family("ipvs_info", "gauge", "Versions of IPVS and of this program, and how many lists the table of connections has.")
	out.sample("ipvs_info", labels("version", m.Info.Version.String(), "program_version", escapeLabel.Replace(m.Program),
		"connection_table_size", strconv.FormatUint(uint64(m.Info.ConnectionTableSize), 10)), 1)
	out.family("ipvs_timeout_seconds", "gauge", "How long an idle connection stays in the table.")
	out.sample("ipvs_timeout_seconds", labels("state", "tcp"), uint64(seconds(m.Timeouts.TCP)))
	out.sample("ipvs_timeout_seconds", labels("state", "tcpfin"), uint64(seconds(m.Timeouts.TCPFin)))
	out.sample("ipvs_timeout_seconds", labels("state", "udp"), uint64(seconds(m.Timeouts.UDP)))
	m.writeState(out)
	m.writeServices(out)
	if m.Servers {
		m.writeServers(out)
	}
	return out.end()
}

// writeState writes what concerns no service.
func (m *Metrics) writeState(out *metricsWriter) {
	if m.Connections != nil {
		out.family("ipvs_connections", "gauge", "Entries of the table of connections by protocol and state, with templates of persistence.")
		for _, kind := range slices.SortedFunc(maps.Keys(m.Connections), func(a, b ConnectionKind) int {
			return cmp.Or(strings.Compare(a.Protocol, b.Protocol), strings.Compare(a.State, b.State))
		}) {
			out.sample("ipvs_connections", labels("protocol", strings.ToLower(kind.Protocol), "state", kind.State), m.Connections[kind])
		}
	}
	out.family("ipvs_sync_daemon_running", "gauge", "Whether a connection synchronization daemon runs.")
	for _, state := range []ipvs.DaemonState{ipvs.Master, ipvs.Backup} {
		running := uint64(0)
		if slices.ContainsFunc(m.Daemons, func(d ipvs.Daemon) bool { return d.State == state }) {
			running = 1
		}
		out.sample("ipvs_sync_daemon_running", labels("role", state.String()), running)
	}
	out.family("ipvs_drains", "gauge", "Servers that ipvsadm drain took out of service.")
	out.plain("ipvs_drains", m.Drains)
	if m.Findings != nil {
		out.family("ipvs_check_findings", "gauge", "Findings of the checks of ipvsadm that cost little.")
		for _, severity := range slices.Sorted(maps.Keys(m.Findings)) {
			out.sample("ipvs_check_findings", labels("severity", severity), m.Findings[severity])
		}
	}
}

func (m *Metrics) writeServices(out *metricsWriter) {
	services := make([]string, len(m.Entries))
	for i := range m.Entries {
		services[i] = serviceLabels(m.Entries[i].ServiceID)
	}
	for _, family := range trafficFamilies {
		name := out.counter("ipvs_service_"+family.name, family.help)
		for i := range m.Entries {
			if !family.outgoing || repliesPass(m.Entries[i].Destinations) {
				out.sample(name, services[i], family.of(&m.Entries[i].Totals))
			}
		}
	}
	const count = "ipvs_service_servers"
	out.family(count, "gauge", "Servers of the service with a weight above 0.")
	for i, entry := range m.Entries {
		weighted := uint64(0)
		for _, server := range entry.Destinations {
			if server.Weight > 0 {
				weighted++
			}
		}
		out.sample(count, services[i], weighted)
	}
}

func (m *Metrics) writeServers(out *metricsWriter) {
	count := 0
	for _, entry := range m.Entries {
		count += len(entry.Destinations)
	}
	servers, names := make([]*ipvs.ListedDestination, 0, count), make([]string, 0, count)
	var name []byte
	for i := range m.Entries {
		service := serviceLabels(m.Entries[i].ServiceID) + `,server_address="`
		for j := range m.Entries[i].Destinations {
			server := &m.Entries[i].Destinations[j]
			name = server.Address.Addr().AppendTo(append(name[:0], service...))
			name = strconv.AppendUint(append(name, `",server_port="`...), uint64(server.Address.Port()), 10)
			servers, names = append(servers, server), append(names, string(append(name, '"')))
		}
	}
	for _, family := range trafficFamilies {
		name := out.counter("ipvs_server_"+family.name, family.help)
		for i, server := range servers {
			if !family.outgoing || server.Forwarding == ipvs.Masquerading {
				out.sample(name, names[i], family.of(&server.Totals))
			}
		}
	}
	for _, gauge := range serverGauges {
		name := "ipvs_server_" + gauge.name
		out.family(name, "gauge", gauge.help)
		for i, server := range servers {
			if value := gauge.of(server); value > 0 || !gauge.optional {
				out.sample(name, names[i], value)
			}
		}
	}
}

// repliesPass reports whether replies may pass the director, as they do if a server is masqueraded.
func repliesPass(servers []ipvs.ListedDestination) bool {
	return slices.ContainsFunc(servers, func(d ipvs.ListedDestination) bool { return d.Forwarding == ipvs.Masquerading })
}

// serviceLabels returns the labels of a service. Every service has the same labels, so that no two services collide.
func serviceLabels(id ipvs.ServiceID) string {
	address, port, protocol, mark := "", "", "", ""
	if id.Mark != 0 {
		mark = strconv.FormatUint(uint64(id.Mark), 10)
	} else {
		address, port = id.Address.Addr().String(), strconv.Itoa(int(id.Address.Port()))
		protocol = strings.ToLower(id.Protocol.String())
	}
	return labels("address", address, "port", port, "protocol", protocol, "mark", mark, "family", id.Family.String())
}

// labels returns pairs of a name and a value, without the braces. The values need no escapes.
func labels(pairs ...string) string {
	text := make([]byte, 0, 128)
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, pairs[i]...), '=', '"')
		text = append(append(text, pairs[i+1]...), '"')
	}
	return string(text)
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// metricsWriter writes metrics and keeps the first error.
type metricsWriter struct {
	w      io.Writer
	strict bool
	text   []byte
	err    error
}

// family begins the metrics of a name.
func (m *metricsWriter) family(name, kind, help string) {
	m.text = append(m.text, "# TYPE "+name+" "+kind+"\n# HELP "+name+" "+help+"\n"...)
}

// counter begins the family of a counter, and returns the name of its samples.
func (m *metricsWriter) counter(name, help string) string {
	if m.strict {
		m.family(name, "counter", help)
	} else {
		m.family(name+"_total", "counter", help)
	}
	return name + "_total"
}

// plain writes a sample without labels.
func (m *metricsWriter) plain(name string, value uint64) {
	m.text = append(strconv.AppendUint(append(m.text, name+" "...), value, 10), '\n')
}

func (m *metricsWriter) sample(name, labels string, value uint64) {
	m.text = append(append(append(append(m.text, name...), '{'), labels...), "} "...)
	m.text = append(strconv.AppendUint(m.text, value, 10), '\n')
	if len(m.text) >= 16*enoughToWrite {
		m.flush()
	}
}

// end ends the metrics, and returns the first error.
func (m *metricsWriter) end() error {
	m.text = append(m.text, "# EOF\n"...)
	m.flush()
	return m.err
}

func (m *metricsWriter) flush() {
	if m.err == nil {
		_, m.err = m.w.Write(m.text)
	}
	m.text = m.text[:0]
}
