package format

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

func someConnection() ipvs.Connection {
	return ipvs.Connection{
		Protocol:    "TCP",
		State:       "ESTABLISHED",
		Expires:     90 * time.Second,
		Client:      netip.MustParseAddrPort("192.0.2.1:1025"),
		Virtual:     netip.MustParseAddrPort("10.1.0.1:80"),
		Destination: netip.MustParseAddrPort("[2001:db8::2]:8080"),
	}
}

func TestJSONConnections(t *testing.T) {
	sip := someConnection()
	sip.Engine, sip.EngineData = "sip", "a<b\"\xff"
	two := func(yield func(ipvs.Connection, error) bool) {
		_ = yield(someConnection(), nil) && yield(sip, nil)
	}
	const ends = `"client":{"address":"192.0.2.1","address_name":null,"port":1025,"port_name":null},` +
		`"virtual":{"address":"10.1.0.1","address_name":null,"port":80,"port_name":null},` +
		`"destination":{"address":"2001:db8::2","address_name":null,"port":8080,"port_name":null},`
	const head = `{"protocol":"tcp","state":"ESTABLISHED","expires_seconds":90,`
	var b bytes.Buffer
	if err := (jsonFormat{}).Connections(context.Background(), &b, two); err != nil {
		t.Fatal(err)
	}
	compare(t, "[\n"+
		head+ends+`"persistence_engine":null,"persistence_engine_data":null},`+"\n"+
		head+ends+`"persistence_engine":"sip","persistence_engine_data":"a<b\"`+"\ufffd\"}\n]\n", strings.ReplaceAll(b.String(), `\ufffd`, "\ufffd"))
}

func TestJSONSummary(t *testing.T) {
	other := someConnection()
	other.State, other.Client = "TIME_WAIT", netip.MustParseAddrPort("192.0.2.9:1")
	other.Destination = netip.MustParseAddrPort("10.0.0.9:8080")
	var b bytes.Buffer
	summary := jsonFormat{Options{Summary: true, Resolver: resolver()}}
	if err := summary.Connections(t.Context(), &b, stream([]ipvs.Connection{other, someConnection(), other}, nil)); err != nil {
		t.Fatal(err)
	}
	compare(t, `{
  "connections": 3,
  "states": [
    {
      "state": "TIME_WAIT",
      "connections": 2
    },
    {
      "state": "ESTABLISHED",
      "connections": 1
    }
  ],
  "services": [
    {
      "protocol": "tcp",
      "address": "10.1.0.1",
      "address_name": "www.example.com",
      "port": 80,
      "port_name": "http",
      "connections": 3
    }
  ],
  "servers": [
    {
      "protocol": "tcp",
      "address": "10.0.0.9",
      "address_name": null,
      "port": 8080,
      "port_name": null,
      "connections": 2
    },
    {
      "protocol": "tcp",
      "address": "2001:db8::2",
      "address_name": "six",
      "port": 8080,
      "port_name": null,
      "connections": 1
    }
  ]
}
`, b.String())
}

func TestJSONNoConnections(t *testing.T) {
	var b bytes.Buffer
	err := (jsonFormat{}).Connections(context.Background(), &b, func(func(ipvs.Connection, error) bool) {})
	if err != nil || b.String() != "[\n]\n" {
		t.Errorf("%v %q", err, b.String())
	}
}

