package format

import (
	"errors"
	"io"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

func connection(protocol, client, virtual, destination, state string, seconds int, engine ...string) ipvs.Connection {
	c := ipvs.Connection{
		Protocol:    protocol,
		Client:      netip.MustParseAddrPort(client),
		Virtual:     netip.MustParseAddrPort(virtual),
		Destination: netip.MustParseAddrPort(destination),
		State:       state,
		Expires:     time.Duration(seconds) * time.Second,
	}
	if len(engine) == 2 {
		c.Engine, c.EngineData = engine[0], engine[1]
	}
	return c
}

// connections returns the connections of testdata/ip_vs_conn.
func connections() []ipvs.Connection {
	return []ipvs.Connection{
		connection("TCP", "10.0.0.1:32769", "10.1.0.1:80", "10.0.0.3:80", "ESTABLISHED", 899),
		connection("TCP", "10.0.0.4:32769", "10.1.0.1:80", "10.0.0.99:80", "FIN_WAIT", 59),
		connection("SCTP", "10.0.0.1:53", "10.1.0.1:9", "10.0.0.3:9", "ESTABLISHED", 5999),
		connection("IP", "10.0.0.1:0", "0.0.0.5:0", "10.0.0.3:0", "NONE", 36000),
		connection("UDP", "10.0.0.1:0", "10.1.0.3:5060", "10.0.0.1:5060", "UDP", 360, "sip", "6pWQ1h7gPq9aT@10.0.0.1"),
		connection("UDP", "10.0.0.1:0", "10.1.0.3:5060", "100.100.100.100:52304", "SYN_RECV_WITH_MORE", 0, "engineabcdefghi", "abc"),
		connection("TCP", "10.0.0.1:32769", "10.1.0.1:80", "[2001:db8::3]:80", "TIME_WAIT", 1),
		connection("TCP", "[2001:db8::1]:32769", "[2001:db8::2]:80", "[2001:db8::3]:80", "ESTABLISHED", 899),
		connection("UDP", "[2001:db8::2]:0", "[6::]:0", "[::1.2.3.4]:80", "NONE", 600),
	}
}

// stream yields the connections, and then the error unless it is nil.
func stream(connections []ipvs.Connection, err error) iter.Seq2[ipvs.Connection, error] {
	return func(yield func(ipvs.Connection, error) bool) {
		for _, connection := range connections {
			if !yield(connection, nil) {
				return
			}
		}
		if err != nil {
			yield(ipvs.Connection{}, err)
		}
	}
}

func TestConnections(t *testing.T) {
	for name, options := range map[string]Options{
		"connections":        {},
		"connections-names":  {Resolver: resolver()},
		"connections-engine": {PersistentConnections: true},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := (classic{options}).Connections(t.Context(), &b, stream(connections(), nil)); err != nil {
				t.Fatal(err)
			}
			compare(t, golden(t, name), b.String())
		})
	}
}

func TestNoConnections(t *testing.T) {
	var b strings.Builder
	if err := (classic{}).Connections(t.Context(), &b, stream(nil, nil)); err != nil {
		t.Fatal(err)
	}
	heading := strings.Join(strings.SplitAfter(golden(t, "connections"), "\n")[:2], "")
	compare(t, heading, b.String())
}

// TestLongEngineData has data on which the original dies from a segmentation fault (difference 9).
func TestLongEngineData(t *testing.T) {
	data := strings.Repeat("x", 255)
	c := connection("UDP", "10.0.0.1:0", "192.168.1.1:5060", "10.0.0.3:5060", "UDP", 360, "sip", data)
	var r row
	classic{Options{PersistentConnections: true}}.connection(&r, &c)
	compare(t, "UDP 06:00  UDP         10.0.0.1:0         192.168.1.1:5060   10.0.0.3:5060    sip                "+data+"\n",
		string(r.text))
}

func TestEngineData(t *testing.T) {
	for data, want := range map[string]string{
		"call id":       "call", // the original reads up to a space
		"\x1b[2J\x80é":  "?[2J???",
		"a\nTCP 00:00 ": "a",
	} {
		if got := engineData(data); got != want {
			t.Errorf("%q: got %q, want %q", data, got, want)
		}
	}
}

