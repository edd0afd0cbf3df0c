package ipvs

import (
	"cmp"
	"context"
	"time"
)

// Timeouts are how long the kernel keeps an idle connection, in whole seconds (IPVS_CMD_ATTR_TIMEOUT_*, linux/ip_vs.h). In
// a change, zero keeps the timeout in force.
type Timeouts struct {
	TCP    time.Duration
	TCPFin time.Duration // after a FIN was seen
	UDP    time.Duration
}

// With returns the timeouts after a change.
func (t Timeouts) With(change Timeouts) Timeouts {
	return Timeouts{cmp.Or(change.TCP, t.TCP), cmp.Or(change.TCPFin, t.TCPFin), cmp.Or(change.UDP, t.UDP)}
}

// Timeouts returns the timeouts in force. IPVS_CMD_GET_CONFIG.
func (c *Client) Timeouts(ctx context.Context) (Timeouts, error) {
	return get(ctx, c, request{operation: OpGetTimeouts}.encoded(encode(cmdGetConfig)), decodeTimeouts)
}

// SetTimeouts sets the timeouts that are not zero. The kernel's clock limits them (EINVAL). IPVS_CMD_SET_CONFIG.
func SetTimeouts(timeouts Timeouts) Change {
	e := encode(cmdSetConfig)
	e.timeouts(timeouts)
	return Change{request{operation: OpSetTimeouts}.encoded(e)}
}

// timeouts appends the timeouts.
func (e *encoder) timeouts(t Timeouts) {
	e.seconds(attrTimeoutTCP, t.TCP)
	e.seconds(attrTimeoutTCPFin, t.TCPFin)
	e.seconds(attrTimeoutUDP, t.UDP)
}

// decodeTimeouts reads a message that holds the timeouts.
func decodeTimeouts(message []byte, t *Timeouts) error {
	var a attributes
	a.read(message)
	t.TCP = a.seconds(attrTimeoutTCP)
	t.TCPFin = a.seconds(attrTimeoutTCPFin)
	t.UDP = a.seconds(attrTimeoutUDP)
	return a.err
}
