package verb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMetrics prints metrics of a service and a server.
func TestMetrics(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	path := filepath.Join(t.TempDir(), "ipvs.prom")
	const limited = "hint: so many can overload a monitoring system: use --level service, or a larger --max-series\n"
	a.session([]step{
		{line: "-R", stdin: "-A -t 192.0.2.1:80 -s mh\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m\n--set 1 2 3\n--start-daemon master --mcast-interface eth0\n"},
		{line: "metrics", part: "server_address=\"10.0.0.1\",server_port=\"80\"} 1\n"},
		{line: "metrics", part: "\nipvs_timeout_seconds{state=\"tcp\"} 1\n"},
		{line: "metrics --max-series 15", part: "\nipvs_sync_daemon_running{role=\"master\"} 1\n"},
		{line: "metrics --max-series 14", status: 1, errors: "the services and servers have 15 values, more than --max-series 14\n" + limited},
		{line: "metrics --level service --max-series 6", part: "\nipvs_info{version=\"1.2.1\",program_version=\"1.2.3\",connection_table_size=\"4096\"} 1\n"},
		{line: "metrics --level service --max-series 5", status: 1, errors: "the services and servers have 6 values, more than --max-series 5\n" + limited},
		{line: "metrics --level all", status: 1, errors: "--level \"all\": use server or service\n"},
		{line: "metrics --compat all", status: 1, errors: "--compat \"all\": use node\n"},
		{line: "metrics --output=", status: 1, errors: "--output: the name of the file is empty\n"},
		{line: "metrics --level service -o " + path},
	})
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(text), "\n# EOF\n") || strings.Contains(string(text), "10.0.0.1") {
		t.Errorf("%v\n%s", err, text)
	}
}
