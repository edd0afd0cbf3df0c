package command

import (
	"encoding/binary"
	"fmt"

	"ipvsadm/ipvs"
)

// NeedsServer reports whether Remarks depend on what the server was before.
func (c Command) NeedsServer() bool { return c.Kind == EditServer && !c.Typed.Forwarding }

// Remarks returns hints about what the command did and is seldom meant. The original does the same without a word. Before
// is the server as it was, if NeedsServer.
func (c Command) Remarks(before ipvs.Destination) []string {
	var remarks []string
	switch c.Kind {
	case AddService, EditService:
		if length, ok := c.lengthForMask(); ok {
			remarks = append(remarks, fmt.Sprintf("the mask is %v: for a prefix of %d bits type -M %s",
				c.Service.Netmask.Address(), length, dottedMask(length)))
		}
	case AddServer, EditServer:
		if typed := c.Typed.Port; typed != 0 && typed != c.Server.Address.Port() {
			remarks = append(remarks, fmt.Sprintf("the server's port is %d, the service's, and not %d: only -m can change the port",
				c.Server.Address.Port(), typed))
		}
		if now := c.Server.Forwarding; c.NeedsServer() && before.Forwarding != now {
			remarks = append(remarks, fmt.Sprintf("the server was %s and is %s now: -e sets what is not typed to its default",
				forwardingOption(before.Forwarding), forwardingOption(now)))
		}
	}
	return remarks
}

// lengthForMask returns the prefix length that was typed for a dotted mask: -M 24 is 0.0.0.24.
func (c Command) lengthForMask() (length int, ok bool) {
	octets := c.Service.Netmask.Address().As4()
	mask := binary.BigEndian.Uint32(octets[:])
	return int(mask), c.Service.Family == ipvs.IPv4 && 1 <= mask && mask <= 32
}
