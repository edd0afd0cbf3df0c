package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMetrics compares the metrics of a farm with the connections that were opened.
func TestMetrics(t *testing.T) {
	f := newFarm(t, "rr")
	f.weigh("web3", 0)
	for range 6 {
		f.mustConnect(f.from(clientAddress(1)))
	}
	const service = `{address="192.0.2.100",port="80",protocol="tcp",mark="",family="ipv4"`
	server := func(n int) string {
		return fmt.Sprintf(`%s,server_address="10.0.0.1%d",server_port="80"}`, service, n)
	}
	want := []string{
		`ipvs_connections{protocol="tcp",state="ESTABLISHED"} 6`,
		`ipvs_timeout_seconds{state="tcp"} 900`,
		"ipvs_drains 0",
		`ipvs_check_findings{severity="error"} 0`,
		"ipvs_service_connections_total" + service + "} 6",
		"ipvs_service_servers" + service + "} 2",
		"ipvs_server_connections_total" + server(1) + " 3",
		"ipvs_server_connections_total" + server(2) + " 3",
		"ipvs_server_connections_total" + server(3) + " 0",
		"ipvs_server_active_connections" + server(2) + " 3",
		"ipvs_server_weight" + server(1) + " 1",
		"ipvs_server_weight" + server(3) + " 0",
	}
	missing := want
	poll(25*time.Second, func() bool { // a newer kernel adds counters up every two seconds
		text := f.director.run("ipvsadm", "metrics")
		missing = nil
		for _, line := range want {
			if !strings.Contains(text, "\n"+line+"\n") {
				missing = append(missing, line)
			}
		}
		return missing == nil
	})
	if missing != nil {
		t.Errorf("the metrics lack\n%s\nthey are\n%s", strings.Join(missing, "\n"), f.director.run("ipvsadm", "metrics"))
	}
	f.ipvsadm("-A -t " + farmAddress + ":81 -s rr")
	f.director.try("ipvsadm", "drain", "-r", "10.0.0.12", "--timeout", "0", "--quiet")
	text := f.director.run("ipvsadm", "metrics")
	for _, line := range []string{"ipvs_drains 1", `ipvs_check_findings{severity="error"} 1`} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("with a service without servers and a drain the metrics lack %s:\n%s", line, text)
		}
	}
	f.ipvsadm("-D -t " + farmAddress + ":81")
	if text := f.director.run("ipvsadm", "metrics", "--level", "service"); strings.Contains(text, "ipvs_server_") {
		t.Errorf("--level service has servers:\n%s", text)
	}
	for _, test := range []struct {
		words  []string
		status int
		text   string
	}{
		{[]string{"--max-series", "32"}, 1, "have 33 values, more than --max-series 32\n"},
		{[]string{"--max-series", "33"}, 0, "# EOF\n"},
		{[]string{"--level", "port"}, 1, "--level \"port\": use server or service\n"},
		{[]string{"--output", ""}, 1, "--output: the name of the file is empty\n"},
		{[]string{"--output", "/run/none/ipvs.prom"}, 1, "cannot save to /run/none/ipvs.prom: no such file or directory\n"},
		{[]string{"more"}, 1, "unexpected argument more\n"},
	} {
		text, status := f.director.try(append([]string{"ipvsadm", "metrics"}, test.words...)...)
		if status != test.status || !strings.Contains(text, test.text) {
			t.Errorf("metrics %q: status %d, want %d:\n%s", test.words, status, test.status, text)
		}
	}
	file := t.TempDir() + "/ipvs.prom"
	f.director.run("ipvsadm", "metrics", "--output", file)
	if text := readFile(t, file); !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("the file is %q", text)
	}
	if mode := f.director.run("stat", "-c", "%a", file); mode != "644\n" {
		t.Errorf("the file has mode %s", mode)
	}
}