// TestJSONLines wants the same document for a program as for a person, with each service on a line of its own.
func TestJSONLines(t *testing.T) {
	for name, entries := range map[string][]ipvs.Entry{"everything": everything(), "nothing": nil} {
		var indented, compact bytes.Buffer
		forPeople := written(t, jsonFormat{Options{Terminal: true}}, entries)
		forPrograms := written(t, jsonFormat{}, entries)
		if err := json.Compact(&indented, []byte(forPeople)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Compact(&compact, []byte(forPrograms)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compare(t, indented.String(), compact.String())

		lines := strings.SplitAfter(forPrograms, "\n")
		if want := 1 + len(entries) + 2; len(lines) != want { // head, services, tail, and nothing behind it
			t.Errorf("%s: %d lines for %d services:\n%s", name, len(lines), len(entries), forPrograms)
		}
		for _, line := range lines[1 : 1+len(entries)] {
			if service := strings.TrimRight(line, ",\n"); !json.Valid([]byte(service)) {
				t.Errorf("%s: this line is not one service: %s", name, line)
			}
		}
	}
}

// TestJSONStrings wants strings as package encoding/json writes them.
func TestJSONStrings(t *testing.T) {
	for _, text := range []string{"", "sip", `a"b`, `a\b`, "a\tb\n", "\x00\x7f", "<&>", "é€", "\xff\xfe", "\u2028", "a'b"} {
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(text); err != nil {
			t.Fatal(err)
		}
		if got := string(appendQuoted(nil, text)) + "\n"; got != want.String() {
			t.Errorf("%q: %s, not %s", text, got, want.String())
		}
	}
}

func TestJSONNames(t *testing.T) {
	entry := ipvs.Entry{ListedService: service(ipvs.TCP, "10.1.0.1:80", "rr", 0)}
	var b bytes.Buffer
	if err := (jsonFormat{Options{Resolver: resolver(), Terminal: true}}).Table(context.Background(), &b, ipvs.Info{}, ipvs.Each(entry)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"address": "10.1.0.1"`, `"port": 80`, `"port_name": "http"`, `"servers": []`, `"scheduler_flags": []`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

// TestBrokenListing has an error after some connections or before the first.
func TestBrokenListing(t *testing.T) {
	broken := errors.New("broken")
	for name, listing := range map[string]Format{"JSON": jsonFormat{}, "aligned": aligned{}} {
		for some, want := range map[bool]bool{true: true, false: false} {
			var b bytes.Buffer
			err := listing.Connections(context.Background(), &b, func(yield func(ipvs.Connection, error) bool) {
				_ = (!some || yield(someConnection(), nil)) && yield(ipvs.Connection{}, broken)
			})
			if !errors.Is(err, broken) || (b.Len() > 0) != want || strings.HasSuffix(b.String(), "]\n") {
				t.Errorf("%s, some %v: %v %q", name, some, err, b.String())
			}
		}
	}
}

// TestBrokenJSONTable has an error behind some services or before the first.
func TestBrokenJSONTable(t *testing.T) {
	broken := errors.New("broken")
	for some, want := range map[int]string{0: "", 1: "}"} {
		var b bytes.Buffer
		err := (jsonFormat{}).Table(t.Context(), &b, someInfo, func(yield func(ipvs.Entry, error) bool) {
			for _, entry := range everything()[:some] {
				if !yield(entry, nil) {
					return
				}
			}
			yield(ipvs.Entry{}, broken)
		})
		if !errors.Is(err, broken) || !strings.HasSuffix(b.String(), want) || want == "" && b.Len() > 0 || json.Valid(b.Bytes()) {
			t.Errorf("after %d services: %v\n%s", some, err, b.String())
		}
	}
}

// TestStreaming wants connections written as they come.
func TestStreaming(t *testing.T) {
	const all = 20_000
	for _, name := range Names() {
		listing, err := New(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var written lineCounter
		longest := 0
		var connections iter.Seq2[ipvs.Connection, error] = func(yield func(ipvs.Connection, error) bool) {
			for i := range all {
				longest = max(longest, i-int(written))
				if !yield(someConnection(), nil) {
					return
				}
			}
		}
		if err := listing.Connections(context.Background(), &written, connections); err != nil {
			t.Fatal(err)
		}
		if longest > 2*connectionChunk || int(written) < all {
			t.Errorf("%s: %d connections held, %d lines", name, longest, written)
		}
	}
}

type lineCounter int

func (c *lineCounter) Write(b []byte) (int, error) {
	*c += lineCounter(bytes.Count(b, []byte("\n")))
	return len(b), nil
}
