package ipvs

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"ipvsadm/ipvs/internal/nlsocket"
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

// TestKernelManyAtOnce needs several batches and datagrams, and stops a listing early.
func TestKernelManyAtOnce(t *testing.T) {
	c := dialKernel(t)
	var changes []Change
	const many = 500
	for i := range many {
		id := MarkService(uint32(i+1), IPv4)
		changes = append(changes, AddService(Service{ServiceID: id, Scheduler: "rr"}))
	}
	refused := []int{0, 63, 64, 300, len(changes) + 2}
	for _, i := range refused {
		changes = slices.Insert(changes, i, AddService(Service{ServiceID: MarkService(1<<20, IPv4), Scheduler: "nosuch"}))
	}
	err := c.Apply(t.Context(), changes...)
	var batch *BatchError
	if !errors.As(err, &batch) {
		t.Fatalf("error %v, want a BatchError", err)
	}
	var failed []int
	for _, failure := range batch.Failures {
		failed = append(failed, failure.Index)
		if failure.Err.Reason() != "Scheduler or persistence engine not found" {
			t.Errorf("change %d: %v", failure.Index, failure.Err)
		}
	}
	if !slices.Equal(failed, refused) {
		t.Errorf("changes %v failed, want %v", failed, refused)
	}
	all, err := c.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range c.Entries(t.Context(), all) {
		break // the client stays usable
	}
	if got := len(services(t, c)); got != many {
		t.Errorf("%d services, want %d", got, many)
	}
}

// TestKernelSmallBuffers applies changes that the kernel refuses, and lists a table of several datagrams, through sockets with
// small buffers, down to the kernel's minimum.
func TestKernelSmallBuffers(t *testing.T) {
	c := dialKernel(t)
	const many = 300
	var changes []Change
	for i := range many {
		service := Service{ServiceID: MarkService(uint32(i+1), IPv6), Scheduler: "rr"}
		changes = append(changes, AddService(service))
	}
	apply(t, c, changes...)
	for _, size := range [][2]int{{1, 1}, {1, 1 << 20}, {1 << 20, 1}, {1 << 20, 2000}, {1 << 20, 8000}, {1 << 20, 16384}} {
		conn, granted, err := dialSized(nlsocket.Buffers{Send: size[0], Receive: size[1]})
		if err != nil {
			t.Fatal(err)
		}
		small, err := newClient(conn, granted)
		if err != nil {
			t.Fatal(err)
		}
		var batch *BatchError
		if err := small.Apply(t.Context(), changes...); !errors.As(err, &batch) || err != error(batch) || len(batch.Failures) != many {
			t.Errorf("buffers %+v: %v, want %d refusals", granted, err, many)
		}
		if got := len(services(t, small)); got != many {
			t.Errorf("buffers %+v: %d services, want %d", granted, got, many)
		}
		if err := small.Close(); err != nil {
			t.Error(err)
		}
	}
}

// dialSized dials with buffers of a size, or as near as the kernel allows. Dial never makes buffers smaller.
func dialSized(size nlsocket.Buffers) (*netlink.Conn, nlsocket.Buffers, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, nlsocket.Buffers{}, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, size.Send),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size.Receive))
	if err != nil {
		return nil, nlsocket.Buffers{}, err
	}
	return nlsocket.Connect(fd, nlsocket.Buffers{})
}

// TestKernelGrantsBuffers dials where default and limit are the kernel's minimum. Root still gets what a full batch needs.
func TestKernelGrantsBuffers(t *testing.T) {
	if os.Getenv("IPVSADM_LAB") == "" {
		t.Skip("changes the machine's settings")
	}
	for path, smallest := range map[string]string{
		"/proc/sys/net/core/wmem_default": "4608", "/proc/sys/net/core/rmem_default": "2304",
		"/proc/sys/net/core/wmem_max": "4608", "/proc/sys/net/core/rmem_max": "2304",
	} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(smallest), 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.WriteFile(path, before, 0) })
	}
	c := dialKernel(t)
	if got := c.buffers; got.Send < fullBatch.Send || got.Receive < fullBatch.Receive {
		t.Errorf("buffers %+v, want %+v", got, fullBatch)
	}
}

