package ipvs

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// dialKernel returns a client of an empty IPVS in the test's own network namespace. It skips the test if that fails, but not
// in the lab, where it must not fail.
func dialKernel(t *testing.T) *Client {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("IPVSADM_LAB") != "" {
		skip = t.Fatalf
	}
	if os.Geteuid() != 0 {
		skip("needs root, to make a network namespace")
	}
	runtime.LockOSThread() // and never unlocks it: the thread is in the namespace, and ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		skip("needs a network namespace of its own: %v", err)
	}
	client, err := Dial()
	if errors.Is(err, fs.ErrNotExist) && LoadModule(t.Context()) == nil {
		client, err = Dial()
	}
	if err != nil {
		skip("needs a kernel with IPVS: %v", err)
	}
	t.Cleanup(func() { client.Close() })
	// Without an interface no address is unicast to the kernel.
	if err := upLoopback(); err != nil {
		t.Fatal(err)
	}
	return client
}

// upLoopback sets the namespace's loopback interface up: a daemon needs an interface with an address.
func upLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

func apply(t *testing.T, c *Client, changes ...Change) {
	t.Helper()
	if err := c.Apply(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

func services(t *testing.T, c *Client) map[ServiceID]Service {
	t.Helper()
	all := make(map[ServiceID]Service)
	list, err := c.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		all[s.ServiceID] = s.Service
	}
	return all
}

func destinations(t *testing.T, c *Client, id ServiceID) map[netip.AddrPort]ListedDestination {
	t.Helper()
	all := make(map[netip.AddrPort]ListedDestination)
	list, err := c.Destinations(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		all[d.Address] = d
	}
	return all
}

func TestKernelServices(t *testing.T) {
	c := dialKernel(t)
	want := map[ServiceID]Service{}
	for _, s := range []Service{
		{ServiceID: AddressService(TCP, addrPort("192.0.2.1:80")), Scheduler: "rr"},
		{ServiceID: AddressService(UDP, addrPort("255.0.2.1:53")), Scheduler: "wlc", Flags: OnePacket},
		{ServiceID: AddressService(SCTP, addrPort("192.0.2.1:80")), Scheduler: "lc"},
		{ServiceID: AddressService(TCP, addrPort("192.0.2.2:0")), Scheduler: "mh", Flags: Persistent | FallbackFlag | HashPortFlag, Timeout: 300 * time.Second, Netmask: IPv4Netmask([4]byte{255, 255, 1, 0})},
		{ServiceID: AddressService(TCP, addrPort("[2001:db8::1]:443")), Scheduler: "sh", Flags: Persistent | SchedulerFlag3, Timeout: 31 * 24 * time.Hour, Netmask: IPv6Netmask(64)},
		{ServiceID: MarkService(1, IPv4), Scheduler: "rr"},
		{ServiceID: MarkService(1, IPv6), Scheduler: "rr"},
		{ServiceID: MarkService(1<<32-1, IPv4), Scheduler: "rr"},
		{ServiceID: AddressService(UDP, addrPort("192.0.2.3:5060")), Scheduler: "rr", Flags: Persistent | OnePacket, Timeout: time.Minute, Engine: "sip"},
	} {
		apply(t, c, AddService(s))
		s.Flags |= Hashed
		want[s.ServiceID] = s
	}
	if diff := cmp.Diff(want, services(t, c), sameAddresses); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	for id, s := range want {
		got, err := c.Service(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, got.Service, sameAddresses); diff != "" {
			t.Errorf("service %v (-want +got):\n%s", id, diff)
		}
	}

	// An edit sets every field to another value, or to none.
	edited := want[AddressService(UDP, addrPort("192.0.2.3:5060"))]
	edited.Scheduler, edited.Flags, edited.Timeout, edited.Engine = "wrr", Hashed, 0, ""
	apply(t, c, EditService(edited))
	want[edited.ServiceID] = edited
	gone := MarkService(1, IPv6)
	apply(t, c, DeleteService(gone))
	delete(want, gone)
	if diff := cmp.Diff(want, services(t, c), sameAddresses); diff != "" {
		t.Errorf("services after edit and delete (-want +got):\n%s", diff)
	}

	apply(t, c, Flush())
	if left := services(t, c); len(left) != 0 {
		t.Errorf("left after a flush: %v", left)
	}
}

func TestKernelDestinations(t *testing.T) {
	c := dialKernel(t)
	id := AddressService(TCP, addrPort("192.0.2.1:80"))
	apply(t, c, AddService(Service{ServiceID: id, Scheduler: "rr"}))
	want := map[netip.AddrPort]ListedDestination{}
	for _, d := range []Destination{
		{Address: addrPort("10.0.0.1:80"), Forwarding: DirectRouting, Weight: 1},
		{Address: addrPort("10.0.0.2:8080"), Forwarding: Masquerading, Weight: 1<<31 - 1, UpperThreshold: 1<<31 - 1, LowerThreshold: 7},
		{Address: addrPort("10.0.0.3:80"), Forwarding: Tunneling},
		{Address: addrPort("10.0.0.4:80"), Forwarding: Tunneling, Weight: 5, Tunnel: Tunnel{Type: GUE, Port: 6080, Checksum: RemoteChecksum}},
		{Address: addrPort("10.0.0.5:80"), Forwarding: Tunneling, Weight: 5, Tunnel: Tunnel{Type: GRE, Checksum: Checksum}},
		{Address: addrPort("[2001:db8::1]:80"), Forwarding: Tunneling, Weight: 5},
	} {
		apply(t, c, AddDestination(id, d))
		want[d.Address] = ListedDestination{Destination: d}
	}
	if diff := cmp.Diff(want, destinations(t, c, id), sameAddresses); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}

	edited := Destination{Address: addrPort("10.0.0.4:80"), Forwarding: DirectRouting, Weight: 6}
	apply(t, c, EditDestination(id, edited), DeleteDestination(id, addrPort("10.0.0.1:80")))
	want[edited.Address] = ListedDestination{Destination: edited}
	delete(want, addrPort("10.0.0.1:80"))
	if diff := cmp.Diff(want, destinations(t, c, id), sameAddresses); diff != "" {
		t.Errorf("destinations after edit and delete (-want +got):\n%s", diff)
	}
	if none := destinations(t, c, MarkService(9, IPv4)); len(none) != 0 {
		t.Errorf("a service that does not exist has destinations: %v", none)
	}
}

