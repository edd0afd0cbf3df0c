//go:build long

package tests

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLongMetrics gives the metrics to node_exporter and Prometheus.
func TestLongMetrics(t *testing.T) {
	programs, err := filepath.Abs("../build/prometheus/usr/bin")
	if err != nil {
		t.Fatal(err)
	}
	f := newFarm(t, "rr")
	f.ipvsadm("-A -f 4097 -s rr")
	f.ipvsadm("-a -f 4097 -r 10.0.0.11 -g")
	f.ipvsadm("-A -t [2001:db8::1]:443 -s rr")
	f.ipvsadm("-a -t [2001:db8::1]:443 -r [2001:db8::2]:443 -i -w 7")
	for range 6 {
		f.mustConnect(f.from(clientAddress(1)))
	}
	d, folder := f.director, t.TempDir()
	d.ip("link set lo up")
	for _, words := range [][]string{{}, {"--compat", "node"}} {
		d.run(append([]string{"ipvsadm", "metrics", "--output", folder + "/ipvs.prom"}, words...)...)
		if out, status := d.try("sh", "-c", programs+"/promtool check metrics <"+folder+"/ipvs.prom"); status != 0 || out != "" {
			t.Errorf("promtool about metrics %q: status %d\n%s", words, status, out)
		}
	}

	d.start(programs+"/prometheus-node-exporter", "--collector.disable-defaults", "--collector.ipvs", "--web.disable-exporter-metrics",
		"--web.listen-address=127.0.0.1:9100")
	diff := ""
	if !poll(20*time.Second, func() bool { // a late packet may come between the two
		theirs, status := d.try("curl", "-s", "http://127.0.0.1:9100/metrics")
		diff = cmp.Diff(nodeLines(theirs), nodeLines(d.run("ipvsadm", "metrics", "--compat", "node")))
		return status == 0 && diff == ""
	}) {
		t.Errorf("--compat node (-node_exporter +got):\n%s", diff)
	}

	d.run("ipvsadm", "metrics", "--output", folder+"/ipvs.prom")
	d.start(programs+"/prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile", "--web.disable-exporter-metrics",
		"--collector.textfile.directory="+folder, "--web.listen-address=127.0.0.1:9101")
	writeFile(t, folder+"/prometheus.yml", "scrape_configs: [{job_name: ipvs, scrape_interval: 1s, static_configs: [{targets: ['127.0.0.1:9101']}]}]\n")
	d.start(programs+"/prometheus", "--config.file="+folder+"/prometheus.yml", "--storage.tsdb.path="+folder+"/data", "--web.listen-address=127.0.0.1:9090")
	ask := func(path string) (answer struct{ Data json.RawMessage }) {
		text, _ := d.try("curl", "-s", "http://127.0.0.1:9090/api/v1/"+path)
		_ = json.Unmarshal([]byte(text), &answer)
		return answer
	}
	query := "query?query=" + url.QueryEscape(`sum(ipvs_server_connections_total{address="192.0.2.100"})`)
	eventually(t, 60*time.Second, "Prometheus counts 6 connections", func() bool {
		return strings.Contains(string(ask(query).Data), `"6"]`)
	})
	if metadata := string(ask("metadata?metric=ipvs_server_connections_total").Data); !strings.Contains(metadata, `"type":"counter"`) {
		t.Errorf("Prometheus knows of ipvs_server_connections_total: %s", metadata)
	}
}

// nodeLines returns the lines about IPVS in order, without those about node_exporter itself.
func nodeLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "node_ipvs") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}
