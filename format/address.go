package format

import (
	"net/netip"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// maxEndpoint is where an address and port is cut, wherever it stands.
const maxEndpoint = 59

// appendEndpoint writes an address and port, or their names if there are any. The protocol is the one that the
// port's name is looked up for, empty for none.
func appendEndpoint(b []byte, resolver *names.Resolver, endpoint netip.AddrPort, protocol string) []byte {
	start := len(b)
	b = resolver.AppendEndpoint(b, endpoint, protocol)
	return b[:min(len(b), start+maxEndpoint)]
}

// appendCut writes an address and port as the tables do, which cut those of IPv4 to the width of the column.
func appendCut(b []byte, resolver *names.Resolver, endpoint netip.AddrPort, protocol string) []byte {
	start := len(b)
	b = appendEndpoint(b, resolver, endpoint, protocol)
	if endpoint.Addr().Is4() {
		b = b[:min(len(b), start+nameWidth)]
	}
	return b
}

// portProtocol returns a protocol as the services file names it, nothing for a firewall mark's.
func portProtocol(protocol ipvs.Protocol) string {
	switch protocol {
	case ipvs.TCP:
		return "tcp"
	case ipvs.UDP:
		return "udp"
	case ipvs.SCTP:
		return "sctp"
	default:
		return ""
	}
}
