package ipvs

import (
	"fmt"
	"testing"
)

// TestWords checks the words for the kernel's numbers. A number without a word is printed itself.
func TestWords(t *testing.T) {
	for want, value := range map[string]fmt.Stringer{
		"masquerading": Masquerading, "local": LocalNode, "ipip": Tunneling, "gatewaying": DirectRouting, "bypass": Bypass, "5": Forwarding(5),
		"gue": GUE, "gre": GRE, "3": TunnelType(3),
		"nocsum": NoChecksum, "csum": Checksum, "remcsum": RemoteChecksum, "4": TunnelChecksum(4),
		"master": Master, "backup": Backup, "7": DaemonState(7),
		"TCP": TCP, "UDP": UDP, "SCTP": SCTP, "1": Protocol(1),
		"ipv4": IPv4, "ipv6": IPv6,
		"1.2.1": Version(0x010201), "255.0.16": Version(0xff0010),
	} {
		if got := value.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := IPIP.String(); got != "ipip" {
		t.Errorf("got %q for the tunnel type ipip", got)
	}
}
