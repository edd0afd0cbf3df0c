package ipvs

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
)

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, Netmask{})

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// attribute, u16 and so on make raw attributes: the tests share no code with what they test.
func attribute(kind uint16, data ...byte) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: data}
}

func u16(kind, n uint16) netlink.Attribute {
	return attribute(kind, binary.NativeEndian.AppendUint16(nil, n)...)
}

func u32(kind uint16, n uint32) netlink.Attribute {
	return attribute(kind, binary.NativeEndian.AppendUint32(nil, n)...)
}

func u64(kind uint16, n uint64) netlink.Attribute {
	return attribute(kind, binary.NativeEndian.AppendUint64(nil, n)...)
}

func raw(attributes ...netlink.Attribute) []byte {
	return nltest.MustMarshalAttributes(attributes)
}

func nest(kind uint16, attributes ...netlink.Attribute) netlink.Attribute {
	return attribute(kind|netlink.Nested, raw(attributes...)...)
}

func text(kind uint16, s string) netlink.Attribute { return attribute(kind, []byte(s)...) }

// union is an nf_inet_addr.
func union(kind uint16, address ...byte) netlink.Attribute {
	return attribute(kind, append(address, make([]byte, 16-len(address))...)...)
}

var ipv6 = []byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}

func TestDecodeService(t *testing.T) {
	for _, test := range []struct {
		name string
		raw  []byte
		want ListedService
	}{
		{"everything", raw(nest(1,
			u16(1, 2), u16(2, 6), union(3, 192, 0, 2, 1), attribute(4, 0, 80), text(6, "wlc\x00"),
			attribute(7, append(binary.NativeEndian.AppendUint32(nil, 7), 0xff, 0xff, 0xff, 0xff)...),
			u32(8, 300), attribute(9, 255, 255, 1, 0), text(11, "sip\x00"),
			nest(10, u32(1, 9), u64(4, 9)),
			nest(12, u64(1, 1<<32), u64(2, 1<<63), u64(3, 3), u64(4, math.MaxUint64), u64(5, 5),
				u64(6, 6), u64(7, 7), u64(8, 8), u64(9, 9), u64(10, 1<<33)),
		)), ListedService{Service: Service{
			ServiceID: AddressService(TCP, addrPort("192.0.2.1:80")), Scheduler: "wlc", Flags: Persistent | Hashed | OnePacket,
			Timeout: 300 * time.Second, Netmask: IPv4Netmask([4]byte{255, 255, 1, 0}), Engine: "sip",
		}, Traffic: Traffic{
			Totals: Counters{1 << 32, 1 << 63, 3, math.MaxUint64, 5}, Rates: Counters{6, 7, 8, 9, 1 << 33},
		}}},
		{"the wide counters first", raw(nest(1, u16(1, 2), u32(5, 1), nest(12, u64(1, 1<<40)), nest(10, u32(1, 3)))), ListedService{Service: Service{
			ServiceID: MarkService(1, IPv4),
		}, Traffic: Traffic{Totals: Counters{Connections: 1 << 40}}}},
		{"no family, which old kernels leave out", raw(nest(1, u32(5, 1))), ListedService{Service: Service{ServiceID: MarkService(1, IPv4)}}},
		{"an old kernel's counters", raw(nest(1, u16(1, 2), u32(5, 1), nest(10, u32(1, 3), u64(4, 1<<40), u32(10, 2)))), ListedService{Service: Service{
			ServiceID: MarkService(1, IPv4),
		}, Traffic: Traffic{
			Totals: Counters{Connections: 3, IncomingBytes: 1 << 40}, Rates: Counters{OutgoingBytes: 2},
		}}},
		{"the family last, and IPv6", raw(nest(1, union(3, ipv6...), attribute(4, 1, 187), u16(2, 17), u32(9, 64), u16(1, 10))), ListedService{Service: Service{
			ServiceID: AddressService(UDP, addrPort("[2001:db8::1]:443")), Netmask: IPv6Netmask(64),
		}}},
		{"the longest prefix", raw(nest(1, u32(5, 1), u32(9, 128), u16(1, 10))), ListedService{Service: Service{
			ServiceID: MarkService(1, IPv6), Netmask: IPv6Netmask(128),
		}}},
		{"a name of 16 characters", raw(nest(1, u16(1, 10), u32(5, 1<<32-1), text(6, "abcdefghijklmnop"))), ListedService{Service: Service{
			ServiceID: MarkService(1<<32-1, IPv6), Scheduler: "abcdefghijklmnop",
		}}},
		{"a newer kernel's attributes", raw(text(99, "?"), nest(1, attribute(77, 1, 2, 3), u16(1, 2), u32(5, 1))), ListedService{Service: Service{
			ServiceID: MarkService(1, IPv4),
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got ListedService
			if err := new(Client).decodeService(test.raw, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, sameAddresses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			test.want.Traffic = Traffic{}
			got = ListedService{}
			err := new(Client).WithoutCounters().decodeService(test.raw, &got)
			if diff := cmp.Diff(test.want, got, sameAddresses); err != nil || diff != "" {
				t.Errorf("without counters: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestDecodeDestination(t *testing.T) {
	for _, test := range []struct {
		name    string
		service Family
		raw     []byte
		want    ListedDestination
	}{
		{"everything", IPv4, raw(nest(2,
			union(1, ipv6...), attribute(2, 0x1f, 0x90), u32(3, 2), u32(4, 1<<31-1), u32(5, 5), u32(6, 6), u32(7, 7), u32(8, 8),
			u32(9, 9), u16(11, 10), nest(12, u64(1, 1<<63)), attribute(13, 1), attribute(14, 0x17, 0xc0), u16(15, 2),
		)), ListedDestination{Destination: Destination{
			Address: addrPort("[2001:db8::1]:8080"), Forwarding: Tunneling, Weight: 1<<31 - 1, UpperThreshold: 5, LowerThreshold: 6,
			Tunnel: Tunnel{GUE, 6080, RemoteChecksum},
		}, ActiveConnections: 7, InactiveConnections: 8, PersistentConnections: 9, Traffic: Traffic{
			Totals: Counters{Connections: 1 << 63},
		}}},
		{"an old kernel's, IPv4", IPv4, raw(nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80), u32(3, 3))), ListedDestination{Destination: Destination{
			Address: addrPort("10.0.0.1:80"), Forwarding: DirectRouting,
		}}},
		{"an old kernel's, IPv6", IPv6, raw(nest(2, union(1, ipv6...), attribute(2, 0, 80), u32(3, 0x100))), ListedDestination{Destination: Destination{
			Address: addrPort("[2001:db8::1]:80"), Forwarding: Masquerading,
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got ListedDestination
			if err := new(Client).decodeDestination(test.raw, test.service, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, sameAddresses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			test.want.Traffic = Traffic{}
			got = ListedDestination{}
			err := new(Client).WithoutCounters().decodeDestination(test.raw, test.service, &got)
			if diff := cmp.Diff(test.want, got, sameAddresses); err != nil || diff != "" {
				t.Errorf("without counters: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestDecodeDaemonInfoTimeouts(t *testing.T) {
	var daemon Daemon
	err := decodeDaemon(raw(nest(3, u32(1, 2), text(2, "eth0\x00"), u32(3, 255), u16(4, 1400), union(6, 0xff, 2), u16(7, 8848), attribute(8, 64))), &daemon)
	want := Daemon{Backup, "eth0", 255, 1400, netip.MustParseAddr("ff02::"), 8848, 64}
	if err != nil || daemon != want {
		t.Errorf("daemon %+v, %v, want %+v", daemon, err, want)
	}
	daemon = Daemon{}
	err = decodeDaemon(raw(nest(3, u32(1, 1), text(2, "eth0\x00"), u32(3, 0))), &daemon)
	if want := (Daemon{State: Master, Interface: "eth0"}); err != nil || daemon != want {
		t.Errorf("an old kernel's daemon %+v, %v, want %+v", daemon, err, want)
	}
	var info Info
	err = decodeInfo(raw(u32(1, 0x010201), u32(2, 4096)), &info)
	if want := (Info{0x010201, 4096}); err != nil || info != want {
		t.Errorf("info %+v, %v, want %+v", info, err, want)
	}
	var timeouts Timeouts
	err = decodeTimeouts(raw(u32(4, 900), u32(5, 120), u32(6, 1<<32-1)), &timeouts)
	if want := (Timeouts{900 * time.Second, 120 * time.Second, (1<<32 - 1) * time.Second}); err != nil || timeouts != want {
		t.Errorf("timeouts %+v, %v, want %+v", timeouts, err, want)
	}
}

func TestDecodeMalformed(t *testing.T) {
	for name, message := range map[string][]byte{
		"length below the header":   {3, 0, 1, 0},
		"length past the end":       {9, 0, 1, 0, 0, 0, 0, 0},
		"length of zero":            {0, 0, 0, 0, 0, 0, 0, 0},
		"half a header":             {4, 0, 1},
		"nothing":                   {},
		"short IPv4 address":        raw(nest(1, u16(1, 2), attribute(3, 1, 2, 3))),
		"short IPv6 address":        raw(nest(1, u16(1, 10), attribute(3, 1, 2, 3, 4))),
		"no address":                raw(nest(1, u16(1, 2))),
		"unknown family":            raw(nest(1, u16(1, 7), union(3, 1))),
		"short port":                raw(nest(1, u16(1, 2), union(3, 1), attribute(4, 1))),
		"number of three bytes":     raw(nest(1, u32(5, 1), attribute(8, 1, 2, 3))),
		"short flags":               raw(nest(1, u32(5, 1), attribute(7, 1))),
		"short netmask":             raw(nest(1, u32(5, 1), attribute(9, 1))),
		"long prefix":               raw(nest(1, u16(1, 10), u32(5, 1), u32(9, 129))),
		"cut within the statistics": raw(nest(1, u32(5, 1), attribute(12, 12, 0, 1, 0, 1))),
	} {
		var s ListedService
		if err := new(Client).decodeService(message, &s); err == nil {
			t.Errorf("%s: no error, but %+v", name, s)
		}
	}
	if err := decodeInfo([]byte{8, 0, 1, 0, 1}, new(Info)); !errors.Is(err, errTruncated) {
		t.Errorf("info: %v", err)
	}
	for name, message := range map[string][]byte{"another attribute": raw(nest(1, u16(1, 2))), "nothing": {}} {
		err := decodeDaemon(message, new(Daemon))
		if err == nil || err.Error() != "the kernel's reply lacks its object" {
			t.Errorf("a daemon, and there is %s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(raw(nest(1, u16(1, 2), union(3, 1), attribute(4, 0, 1), nest(10, u32(1, 1)))))
	f.Fuzz(func(t *testing.T, message []byte) {
		new(Client).decodeService(message, new(ListedService))
		new(Client).decodeDestination(message, IPv4, new(ListedDestination))
		decodeDaemon(message, new(Daemon))
		decodeInfo(message, new(Info))
		decodeTimeouts(message, new(Timeouts))
	})
}

func BenchmarkDecodeService(b *testing.B) {
	message := raw(nest(1, u16(1, 2), u16(2, 6), union(3, 192, 0, 2, 1), attribute(4, 0, 80), text(6, "wlc\x00"),
		nest(10, u32(1, 1), u32(2, 2), u32(3, 3), u64(4, 4), u64(5, 5)), nest(12, u64(1, 1), u64(2, 2), u64(3, 3), u64(4, 4), u64(5, 5))))
	c := new(Client)
	b.ReportAllocs()
	for b.Loop() {
		var s ListedService
		if err := c.decodeService(message, &s); err != nil {
			b.Fatal(err)
		}
	}
}

// TestHighestAttributes reads the last attribute that we know of each kind, and an unknown one after it.
func TestHighestAttributes(t *testing.T) {
	for _, end := range []uint16{attrEnd, svcEnd, destEnd, daemonEnd, statsEnd, infoEnd} {
		var a attributes
		a.read(raw(u32(end-1, 7), u32(end, 8)))
		if got := a.number(end - 1); got != 7 || a.err != nil {
			t.Errorf("attribute %d: %d, %v, want 7", end-1, got, a.err)
		}
	}
}