// TestMalformedLines lists connections with a malformed line and an empty one among them. The classic format prints the
// malformed line as the original does. The other formats skip both lines with a warning.
func TestMalformedLines(t *testing.T) {
	good := connections()[0]
	odd := good
	odd.Protocol = "odd"
	broken := func(yield func(ipvs.Connection, error) bool) {
		_ = yield(good, nil) &&
			yield(odd, &ipvs.LineError{Number: 3, Line: "odd\x1b", Field: "client"}) &&
			yield(ipvs.Connection{}, &ipvs.LineError{Number: 4, Field: "protocol"}) &&
			yield(good, nil)
	}
	for _, r := range []*names.Resolver{nil, resolver()} {
		var b, warnings strings.Builder
		options := Options{Resolver: r, Warnings: &warnings}
		if err := (classic{options}).Connections(t.Context(), &b, broken); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		if len(lines) != 6 || lines[3] != "odd"+lines[2][3:] && r == nil || !strings.HasPrefix(lines[3], "odd") || lines[2] != lines[4] || warnings.Len() > 0 {
			t.Errorf("classic: %q, warnings %q", lines, warnings.String())
		}
		for _, name := range []string{"json", "table"} {
			var b, want, warnings strings.Builder
			options.Warnings = &warnings
			format, err := New(name, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := format.Connections(t.Context(), &b, broken); err != nil {
				t.Fatal(err)
			}
			if err := format.Connections(t.Context(), &want, stream([]ipvs.Connection{good, good}, nil)); err != nil {
				t.Fatal(err)
			}
			compare(t, want.String(), b.String())
			compare(t, "warning: line 3 of the connection table has no valid client: \"odd\\x1b\", and is left out\n"+
				"warning: line 4 of the connection table has no valid protocol: \"\", and is left out\n", warnings.String())
			options.Warnings = nil
			if format, err = New(name, options); err != nil || format.Connections(t.Context(), io.Discard, broken) != nil {
				t.Errorf("%s: without a writer for warnings: %v", name, err)
			}
		}
	}
}

func TestConnectionsThatFail(t *testing.T) {
	failure := errors.New("cannot open file")
	for _, count := range []int{0, 1, connectionChunk, connectionChunk + 1} {
		many := make([]ipvs.Connection, count)
		for i := range many {
			many[i] = connections()[0]
		}
		var b strings.Builder
		err := classic{}.Connections(t.Context(), &b, stream(many, failure))
		if !errors.Is(err, failure) {
			t.Errorf("%d connections: got error %v", count, err)
		}
		lines := strings.Count(b.String(), "\n")
		if count == 0 && lines != 0 || count > 0 && lines != count+2 {
			t.Errorf("%d connections: got %d lines", count, lines)
		}
	}
}

func TestConnectionsToFullDisk(t *testing.T) {
	many := make([]ipvs.Connection, 3*connectionChunk)
	for i := range many {
		many[i] = connections()[0]
	}
	for room := range 3 {
		err := classic{}.Connections(t.Context(), &fullDisk{room}, stream(many, nil))
		if !errors.Is(err, errFull) {
			t.Errorf("after %d writes: got error %v", room, err)
		}
	}
}

func BenchmarkConnections(b *testing.B) {
	var all []ipvs.Connection
	for range 2000 {
		all = append(all, connections()...)
	}
	for b.Loop() {
		if err := (classic{}).Connections(b.Context(), discard{}, stream(all, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMinutes(t *testing.T) {
	for seconds, want := range map[int]string{0: "00:00", 59: "00:59", 60: "01:00", 599: "09:59", 600: "10:00", 5999: "99:59", 6000: "100:00", 1<<32 - 1: "71582788:15"} {
		if got := minutes(time.Duration(seconds) * time.Second); got != want {
			t.Errorf("%d seconds: got %s, want %s", seconds, got, want)
		}
	}
}
