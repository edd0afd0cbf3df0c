package format

import (
	"cmp"
	"io"
	"maps"
	"slices"
)

// tally counts connections by state, service and server.
type tally struct {
	all                       uint64
	states, services, servers map[string]uint64
}

func newTally() *tally {
	return &tally{states: map[string]uint64{}, services: map[string]uint64{}, servers: map[string]uint64{}}
}

// write writes one grid for states, one for services and one for servers, with the largest count first.
func (t *tally) write(w io.Writer) error {
	for _, part := range []struct {
		heading string
		counts  map[string]uint64
	}{{"STATE", t.states}, {"SERVICE", t.services}, {"SERVER", t.servers}} {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		g := grid{columns: []column{{heading: part.heading}, {heading: "CONNECTIONS", right: true}}}
		for _, name := range slices.SortedFunc(maps.Keys(part.counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(part.counts[b], part.counts[a]), cmp.Compare(a, b))
		}) {
			g.add(0, name, decimal(part.counts[name]))
		}
		g.add(0, "total", decimal(t.all))
		if err := g.write(w, true); err != nil {
			return err
		}
	}
	return nil
}
