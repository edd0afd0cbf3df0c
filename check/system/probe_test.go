package system

import (
	"net"
	"net/netip"
	"testing"
)

func TestARP(t *testing.T) {
	hardware := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	address := netip.MustParseAddr("192.0.2.1")
	request := arpRequest(hardware, address)
	if _, _, ok := parseARPReply(request); ok {
		t.Error("a request is no reply")
	}
	reply := append([]byte{0, 1, 8, 0, 6, 4, 0, 2}, hardware...)
	reply = append(append(reply, address.AsSlice()...), make([]byte, 28)...) // Ethernet pads packets
	sender, from, ok := parseARPReply(reply)
	if !ok || sender.String() != hardware.String() || from != address {
		t.Errorf("%s %s %v", sender, from, ok)
	}
	if _, _, ok := parseARPReply(reply[:27]); ok {
		t.Error("a short packet is no reply")
	}
}

func TestEcho(t *testing.T) {
	request := echoRequest(0x01020304, 100)
	if len(request) != 100 || checksum(request) != 0 {
		t.Errorf("%d bytes with the checksum %#x", len(request), checksum(request))
	}
	if checksum([]byte{1, 2, 3}) != ^uint16(0x0102+0x0300) {
		t.Errorf("odd length: %#x", checksum([]byte{1, 2, 3}))
	}
	packet := append([]byte{0x45}, make([]byte, 19)...)
	packet = append(packet, 0, 0, 0, 0, 1, 2, 3, 4)
	for _, test := range []struct {
		packet []byte
		id     uint32
		want   bool
	}{
		{packet, 0x01020304, true},
		{packet, 0x01020305, false},
		{packet[:27], 0x01020304, false},
		{nil, 0, false},
		{append([]byte{0x4f}, packet[1:]...), 0x01020304, false},
	} {
		if got := isEchoReply(test.packet, test.id); got != test.want {
			t.Errorf("%v: %v", test, got)
		}
	}
}
