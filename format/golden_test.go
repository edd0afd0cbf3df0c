package format

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// golden returns the original's output, which testdata/capture recorded.
func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// resolver returns a resolver with the files that the original used, and an empty DNS.
func resolver() *names.Resolver {
	r := names.NewResolver()
	r.HostsFile = "testdata/hosts"
	r.ServicesFile = "testdata/services"
	r.LookupAddress = func(context.Context, netip.Addr) ([]string, error) { return nil, os.ErrNotExist }
	return r
}

func compare(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")); diff != "" {
		t.Errorf("original -, ours +:\n%s", diff)
	}
}

func service(protocol ipvs.Protocol, address, scheduler string, flags ipvs.ServiceFlags) ipvs.ListedService {
	id := ipvs.AddressService(protocol, netip.MustParseAddrPort(address))
	return ipvs.ListedService{Service: ipvs.Service{ServiceID: id, Scheduler: scheduler, Flags: flags}}
}

func markService(mark uint32, family ipvs.Family, scheduler string) ipvs.ListedService {
	return ipvs.ListedService{Service: ipvs.Service{ServiceID: ipvs.MarkService(mark, family), Scheduler: scheduler}}
}

func persistent(s ipvs.ListedService, timeout time.Duration, mask ipvs.Netmask) ipvs.ListedService {
	s.Flags |= ipvs.Persistent
	s.Timeout = timeout
	s.Netmask = mask
	return s
}

func destination(address string, forwarding ipvs.Forwarding, weight uint32) ipvs.ListedDestination {
	return ipvs.ListedDestination{Destination: ipvs.Destination{Address: netip.MustParseAddrPort(address), Forwarding: forwarding, Weight: weight}}
}

func tunnelled(address string, tunnel ipvs.Tunnel) ipvs.ListedDestination {
	d := destination(address, ipvs.Tunneling, 1)
	d.Tunnel = tunnel
	return d
}

// entries returns the table of testdata/capture, not sorted.
func entries() []ipvs.Entry {
	const allFlags = ipvs.SchedulerFlag1 | ipvs.SchedulerFlag2 | ipvs.SchedulerFlag3
	bounded := destination("10.0.0.1:80", ipvs.Masquerading, 3)
	bounded.UpperThreshold, bounded.LowerThreshold = 100, 20
	sip := persistent(service(ipvs.UDP, "10.1.0.3:5060", "wrr", allFlags|ipvs.OnePacket), time.Minute, ipvs.IPv4Netmask([4]byte{255, 255, 255, 0}))
	sip.Engine = "sip"

	return []ipvs.Entry{
		{ListedService: persistent(markService(6, ipvs.IPv6, "wrr"), 5*time.Second, ipvs.IPv6Netmask(64))},
		{ListedService: markService(6, ipvs.IPv4, "lblcr")},
		{ListedService: markService(5, ipvs.IPv4, "wrr"), Destinations: []ipvs.ListedDestination{destination("10.0.0.1:53", ipvs.DirectRouting, 1)}},
		{ListedService: persistent(service(ipvs.TCP, "[2001:db8:1111:2222:3333:4444:5555:6666]:443", "rr", 0), 300*time.Second, ipvs.IPv6Netmask(64))},
		{ListedService: persistent(service(ipvs.TCP, "[2001:db8::1]:80", "rr", 0), 300*time.Second, ipvs.Netmask{}), Destinations: []ipvs.ListedDestination{
			destination("[2001:db8::10]:80", ipvs.Masquerading, 1),
			destination("[2001:db8::2]:80", ipvs.Masquerading, 1),
		}},
		{ListedService: service(ipvs.TCP, "[::ffff:1.2.3.4]:443", "rr", 0)},
		{ListedService: service(ipvs.TCP, "[::1.2.3.4]:80", "sed", 0)},
		{ListedService: persistent(service(ipvs.SCTP, "10.1.0.4:0", "wrr", 0), 360*time.Second, ipvs.Netmask{})},
		{ListedService: service(ipvs.SCTP, "10.1.0.4:9", "wrr", 0)},
		{ListedService: service(ipvs.TCP, "[::4]:80", "rr", 0)},
		{ListedService: service(ipvs.TCP, "[::3:4]:80", "rr", 0)},
		{ListedService: service(ipvs.UDP, "10.1.0.3:5063", "sh", ipvs.SchedulerFlag1|ipvs.SchedulerFlag3)},
		{ListedService: service(ipvs.UDP, "10.1.0.3:5062", "mh", ipvs.SchedulerFlag3)},
		{ListedService: service(ipvs.UDP, "10.1.0.3:5061", "mh", ipvs.HashPortFlag|ipvs.OnePacket)},
		{ListedService: sip},
		{ListedService: service(ipvs.TCP, "10.1.0.3:80", "sh", ipvs.FallbackFlag|ipvs.HashPortFlag)},
		{ListedService: persistent(service(ipvs.TCP, "10.1.0.2:443", "wlc", 0), 24*time.Hour, ipvs.IPv4Netmask([4]byte{255, 0, 255, 0}))},
		{ListedService: persistent(service(ipvs.TCP, "10.1.0.1:80", "rr", 0), 300*time.Second, ipvs.Netmask{}), Destinations: []ipvs.ListedDestination{
			tunnelled("[2001:db8::1]:80", ipvs.Tunnel{}),
			tunnelled("10.0.0.8:80", ipvs.Tunnel{Type: ipvs.GRE, Checksum: ipvs.Checksum}),
			tunnelled("10.0.0.7:80", ipvs.Tunnel{Type: ipvs.GRE}),
			tunnelled("10.0.0.6:80", ipvs.Tunnel{Type: ipvs.GUE, Port: 60800, Checksum: ipvs.RemoteChecksum}),
			tunnelled("10.0.0.5:80", ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Checksum: ipvs.Checksum}),
			tunnelled("10.0.0.4:80", ipvs.Tunnel{Type: ipvs.GUE, Port: 6080}),
			tunnelled("10.0.0.3:80", ipvs.Tunnel{}),
			destination("10.0.0.2:80", ipvs.DirectRouting, 0),
			destination("10.0.0.1:8080", ipvs.Masquerading, 1<<31-1),
			bounded,
		}},
	}
}