func TestKernelRefusals(t *testing.T) {
	c := dialKernel(t)
	there := Service{ServiceID: MarkService(1, IPv4), Scheduler: "rr"}
	nowhere := MarkService(2, IPv4)
	server := Destination{Address: addrPort("10.0.0.1:0")}
	missing := Destination{Address: addrPort("10.0.0.2:0")}
	apply(t, c, AddService(there), AddDestination(there.ServiceID, server))
	for _, test := range []struct {
		change Change
		errno  syscall.Errno
		reason string
	}{
		{AddService(there), syscall.EEXIST, "Service already exists"},
		{EditService(Service{ServiceID: nowhere, Scheduler: "rr"}), syscall.ESRCH, "No such service"},
		{DeleteService(nowhere), syscall.ESRCH, "No such service"},
		{Zero(nowhere), syscall.ESRCH, "No such service"},
		{AddDestination(nowhere, server), syscall.ESRCH, "Service not defined"},
		{AddDestination(there.ServiceID, server), syscall.EEXIST, "Destination already exists"},
		{AddDestination(there.ServiceID, Destination{Address: addrPort("224.0.0.1:0")}), syscall.EINVAL, "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		{AddDestination(there.ServiceID, Destination{Address: missing.Address, UpperThreshold: 1, LowerThreshold: 2}), syscall.ERANGE, "Numerical result out of range"},
		{EditDestination(there.ServiceID, missing), syscall.ENOENT, "No such destination"},
		{DeleteDestination(there.ServiceID, missing.Address), syscall.ENOENT, "No such destination"},
		{StopDaemon(Master), syscall.ESRCH, "No daemon is running"},
		{StartDaemon(Daemon{State: Master, Interface: "nosuch"}), syscall.ENODEV, "No such device"},
	} {
		err := c.Apply(t.Context(), test.change)
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, test.errno) || e.Reason() != test.reason {
			t.Errorf("%v: got %v, want %q", test.change, err, test.reason)
		}
	}
	if _, err := c.Service(t.Context(), nowhere); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("Service: %v", err)
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

func TestKernelConnections(t *testing.T) {
	c := dialKernel(t)
	id := AddressService(UDP, addrPort("127.0.0.1:7777"))
	server := addrPort("127.0.0.2:7777")
	apply(t, c, AddService(Service{ServiceID: id, Scheduler: "rr"}),
		AddDestination(id, Destination{Address: server, Forwarding: DirectRouting, Weight: 1}))
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	from := &unix.SockaddrInet4{Port: 5555, Addr: [4]byte{127, 0, 0, 1}}
	to := &unix.SockaddrInet4{Port: 7777, Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(socket, from), unix.Sendto(socket, []byte("x"), 0, to)); err != nil {
		t.Fatal(err)
	}
	var got []Connection
	for connection, err := range Connections() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, connection)
	}
	want := []Connection{{Protocol: "UDP", Client: addrPort("127.0.0.1:5555"), Virtual: id.Address, Destination: server, State: "UDP", Expires: 300 * time.Second}}
	closeTo := cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= 5*time.Second })
	if diff := cmp.Diff(want, got, sameAddresses, closeTo); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	// The kernel sums its processors' counters every two seconds.
	var s ListedService
	for range 100 {
		if s, err = c.Service(t.Context(), id); err != nil || s.Totals.Connections > 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil || s.Totals.Connections != 1 || s.Totals.IncomingPackets != 1 || s.Totals.IncomingBytes != 29 {
		t.Errorf("counters %+v, %v: want one connection and one packet of 29 bytes", s.Totals, err)
	}
	if d := destinations(t, c, id)[server]; d.InactiveConnections != 1 || d.Totals != s.Totals {
		t.Errorf("destination %+v: want one inactive connection and the service's counters", d)
	}
	apply(t, c, Zero(id))
	if s, err := c.Service(t.Context(), id); err != nil || s.Totals != (Counters{}) {
		t.Errorf("after Zero: %+v, %v", s.Totals, err)
	}
}

