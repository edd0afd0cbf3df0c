package format

import (
	"io"
	"time"

	"ipvsadm/ipvs"
)

// Timeouts writes the timeouts of connections.
func (a aligned) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	g := grid{columns: []column{{heading: "TIMEOUT"}, {heading: "SECONDS", right: true}}}
	g.add(0, "tcp", decimal(uint64(timeouts.TCP/time.Second)))
	g.add(0, "tcpfin", decimal(uint64(timeouts.TCPFin/time.Second)))
	g.add(0, "udp", decimal(uint64(timeouts.UDP/time.Second)))
	return g.write(w, true)
}

// Daemons writes the synchronization daemons. A setting has a column if the kernel sent it for any of them.
func (a aligned) Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	g := grid{columns: []column{
		{heading: "DAEMON"},
		{heading: "INTERFACE"},
		{heading: "SYNCID", right: true},
		{heading: "MAXLEN", right: true, optional: true},
		{heading: "GROUP", optional: true},
		{heading: "PORT", right: true, optional: true},
		{heading: "TTL", right: true, optional: true},
	}}
	for _, d := range daemons {
		group := ""
		if d.Group.IsValid() {
			group = d.Group.String()
		}
		g.add(0, d.State.String(), d.Interface, decimal(uint64(d.SyncID)),
			ifSet(uint64(d.MaxLength)), group, ifSet(uint64(d.Port)), ifSet(uint64(d.TTL)))
	}
	return g.write(w, true)
}

func ifSet(n uint64) string {
	if n == 0 {
		return ""
	}
	return decimal(n)
}
