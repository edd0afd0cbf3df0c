//go:build long

package tests

import "testing"

// change lets the first director go at the moment at which a server leaves all directors. It returns how many connections
// to the other servers broke.
func (a *anycast) change(n int) int {
	a.t.Helper()
	conns := a.hold(n)
	fewer := "SERVERS=203.0.113.11=1 203.0.113.12=1"
	for _, d := range a.directors {
		d.env = append(d.env, fewer)
		d.script("lvsanycast", "start")
	}
	disasters[0].goes(a, a.directors[0])
	a.await(1)
	all, others := broken(conns, "web3")
	a.t.Logf("a server leaves at the same moment: %d of %d connections broke, %d of them to the servers that stayed", all, n, others)
	disasters[0].back(a, a.directors[0])
	for _, d := range a.directors {
		d.env = d.env[:len(d.env)-1]
		d.script("lvsanycast", "start")
	}
	a.await(2)
	return others
}

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