func TestKernelCancelled(t *testing.T) {
	c := dialKernel(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Info(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled beforehand: %v", err)
	}
	if _, err := c.Info(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := c.Info(ctx); err != nil {
		t.Errorf("with a deadline: %v", err)
	}
}

func TestKernelPermission(t *testing.T) {
	c := dialKernel(t)
	apply(t, c, Flush())
	// A socket that root opened keeps root's capabilities, so drop them first. They are this thread's, which ends with the
	// test.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	c, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Info(t.Context())
	var e *Error
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &e) || e.Reason() != "Permission denied (you must be root)" {
		t.Errorf("without rights: %v", err)
	}
}

// TestKernelCompany lists services that stay while others come and go. One dump of the kernel in thirty lacks a service that
// stays.
func TestKernelCompany(t *testing.T) {
	c := dialKernel(t)
	const staying, coming = 400, 20
	add := func(mark int) Change {
		return AddService(Service{ServiceID: MarkService(uint32(mark), IPv4), Scheduler: "rr"})
	}
	for mark := range staying {
		apply(t, c, add(mark+1))
	}
	other, err := Dial() // here, as this thread is in the namespace
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	changed := make(chan error)
	go func() {
		for ctx.Err() == nil {
			for mark := range coming {
				if err := other.Apply(t.Context(), add(staying+mark+1)); err != nil {
					changed <- err
					return
				}
			}
			for mark := range coming {
				if err := other.Apply(t.Context(), DeleteService(MarkService(uint32(staying+mark+1), IPv4))); err != nil {
					changed <- err
					return
				}
			}
		}
		changed <- nil
	}()
	listings, missing := 0, 0
	for ; ctx.Err() == nil; listings++ {
		there := 0
		for id := range services(t, c) {
			if id.Mark <= staying {
				there++
			}
		}
		if there != staying {
			missing++
		}
	}
	if err := <-changed; err != nil {
		t.Error(err)
	}
	t.Logf("%d listings, %d of which lack a service", listings, missing)
	if missing*200 > listings {
		t.Errorf("of %d listings %d lack a service", listings, missing)
	}
}

// TestKernelMovingTable lists services while some come and go, a few at a time. No service that stays may be missing, although
// the kernel's dump sometimes lacks one.
func TestKernelMovingTable(t *testing.T) {
	c := dialKernel(t)
	other, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // so that both take turns even on one processor
	const staying, moving, listings = 400, 20, 25
	service := func(mark int) Service {
		return Service{ServiceID: MarkService(uint32(mark), IPv4), Scheduler: "rr"}
	}
	var changes []Change
	for mark := 1; mark <= staying; mark++ {
		changes = append(changes, AddService(service(mark)))
	}
	apply(t, c, changes...)

	ctx, stop := context.WithCancel(t.Context())
	moves := make(chan int)
	go func() {
		there := make([]bool, moving)
		count := 0
		for random := rand.New(rand.NewPCG(1, 2)); ctx.Err() == nil; count++ {
			var batch []Change
			for i := range moving {
				id := service(staying + 1 + i)
				switch {
				case there[i] != (count%2 == 0) || random.IntN(moving/2) > 0:
					continue // services come in one batch, and go in the next
				case there[i]:
					batch = append(batch, DeleteService(id.ServiceID))
				default:
					batch = append(batch, AddService(id))
				}
				there[i] = !there[i]
			}
			if err := other.Apply(t.Context(), batch...); err != nil {
				t.Error(err)
			}
			for range random.IntN(40) { // a while in which nothing changes
				if _, err := other.Info(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		moves <- count
	}()
	missing := 0
	for range listings {
		all, err := c.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := make(map[uint32]int)
		for _, entry := range all {
			if found[entry.Mark]++; found[entry.Mark] > 1 {
				t.Errorf("%v is listed twice", entry.ServiceID)
			}
		}
		for mark := uint32(1); mark <= staying; mark++ {
			missing += 1 - found[mark]
		}
	}
	stop()
	count := <-moves
	t.Logf("%d listings beside %d batches of changes", listings, count)
	if missing > 0 || count < listings {
		t.Errorf("%d services that stayed are missing in %d listings beside %d batches of changes", missing, listings, count)
	}
}
