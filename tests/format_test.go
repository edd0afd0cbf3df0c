package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// withConnections makes a table with everything, and three connections through one more service on the loopback interface.
func withConnections(t *testing.T) *namespace {
	t.Helper()
	n := newNamespace(t)
	n.program(t, everyKind+"-A -t 127.0.0.1:8080 -s rr\n-a -t 127.0.0.1:8080 -r 127.0.0.1:8081 -m\n", "-R")
	err := n.do(func() error {
		listener, err := net.Listen("tcp", "127.0.0.1:8081")
		if err != nil {
			return err
		}
		t.Cleanup(func() { listener.Close() })
		for range 3 {
			connection, err := net.Dial("tcp", "127.0.0.1:8080")
			if err != nil {
				return err
			}
			t.Cleanup(func() { connection.Close() })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestJSON validates every listing against the schema, which has every key as required and forbids others.
func TestJSON(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../man/ipvsadm.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	n := withConnections(t)
	documents := map[string]any{}
	for _, words := range []string{
		"-L", "-Ln", "-Ln --nosort", "-Ln --stats --exact", "-Ln -f 7 -6", "-Ln -t 192.0.2.80:80",
		"-L --timeout", "-Lc", "-Lnc", "-Lnc --persistent-conn", "-Lc --summary", "-Lnc --summary",
	} {
		text := n.program(t, "", append(strings.Fields(words), "--format", "json")...)
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v\n%s", words, err, text)
			continue
		}
		documents[words] = document
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v\n%s", words, err, text)
		}
	}
	// The kernel starts no daemon in a namespace with a server of another family than its service, so use an empty one.
	empty := newNamespace(t)
	if err := empty.do(exec.Command("ip", "link", "add", "dummy0", "up", "type", "dummy").Run); err != nil {
		skipOutsideLab(t, "no dummy interface: "+err.Error())
	}
	for _, state := range []string{"", "master", "backup"} {
		if state != "" {
			empty.program(t, "", "--start-daemon", state, "--mcast-interface", "dummy0")
		}
		for _, words := range []string{"-Ln", "-Lnc", "-Lnc --summary", "-L --daemon"} {
			text := empty.program(t, "", append(strings.Fields(words), "--format", "json")...)
			document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err == nil {
				err = schema.Validate(document)
			}
			if err != nil {
				t.Errorf("%s of nothing: %v\n%s", words, err, text)
			}
			if state == "backup" && words == "-L --daemon" && len(document.(map[string]any)["daemons"].([]any)) != 2 {
				t.Errorf("not two daemons: %s", text)
			}
		}
	}

	// The values, which the schema cannot check.
	table := documents["-Ln"].(map[string]any)["services"].([]any)
	if len(table) != 8 {
		t.Errorf("%d services", len(table))
	}
	one := documents["-Ln -t 192.0.2.80:80"].(map[string]any)["services"].([]any)[0].(map[string]any)
	server := one["servers"].([]any)[0].(map[string]any)
	for _, check := range []struct {
		object map[string]any
		key    string
		want   any
	}{
		{one, "protocol", "tcp"},
		{one, "netmask", "255.255.255.0"},
		{one, "persistent_timeout_seconds", json.Number("300")},
		{one, "port", json.Number("80")},
		{one, "port_name", nil},
		{server, "forwarding", "masquerading"},
		{server, "upper_threshold", json.Number("100")},
		{server, "lower_threshold", json.Number("20")},
	} {
		if got := check.object[check.key]; got != check.want {
			t.Errorf("%s: %v, not %v", check.key, got, check.want)
		}
	}
	connections := documents["-Lnc"].([]any)
	if len(connections) != 3 {
		t.Fatalf("%d connections", len(connections))
	}
	connection := connections[0].(map[string]any)
	if connection["state"] != "ESTABLISHED" || connection["destination"].(map[string]any)["port"] != json.Number("8081") {
		t.Errorf("%v", connection)
	}
	if keys := slices.Sorted(maps.Keys(documents["-L --timeout"].(map[string]any))); len(keys) != 3 {
		t.Errorf("%v", keys)
	}
}

// TestAligned checks that each column begins or ends where its heading does.
func TestAligned(t *testing.T) {
	n := withConnections(t)
	text := n.program(t, "", "-Ln", "--format", "table", "--stats")
	rows := strings.Split(text, "\n")
	server := slices.IndexFunc(rows, func(row string) bool { return strings.HasPrefix(row, "  127.0.0.1:8081 ") })
	if server < 0 {
		t.Fatal(text)
	}
	heading := rows[1]
	for _, column := range []struct{ heading, value string }{{"ACTIVE", "3"}, {"WEIGHT", "1"}} {
		end := regexp.MustCompile(`\b` + column.heading + `\b`).FindStringIndex(heading)[1]
		if got := rows[server][end-2 : end]; got != " "+column.value {
			t.Errorf("%s: %q in\n%s", column.heading, got, text)
		}
	}
	for _, want := range []string{"tcp [2001:db8:1111:2222:3333:4444:5555:6666]:443 ", "gue 6080 csum", " TUNNEL ", " UPPER ", " PERSISTENCE "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") || regexp.MustCompile(`(?m) $`).MatchString(text) {
		t.Errorf("colour without a terminal, or spaces at the end of a line:\n%q", text)
	}
	one := n.program(t, "", "-Ln", "-t", "127.0.0.1:8080", "--format", "table")
	for _, absent := range []string{"TUNNEL", "UPPER", "PERSISTENCE", "CONNS"} {
		if strings.Contains(one, absent) {
			t.Errorf("a column %s in\n%s", absent, one)
		}
	}

	connections := n.program(t, "", "-Lnc", "--format", "table")
	_, summary, _ := strings.Cut(connections, "\n\n")
	want := `STATE        CONNECTIONS
ESTABLISHED            3
total                  3

SERVICE             CONNECTIONS
tcp 127.0.0.1:8080            3
total                         3

SERVER              CONNECTIONS
tcp 127.0.0.1:8081            3
total                         3
`
	if summary != want {
		t.Errorf("%s", connections)
	}
	if alone := n.program(t, "", "-Lnc", "--summary"); alone != want {
		t.Errorf("%s", alone)
	}
}

// onTerminal runs a shell command on a terminal in the namespace, with ipvsadm in its PATH. It returns the output without
// carriage returns.
func (n *namespace) onTerminal(t *testing.T, line string, environment ...string) string {
	t.Helper()
	var output bytes.Buffer
	err := n.do(func() error {
		command := exec.Command("script", "-qec", line, "/dev/null")
		command.Env = append(environment, "PATH="+filepath.Dir(builtProgram(t))+":"+os.Getenv("PATH"), "SHELL=/bin/sh")
		command.Stdout = &output
		return command.Run()
	})
	if err != nil {
		skipOutsideLab(t, "script: "+err.Error())
	}
	return strings.ReplaceAll(output.String(), "\r", "")
}

// TestColour runs the program on a terminal.
func TestColour(t *testing.T) {
	n := newNamespace(t)
	n.program(t, everyKind, "-R")
	const magentaServer = "\x1b[35m10.0.0.12:8080\x1b[0m"
	for _, test := range []struct {
		environment, words string
		want               bool
	}{
		{"TERM=xterm", "", true},
		{"NO_COLOR=1", "", false},
		{"TERM=dumb", "", false},
		{"TERM=xterm", " --color never", false},
		{"NO_COLOR=1", " --color=always", true},
	} {
		output := n.onTerminal(t, "ipvsadm -Ln --format table"+test.words, test.environment)
		if strings.Contains(output, magentaServer) != test.want || strings.Contains(output, "\x1b") != test.want {
			t.Errorf("%s%s: %q", test.environment, test.words, output)
		}
	}
	if output := n.program(t, "", "-Ln", "--format", "table", "--color", "always"); !strings.Contains(output, magentaServer) {
		t.Errorf("--color always in a pipe: %q", output)
	}
	if classic := n.onTerminal(t, "ipvsadm -Ln --color always"); classic != n.program(t, "", "-Ln") {
		t.Errorf("the classic format on a terminal: %q", classic)
	}
}

// TestTerminal lists services of all kinds, and connections, on terminals of several widths.
func TestTerminal(t *testing.T) {
	n := withConnections(t)
	inPipe := n.program(t, "", "-Ln", "--format", "table")
	for _, width := range []int{40, 80, 120, 250} {
		line := fmt.Sprintf("stty cols %d", width)
		for _, words := range []string{"-Ln", "-Ln --stats", "-Ln --stats --rate --exact", "-Lnc", "-Lnc --summary", "-L --daemon", "-L --timeout"} {
			line += "; ipvsadm " + words + " --format table --color never"
		}
		output := n.onTerminal(t, line)
		for row := range strings.Lines(output) {
			if row = strings.TrimSuffix(row, "\n"); len(row) > width {
				t.Errorf("%d columns: this line has %d: %q", width, len(row), row)
			}
		}
		if whole := strings.HasPrefix(output, inPipe); whole != (width == 250) {
			t.Errorf("%d columns: everything on one line each: %v\n%s", width, whole, output)
		}
		if width >= 80 {
			for _, server := range regexp.MustCompile(`(?m)^  \S*[0-9]\S*`).FindAllString(inPipe, -1) {
				if !strings.Contains(output, "\n"+server) {
					t.Errorf("%d columns: no server %s in\n%s", width, server, output)
				}
			}
		}
	}
	fitted := n.onTerminal(t, "stty cols 80; ipvsadm -Ln --format table --color never")
	if preferred := n.onTerminal(t, "stty cols 250; COLUMNS=80 ipvsadm -Ln --format table --color never"); preferred != fitted {
		t.Errorf("COLUMNS=80: %s", preferred)
	}
	if !strings.HasSuffix(fitted, "\nFitted to 80 columns. To see everything in full, add: | less -S\n") {
		t.Errorf("no way to see everything: %s", fitted)
	}
	if piped := n.onTerminal(t, "stty cols 80; ipvsadm -Ln --format table | cat"); piped != inPipe {
		t.Errorf("in a pipe: %s", piped)
	}
	if json := n.onTerminal(t, "ipvsadm -Ln --format json"); !strings.HasPrefix(json, "{\n  \"version\": ") || !strings.Contains(json, "\n          \"weight\": 1,\n") {
		t.Errorf("JSON on a terminal: %s", json)
	}
}