func TestKernelDaemonsTimeoutsInfo(t *testing.T) {
	c := dialKernel(t)
	group := Daemon{State: Backup, Interface: "lo", SyncID: 255, MaxLength: 1300, Group: netip.MustParseAddr("224.0.0.5"), Port: 8850, TTL: 3}
	apply(t, c, StartDaemon(Daemon{State: Master, Interface: "lo", SyncID: 7}), StartDaemon(group))
	daemons, err := c.Daemons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The kernel's defaults: 224.0.0.81:8848 with TTL 1 (IP_VS_SYNC_GROUP, IP_VS_SYNC_PORT). The length is lo's
	// MTU less headers, but at most what fits Ethernet.
	want := []Daemon{{State: Master, Interface: "lo", SyncID: 7, MaxLength: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1}, group}
	if diff := cmp.Diff(want, daemons, sameAddresses); diff != "" {
		t.Errorf("daemons (-want +got):\n%s", diff)
	}
	apply(t, c, StopDaemon(Master), StopDaemon(Backup))

	apply(t, c, SetTimeouts(Timeouts{TCP: 100 * time.Second, UDP: 200 * time.Second}))
	timeouts, err := c.Timeouts(t.Context())
	if want := (Timeouts{100 * time.Second, 120 * time.Second, 200 * time.Second}); err != nil || timeouts != want {
		t.Errorf("timeouts %v, %v, want %v", timeouts, err, want)
	}
	info, err := c.Info(t.Context())
	if err != nil || info.Version.String() != "1.2.1" || info.ConnectionTableSize < 256 {
		t.Errorf("info %+v, %v", info, err)
	}
	apply(t, c, ZeroAll())
}
