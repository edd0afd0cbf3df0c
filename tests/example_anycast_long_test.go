//go:build long

package tests

import "testing"

// TestLongAnycast measures the figures of examples/README.md.
func TestLongAnycast(t *testing.T) {
	const connections = 200
	for _, sloppy := range []int{1, 0} {
		t.Logf("sloppy_tcp %d", sloppy)
		a := newAnycast(t, sloppy)
		for _, way := range disasters {
			n := a.suffer(way, connections)
			if sloppy == 1 && n > 0 {
				t.Errorf("%s: %d connections broke with sloppy_tcp", way.name, n)
			}
			if sloppy == 0 && n < connections/4 {
				t.Errorf("%s: only %d connections broke without sloppy_tcp, so this test tells nothing", way.name, n)
			}
		}
		if n := a.change(connections); sloppy == 1 && n > connections/20 {
			t.Errorf("%d connections to servers that stayed broke", n)
		}
	}
}
