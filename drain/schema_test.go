package drain

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestSchema prints an event of every kind. The schema allows each, and forbids it without one of its keys.
func TestSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../man/ipvsadm-drain.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	servers := chosen(t, tableOf(t, web), "-r 10.0.0.1")
	weight := uint32(3)
	remaining := Remaining{Active: 1, UDP: 2, Inactive: 3, Templates: 4, Longest: time.Minute, LongestTemplate: 1500 * time.Millisecond}
	var out bytes.Buffer
	p := NewPrinter(bufio.NewWriter(&out), Style{JSON: true})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers { // a mark, and two protocols
		subject := about(s.key())
		for _, e := range []Event{
			Started{header: head("start", now), Servers: 1, Until: UntilAll, Timeout: 900, Delete: true},
			Began{head("drain", now), subject, 3, 0},
			Note{head("note", now), "a note"},
			Progress{header: head("progress", now), subject: subject, counts: remaining.counts()},
			Ended{head("drained", now), subject, 1},
			TimedOut{head("timeout", now), subject, remaining.counts(), 900, []Client{{s.Address.Addr(), 5}}},
			SetBack{head("set_back", now), subject, &weight},
			SetBack{head("set_back", now), subject, nil},
			Ended{head("deleted", now), subject, 1},
			Refused{head("refused", now), "a reason", "a consequence", "a command"},
			Planned{header: head("plan", now), subject: subject, counts: remaining.counts(), Commands: []string{rule(s.edit(0))}},
		} {
			check(p.Print(e))
		}
	}
	check(p.Progress(now, []Progress{progress(t, "-r 10.0.0.2 -f 7", 5, 5)}))
	check(p.List([]Drained{{Record: recordsOf(t, web)[0]}}, now))
	check(p.Finish(0, nil, now))
	check(p.Finish(3, errors.New("a message"), now))

	kinds := make(map[string]bool)
	for line := range strings.Lines(out.String()) {
		event, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		check(err)
		if err := schema.Validate(event); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		object := event.(map[string]any)
		kinds[object["event"].(string)] = true
		for name, value := range object {
			delete(object, name)
			if schema.Validate(event) == nil {
				t.Errorf("the schema allows the event %s without %s", object["event"], name)
			}
			object[name] = value
		}
	}
	if len(kinds) != 12 {
		t.Errorf("%d kinds of events", len(kinds))
	}
}
