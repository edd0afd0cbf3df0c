package ipvs

import (
	"cmp"
	"fmt"
	"time"
)

// Version is the kernel's IPVS version: NVERSION of linux/ip_vs.h, 0x010201 for 1.2.1.
type Version uint32

// String returns the version as the listings print it, such as "1.2.1".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", uint32(v)>>16&0xff, uint32(v)>>8&0xff, uint32(v)&0xff)
}

// Info is what the kernel says of IPVS itself (IPVS_INFO_ATTR_*, linux/ip_vs.h).
type Info struct {
	Version             Version
	ConnectionTableSize uint32 // hash buckets of the connection table
}

// Timeouts are how long an idle connection is kept, in whole seconds (IPVS_CMD_ATTR_TIMEOUT_*, linux/ip_vs.h). In a
// change zero keeps the timeout that is in force.
type Timeouts struct {
	TCP    time.Duration
	TCPFin time.Duration // after a FIN was seen
	UDP    time.Duration
}

// With returns the timeouts after a change.
func (t Timeouts) With(change Timeouts) Timeouts {
	return Timeouts{cmp.Or(change.TCP, t.TCP), cmp.Or(change.TCPFin, t.TCPFin), cmp.Or(change.UDP, t.UDP)}
}

// timeouts puts the timeouts.
func (e *encoder) timeouts(t Timeouts) {
	e.seconds(attrTimeoutTCP, t.TCP)
	e.seconds(attrTimeoutTCPFin, t.TCPFin)
	e.seconds(attrTimeoutUDP, t.UDP)
}

// decodeTimeouts reads a message that holds the timeouts.
func decodeTimeouts(message []byte, t *Timeouts) error {
	var a attributes
	a.read(message)
	*t = Timeouts{TCP: a.seconds(attrTimeoutTCP), TCPFin: a.seconds(attrTimeoutTCPFin), UDP: a.seconds(attrTimeoutUDP)}
	return a.err
}

// decodeInfo reads a message that holds the information.
func decodeInfo(message []byte, info *Info) error {
	var a attributes
	a.read(message)
	info.Version = Version(a.number(infoVersion))
	info.ConnectionTableSize = uint32(a.number(infoTableSize))
	return a.err
}
