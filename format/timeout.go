package format

import (
	"io"
	"strconv"
	"time"

	"ipvsadm/ipvs"
)

// Timeouts writes the timeouts of connections, in seconds.
func Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	b := []byte("Timeout (tcp tcpfin udp):")
	for _, timeout := range []time.Duration{timeouts.TCP, timeouts.TCPFin, timeouts.UDP} {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(timeout/time.Second), 10)
	}
	_, err := w.Write(append(b, '\n'))
	return err
}
