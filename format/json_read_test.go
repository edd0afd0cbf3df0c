package format

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ipvsadm/ipvs"
)

// TestReadJSON reads a document back that has every field.
func TestReadJSON(t *testing.T) {
	entries := everything()
	known := func(d ipvs.ListedDestination) bool { return d.Forwarding == 7 } // no forwarding method has this number
	entries[0].Destinations = slices.DeleteFunc(entries[0].Destinations, known)
	got, err := ReadJSON(strings.NewReader(written(t, jsonFormat{}, entries)))
	if err != nil {
		t.Fatal(err)
	}
	differs := cmp.Diff(entries, got, cmp.Comparer(ipvs.Service.Same), cmp.Comparer(func(a, b ipvs.ListedDestination) bool {
		return a.Destination == b.Destination
	}), cmp.Comparer(func(a, b ipvs.ListedService) bool { return a.Service == b.Service }), cmpopts.EquateEmpty())
	if differs != "" {
		t.Errorf("written (-) and read (+) differ:\n%s", differs)
	}
}

func TestReadBadJSON(t *testing.T) {
	good := written(t, jsonFormat{}, everything()[1:2])
	for name, test := range map[string]struct{ text, message string }{
		"cut":        {good[:len(good)/2], "unexpected EOF"},
		"twice":      {good + good, "more than one"},
		"another":    {`{"daemons": []}`, `"services" is missing`},
		"protocol":   {strings.Replace(good, `"udp"`, `"icmp"`, 1), `service 1 of the JSON: unknown word "icmp"`},
		"no address": {strings.Replace(good, `"192.0.2.80"`, "null", 1), "neither an address"},
		"escape":     {strings.Replace(good, `"mh"`, `"\u001b[31m"`, 1), `the scheduler "\x1b[31m"`},
		"timeout":    {regexp.MustCompile(`("persistent_timeout_seconds": *)60`).ReplaceAllString(good, "$1-60"), "a timeout of -60 s"},
		"zone":       {strings.Replace(good, `"192.0.2.80"`, `"fe80::1%eth0"`, 1), "neither an address"},
		"flag":       {strings.Replace(good, `"mh-port"`, `"sh-port"`, 1), `unknown word "sh-port"`},
		"weight":     {`{"services": [{"weight": "x", "servers": [{"weight": -1}]}]}`, "not a listing as JSON"},
	} {
		if entries, err := ReadJSON(strings.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v, %v; want %q", name, entries, err, test.message)
		}
	}
}
