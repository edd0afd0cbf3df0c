package tests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestConnections selects and groups the connections of three clients: 1 from the first, 2 from the second, 3 from the
// third. The server web3 leaves the table, and web2 is drained.
func TestConnections(t *testing.T) {
	f := newFarm(t, "rr")
	for client := range 3 {
		for range client + 1 {
			f.mustConnect(f.from(clientAddress(client + 1)))
		}
	}
	f.weigh("web2", 0)
	f.remove("web3")
	f.ipvsadm("-A -t " + farmAddress + ":81 -s rr -p 300")
	f.ipvsadm("-a -t " + farmAddress + ":81 -r 10.0.0.11:80 -m")
	persistent, err := f.client.dial(clientAddress(4), farmAddress+":81")
	if err != nil {
		t.Fatal(err)
	}
	defer persistent.Close()

	for words, want := range map[string]string{
		"--count":                           "8",
		"--count --templates":               "1",
		"--count --no-templates":            "7",
		"--count -t " + farmService:         "6",
		"--count -t " + farmAddress + ":81": "2",
		"--count -r 10.0.0.12":              "2",
		"--count -r 10.0.0.12:81":           "0",
		"--count --client 198.51.100.2/31":  "5",
		"--count --client 198.51.100.1 --client 198.51.100.4 --no-templates": "2",
		"--count --state ESTABLISHED":                                        "7",
		"--count --state none,assured,established":                           "8",
		"--count --protocol udp":                                             "0",
		"--count --stale":                                                    "4",
		"--count --stale -r 10.0.0.13":                                       "2",
		"--count --expires <30s":                                             "0",
		"--count --expires >5m --protocol tcp":                               "7",
	} {
		if got := strings.TrimSpace(f.director.run(append([]string{"ipvsadm", "connections"}, strings.Fields(words)...)...)); got != want {
			t.Errorf("connections %s: %s, want %s", words, got, want)
		}
	}

	groups := func(words ...string) (all []string) {
		text := f.director.run(append([]string{"ipvsadm", "connections", "--format", "json"}, words...)...)
		for line := range strings.Lines(text) {
			var group struct {
				Client, Service, Server, State string
				Others                         bool
				Connections                    int
				Share                          float64
			}
			if err := json.Unmarshal([]byte(line), &group); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			name := group.Client + group.Service + group.Server + group.State
			if group.Others {
				name = "others"
			}
			all = append(all, fmt.Sprintf("%s %d %.2f", name, group.Connections, group.Share))
		}
		return all
	}
	for words, want := range map[string]string{
		"--by client --no-templates -t " + farmService: "198.51.100.3 3 0.50, 198.51.100.2 2 0.33, 198.51.100.1 1 0.17",
		"--by client/24":                 "198.51.100.0/24 8 1.00",
		"--by service":                   "tcp 192.0.2.100:80 6 0.75, tcp 192.0.2.100:81 2 0.25",
		"--by server --top 1":            "10.0.0.11:80 4 0.50",
		"--by state --no-templates":      "ESTABLISHED 7 1.00",
		"--by state --by server --stale": "10.0.0.12:80ESTABLISHED 2 0.50, 10.0.0.13:80ESTABLISHED 2 0.50",
		"--by client/0 --max-groups 1":   "0.0.0.0/0 8 1.00",
	} {
		if got := strings.Join(groups(strings.Fields(words)...), ", "); got != want {
			t.Errorf("connections %s: %s, want %s", words, got, want)
		}
	}
	others := groups("--by", "client", "--max-groups", "2")
	if len(others) != 3 || !strings.HasPrefix(others[2], "others ") {
		t.Errorf("with two groups at most: %q", others)
	}
	if text := f.director.run("ipvsadm", "connections", "-n", "--stale"); !strings.Contains(text, "\n4 stale: without traffic the last one ends in 14m") {
		t.Errorf("the stale connections:\n%s", text)
	}
	for words, want := range map[string]string{
		"--state FOO":                         "--state \"FOO\": use NONE, ",
		"--by port":                           "--by: \"port\" is not one of client, ",
		"--by client --by client/24":          "--by takes two different properties at most",
		"--top 3":                             "--top needs groups: add --by",
		"--by state --count":                  "--count prints one number",
		"--by state --format classic":         "groups have no classic format",
		"--expires 30":                        "--expires \"30\": use <, <=, > or >=",
		"--client 198.51.100.1/33":            "is no address or network",
		"--templates --no-templates":          "exclude each other",
		"--watch 2y":                          "unexpected argument 2y",
		"-t " + farmService + " -u 1.1.1.1:1": "multiple 'service-address' options",
	} {
		text, status := f.director.try(append([]string{"ipvsadm", "connections"}, strings.Fields(words)...)...)
		if status != 1 || !strings.Contains(text, want) {
			t.Errorf("connections %s: status %d, want 1 and %q:\n%s", words, status, want, text)
		}
	}
	watched, _ := f.director.try("timeout", "-s", "INT", "2", "ipvsadm", "connections", "--count", "--watch", "100ms")
	if strings.Count(watched, "8\n") < 2 {
		t.Errorf("--watch 100ms printed %q in two seconds", watched)
	}
}
