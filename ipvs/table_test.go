package ipvs

import "testing"

func TestGatherNoServers(t *testing.T) {
	entries := func(yield func(Entry, error) bool) {
		_ = yield(Entry{}, nil) && yield(Entry{Destinations: make([]ListedDestination, 0, 9)}, nil)
	}
	all, err := Gather(entries)
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for i, entry := range all {
		if entry.Destinations != nil {
			t.Errorf("entry %d: %#v, not nil", i, entry.Destinations)
		}
	}
}
