package ipvs

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChangeOnTheWire(t *testing.T) {
	id := AddressService(TCP, addrPort("192.0.2.1:80"))
	idRaw := nest(1, u16(1, 2), u16(2, 6), union(3, 192, 0, 2, 1), attribute(4, 0, 80))
	mark := MarkService(1<<32-1, IPv6)
	flags := func(n uint32) []byte {
		return append(binary.NativeEndian.AppendUint32(nil, n), 0xff, 0xff, 0xff, 0xff)
	}
	for _, test := range []struct {
		change  Change
		text    string
		command uint8
		raw     []byte
	}{
		{
			AddService(Service{ServiceID: id, Scheduler: "wlc", Flags: Persistent | OnePacket, Timeout: 1500 * time.Millisecond, Netmask: IPv4Netmask([4]byte{255, 255, 255, 0}), Engine: "sip"}),
			"add service TCP 192.0.2.1:80", 1,
			raw(nest(1, u16(1, 2), u16(2, 6), union(3, 192, 0, 2, 1), attribute(4, 0, 80), text(6, "wlc\x00"), text(11, "sip\x00"),
				attribute(7, flags(5)...), u32(8, 2), attribute(9, 255, 255, 255, 0))),
		},
		{
			EditService(Service{ServiceID: mark, Scheduler: "abcdefghijklmno", Netmask: IPv6Netmask(64)}), "edit service FWM 4294967295 IPv6", 2,
			raw(nest(1, u16(1, 10), u32(5, 1<<32-1), text(6, "abcdefghijklmno\x00"), attribute(7, flags(0)...), u32(8, 0), u32(9, 64))),
		},
		{
			AddService(Service{ServiceID: AddressService(UDP, addrPort("[2001:db8::1]:443")), Scheduler: "rr"}), "add service UDP [2001:db8::1]:443", 1,
			raw(nest(1, u16(1, 10), u16(2, 17), union(3, ipv6...), attribute(4, 1, 187), text(6, "rr\x00"), attribute(7, flags(0)...), u32(8, 0), u32(9, 128))),
		},
		{DeleteService(id), "delete service TCP 192.0.2.1:80", 3, raw(idRaw)},
		{
			AddDestination(id, Destination{Address: addrPort("[2001:db8::1]:8080"), Forwarding: Tunneling, Weight: 3, UpperThreshold: 5, LowerThreshold: 4, Tunnel: Tunnel{GUE, 6080, RemoteChecksum}}),
			"add destination [2001:db8::1]:8080 of TCP 192.0.2.1:80", 5,
			raw(idRaw, nest(2, union(1, ipv6...), attribute(2, 0x1f, 0x90), u16(11, 10), u32(3, 2), u32(4, 3), u32(5, 5), u32(6, 4),
				attribute(13, 1), attribute(14, 0x17, 0xc0), u16(15, 2))),
		},
		{
			EditDestination(mark, Destination{Address: addrPort("10.0.0.1:0")}), "edit destination 10.0.0.1:0 of FWM 4294967295 IPv6", 6,
			raw(nest(1, u16(1, 10), u32(5, 1<<32-1)), nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 0), u16(11, 2), u32(3, 0), u32(4, 0), u32(5, 0), u32(6, 0),
				attribute(13, 0), attribute(14, 0, 0), u16(15, 0))),
		},
		{
			DeleteDestination(id, addrPort("10.0.0.1:80")), "delete destination 10.0.0.1:80 of TCP 192.0.2.1:80", 7,
			raw(idRaw, nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80), u16(11, 2))),
		},
		{Zero(id), "zero counters TCP 192.0.2.1:80", 16, raw(idRaw)},
		{ZeroAll(), "zero counters", 16, nil},
		{Flush(), "clear table", 17, nil},
		{SetTimeouts(Timeouts{TCP: math.MaxUint32 * time.Second, UDP: time.Second}), "set timeouts", 12, raw(u32(4, math.MaxUint32), u32(5, 0), u32(6, 1))},
		{StartDaemon(Daemon{State: Master, Interface: "eth0", SyncID: 9}), "start daemon master", 9, raw(nest(3, u32(1, 1), text(2, "eth0\x00"), u32(3, 9)))},
		{
			StartDaemon(Daemon{State: Backup, Interface: "eth0", MaxLength: 1400, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 2}), "start daemon backup", 9,
			raw(nest(3, u32(1, 2), text(2, "eth0\x00"), u32(3, 0), u16(4, 1400), attribute(5, 224, 0, 0, 81), u16(7, 8848), attribute(8, 2))),
		},
		{
			StartDaemon(Daemon{State: Backup, Interface: "eth0", Group: netip.MustParseAddr("2001:db8::1")}), "start daemon backup", 9,
			raw(nest(3, u32(1, 2), text(2, "eth0\x00"), u32(3, 0), attribute(6, ipv6...))),
		},
		{StopDaemon(Backup), "stop daemon backup", 10, raw(nest(3, u32(1, 2)))},
	} {
		if test.change.invalid != nil {
			t.Errorf("%s: %v", test.text, test.change.invalid)
		}
		if got := test.change.String(); got != test.text {
			t.Errorf("change %q, want %q", got, test.text)
		}
		want := append([]byte{test.command, 1, 0, 0}, test.raw...)
		if diff := cmp.Diff(want, test.change.message); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}
