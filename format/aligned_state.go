package format

import (
	"io"
	"time"

	"ipvsadm/ipvs"
)

// Timeouts writes the timeouts of connections.
func (a aligned) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	return a.writeNumbers(w, "TIMEOUT", "SECONDS", []numbered{
		{"tcp", uint64(timeouts.TCP / time.Second)},
		{"tcpfin", uint64(timeouts.TCPFin / time.Second)},
		{"udp", uint64(timeouts.UDP / time.Second)},
	})
}

// Daemons writes the synchronization daemons. A setting has a column if the kernel sent it for any of them.
func (a aligned) Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	g := a.newGrid([]column{
		{heading: "DAEMON"},
		{heading: "INTERFACE"},
		{heading: "SYNCID", right: true},
		{heading: "MAXLEN", right: true, optional: true},
		{heading: "GROUP", optional: true},
		{heading: "PORT", right: true, optional: true},
		{heading: "TTL", right: true, optional: true},
	})
	for _, d := range daemons {
		g.add(d.State.String())
		g.next()
		g.add(d.Interface)
		g.next()
		g.addNumber(uint64(d.SyncID))
		g.addIfSet(uint64(d.MaxLength))
		if d.Group.IsValid() {
			g.add(d.Group.String())
		}
		g.next()
		g.addIfSet(uint64(d.Port))
		g.addIfSet(uint64(d.TTL))
	}
	g.place()
	if err := g.writeHeadings(w); err != nil {
		return err
	}
	return g.write(w)
}

// Origins writes where the entries of the connection table come from, and how long ago a daemon last received one.
func (a aligned) Origins(w io.Writer, origins ipvs.Origins) error {
	newest := "none"
	switch {
	case origins.Newest >= 0:
		newest = decimal(uint64(origins.Newest/time.Second)) + " s ago"
	case origins.Synchronized > 0:
		newest = "unknown"
	}
	g := a.newGrid([]column{{heading: "ORIGIN"}, {heading: "ENTRIES", right: true}, {heading: "NEWEST", right: true}})
	g.add("this machine")
	g.next()
	g.addNumber(uint64(origins.Local))
	g.next()
	g.add("received")
	g.next()
	g.addNumber(uint64(origins.Synchronized))
	g.add(newest)
	g.next()
	g.place()
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	if err := g.writeHeadings(w); err != nil {
		return err
	}
	return g.write(w)
}

// addIfSet adds a number, or an empty cell for zero.
func (g *grid) addIfSet(n uint64) {
	if n != 0 {
		g.number(n)
	}
	g.next()
}
