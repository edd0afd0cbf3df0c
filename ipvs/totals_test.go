package ipvs

import (
	"strings"
	"testing"
)

func TestReadTotals(t *testing.T) {
	const heading = "   Total Incoming Outgoing         Incoming         Outgoing\n" +
		"   Conns  Packets  Packets            Bytes            Bytes\n"
	got, err := ReadTotals(strings.NewReader(heading + "       5       1E        0              6A4 FFFFFFFFFFFFFFFF\n\n Conns/s ...\n"))
	if want := (Counters{5, 30, 0, 1700, 1<<64 - 1}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", heading, heading + " 1 2 3 4\n", heading + " 1 2 3 4 X\n", heading + " 1 2 3 4 5 6\n", heading + " 1 2 3 4 10000000000000000\n"} {
		if got, err := ReadTotals(strings.NewReader(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
