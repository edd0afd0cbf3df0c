package format

import (
	"io"
	"time"

	"ipvsadm/ipvs"
)

// Timeouts writes the timeouts of connections, in seconds.
func (c classic) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	var r row
	r.add("Timeout (tcp tcpfin udp):")
	for _, timeout := range []time.Duration{timeouts.TCP, timeouts.TCPFin, timeouts.UDP} {
		r.add(" ")
		r.number(uint64(timeout / time.Second))
	}
	r.add("\n")
	_, err := w.Write(r.text)
	return err
}

// Daemons writes a line for each synchronization daemon. It leaves out settings that the kernel did not send.
func (c classic) Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	var r row
	for _, daemon := range daemons {
		r.add(daemon.State.String() + " sync daemon (mcast=" + daemon.Interface + ", syncid=")
		r.number(uint64(daemon.SyncID))
		addIfSet(&r, ", maxlen=", uint64(daemon.MaxLength))
		if daemon.Group.IsValid() {
			r.add(", group=" + daemon.Group.String())
		}
		addIfSet(&r, ", port=", uint64(daemon.Port))
		addIfSet(&r, ", ttl=", uint64(daemon.TTL))
		r.add(")\n")
	}
	_, err := w.Write(r.text)
	return err
}

func addIfSet(r *row, name string, value uint64) {
	if value != 0 {
		r.add(name)
		r.number(value)
	}
}
