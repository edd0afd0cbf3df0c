package format

import (
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// exampleMetrics has a masqueraded and a directly routed server in one service, and one in a service of a mark.
func exampleMetrics() *Metrics {
	counters := ipvs.Counters{Connections: 1, IncomingPackets: 2, OutgoingPackets: 3, IncomingBytes: 4, OutgoingBytes: 1<<64 - 1}
	server := func(address string, forwarding ipvs.Forwarding) ipvs.ListedDestination {
		return ipvs.ListedDestination{
			Destination:       ipvs.Destination{Address: netip.MustParseAddrPort(address), Forwarding: forwarding, Weight: 5, UpperThreshold: 9, LowerThreshold: 8},
			ActiveConnections: 6, InactiveConnections: 7, PersistentConnections: 10,
			Traffic: ipvs.Traffic{Totals: counters},
		}
	}
	web := ipvs.Entry{Destinations: []ipvs.ListedDestination{server("10.0.0.1:8080", ipvs.Masquerading), server("10.0.0.2:80", ipvs.DirectRouting)}}
	web.ServiceID = ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
	web.Totals = counters
	mark := ipvs.Entry{Destinations: []ipvs.ListedDestination{server("[2001:db8::2]:0", ipvs.Tunneling)}}
	mark.Destinations[0].Weight, mark.Destinations[0].UpperThreshold = 0, 0
	mark.ServiceID = ipvs.MarkService(7, ipvs.IPv6)
	return &Metrics{
		Program:     `a"b\c`,
		Info:        ipvs.Info{Version: 0x010201, ConnectionTableSize: 4096},
		Timeouts:    ipvs.Timeouts{TCP: 15 * time.Minute, TCPFin: 2 * time.Minute, UDP: 5 * time.Minute},
		Daemons:     []ipvs.Daemon{{State: ipvs.Backup}},
		Entries:     []ipvs.Entry{web, mark},
		Connections: map[ConnectionKind]uint64{{"TCP", "FIN_WAIT"}: 2, {"TCP", "ESTABLISHED"}: 3, {"UDP", "UDP"}: 1},
		Drains:      1,
		Findings:    map[string]uint64{"error": 2, "warning": 0},
		Servers:     true,
	}
}

func writeMetrics(t *testing.T, m *Metrics) string {
	t.Helper()
	var text strings.Builder
	if err := m.Write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestMetrics checks one line of each kind, and lines that must be missing.
func TestMetrics(t *testing.T) {
	text := writeMetrics(t, exampleMetrics())
	const web, mark = `address="192.0.2.1",port="80",protocol="tcp",mark="",family="ipv4"`, `address="",port="",protocol="",mark="7",family="ipv6"`
	const first = web + `,server_address="10.0.0.1",server_port="8080"`
	const routed = web + `,server_address="10.0.0.2",server_port="80"`
	for _, line := range []string{
		`ipvs_info{version="1.2.1",program_version="a\"b\\c",connection_table_size="4096"} 1`,
		`ipvs_timeout_seconds{state="tcpfin"} 120`,
		`ipvs_connections{protocol="tcp",state="ESTABLISHED"} 3` + "\n" + `ipvs_connections{protocol="tcp",state="FIN_WAIT"} 2`,
		`ipvs_sync_daemon_running{role="master"} 0`,
		`ipvs_sync_daemon_running{role="backup"} 1`,
		`ipvs_drains 1`,
		`ipvs_check_findings{severity="error"} 2`,
		"# TYPE ipvs_service_connections_total counter",
		"ipvs_service_connections_total{" + web + "} 1",
		"ipvs_service_connections_total{" + mark + "} 0",
		"ipvs_service_incoming_packets_total{" + web + "} 2",
		"ipvs_service_outgoing_packets_total{" + web + "} 3",
		"ipvs_service_incoming_bytes_total{" + web + "} 4",
		"ipvs_service_outgoing_bytes_total{" + web + "} 18446744073709551615",
		"ipvs_service_servers{" + web + "} 2",
		"ipvs_service_servers{" + mark + "} 0",
		"ipvs_server_incoming_bytes_total{" + routed + "} 4",
		"ipvs_server_outgoing_bytes_total{" + first + "} 18446744073709551615",
		"ipvs_server_weight{" + first + "} 5",
		"ipvs_server_active_connections{" + first + "} 6",
		"ipvs_server_inactive_connections{" + first + "} 7",
		"ipvs_server_persistent_connections{" + first + "} 10",
		"ipvs_server_upper_threshold_connections{" + first + "} 9",
		"ipvs_server_lower_threshold_connections{" + first + "} 8",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
	for _, part := range []string{"outgoing_packets_total{" + mark, "outgoing_bytes_total{" + routed, "ipvs_server_upper_threshold_connections{" + mark} {
		if strings.Contains(text, part) {
			t.Errorf("%s is there, and nothing is known of it", part)
		}
	}
	if !strings.HasSuffix(text, "\n# EOF\n") {
		t.Error("no EOF")
	}
}

// TestMetricsAreFamilies wants each family once, with its type and help before its samples, and no sample twice.
func TestMetricsAreFamilies(t *testing.T) {
	for _, strict := range []bool{false, true} {
		m := exampleMetrics()
		m.Strict = strict
		families, samples := make(map[string]bool), make(map[string]bool)
		family, helped, counter := "", false, false
		for line := range strings.Lines(writeMetrics(t, m)) {
			words := strings.Fields(line)
			switch {
			case strings.HasPrefix(line, "# TYPE "):
				family, helped, counter = words[2], false, words[3] == "counter"
				if families[family] {
					t.Errorf("family %s twice", family)
				}
				families[family] = true
				if counter && strict == strings.HasSuffix(family, "_total") {
					t.Errorf("strict %v: the family of a counter is %s", strict, family)
				}
			case strings.HasPrefix(line, "# HELP "):
				helped = words[2] == family && len(words) > 3
			case line == "# EOF\n":
			default:
				name, _, _ := strings.Cut(words[0], "{")
				want := family
				if counter && strict {
					want += "_total"
				}
				if name != want || !helped {
					t.Errorf("%s in family %s, with help: %v", name, family, helped)
				}
				series := line[:strings.LastIndex(line, " ")]
				if samples[series] {
					t.Errorf("%s twice", series)
				}
				samples[series] = true
			}
		}
	}
}

func TestMetricsSeries(t *testing.T) {
	for _, servers := range []bool{false, true} {
		m := exampleMetrics()
		m.Servers = servers
		for i := range m.Entries { // all replies pass
			for j := range m.Entries[i].Destinations {
				m.Entries[i].Destinations[j].Forwarding = ipvs.Masquerading
			}
		}
		text := writeMetrics(t, m)
		written := strings.Count(text, "\nipvs_service_") + strings.Count(text, "\nipvs_server_")
		if got := m.Series(); got != written || servers == (strings.Count(text, "\nipvs_server_") == 0) {
			t.Errorf("Servers %v: Series returns %d, and %d are written", servers, got, written)
		}
	}
}

// TestDashboard wants every query of the dashboard to name existing metrics.
func TestDashboard(t *testing.T) {
	dashboard, err := os.ReadFile("../examples/grafana/ipvs.json")
	if err != nil {
		t.Fatal(err)
	}
	text := writeMetrics(t, exampleMetrics())
	queries := 0
	for _, query := range regexp.MustCompile(`"(?:expr|definition)": "([^"\\]|\\.)*"`).FindAllString(string(dashboard), -1) {
		queries++
		names := regexp.MustCompile(`ipvs_\w+`).FindAllString(query, -1)
		if len(names) == 0 {
			t.Errorf("%s names no metric", query)
		}
		for _, name := range names {
			if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("%s: there is no %s", query, name)
			}
		}
	}
	if queries < 8 {
		t.Errorf("only %d queries", queries)
	}
}
