package format

import (
	"io"
	"strconv"

	"ipvsadm/ipvs"
)

// Daemons writes the synchronization daemons, a line each, and nothing if there are none. What the kernel does not
// tell of one is left out.
func Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	var b []byte
	for _, daemon := range daemons {
		b = append(b, daemon.State.String()...)
		b = append(b, " sync daemon (mcast="...)
		b = append(b, daemon.Interface...)
		b = append(b, ", syncid="...)
		b = strconv.AppendUint(b, uint64(daemon.SyncID), 10)
		b = appendIfSet(b, ", maxlen=", uint64(daemon.MaxLength))
		if daemon.Group.IsValid() {
			b = append(b, ", group="...)
			b = daemon.Group.AppendTo(b)
		}
		b = appendIfSet(b, ", port=", uint64(daemon.Port))
		b = appendIfSet(b, ", ttl=", uint64(daemon.TTL))
		b = append(b, ")\n"...)
	}
	_, err := w.Write(b)
	return err
}

func appendIfSet(b []byte, name string, value uint64) []byte {
	if value == 0 {
		return b
	}
	b = append(b, name...)
	return strconv.AppendUint(b, value, 10)
}
