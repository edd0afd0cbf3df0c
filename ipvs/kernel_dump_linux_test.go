package ipvs

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

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

// listBeside lists the table again and again, while another client changes it in batches. It counts what stayed in the kernel
// and is missing in a listing: none may be. Between two batches, up to calm requests pass in which nothing changes.
func listBeside(t *testing.T, c *Client, listings, calm int, batch func(number int) []Change, missing func([]Entry) int) {
	t.Helper()
	other, err := Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // so that both take turns even on one processor
	ctx, stop := context.WithCancel(t.Context())
	batches := make(chan int)
	go func() {
		number := 0
		for random := rand.New(rand.NewPCG(1, 2)); ctx.Err() == nil; number++ {
			if err := other.Apply(t.Context(), batch(number)...); err != nil {
				t.Error(err)
			}
			for range random.IntN(calm + 1) {
				if _, err := other.Info(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		batches <- number
	}()
	lacking := 0
	for range listings {
		all, err := c.Table(t.Context())
		if err != nil {
			t.Error(err)
		}
		lacking += missing(all)
	}
	stop()
	count := <-batches
	t.Logf("%d listings beside %d batches of changes", listings, count)
	if lacking > 0 || count < listings {
		t.Errorf("%d that stayed are missing in %d listings beside %d batches of changes", lacking, listings, count)
	}
}

// TestKernelMovingTable lists services while some come and go, a few at a time. No service that stays may be missing, although
// the kernel's dump sometimes lacks one.
func TestKernelMovingTable(t *testing.T) {
	c := dialKernel(t)
	const staying, moving, listings = 400, 20, 25
	service := func(mark int) Service {
		return Service{ServiceID: MarkService(uint32(mark), IPv4), Scheduler: "rr"}
	}
	var changes []Change
	for mark := 1; mark <= staying; mark++ {
		changes = append(changes, AddService(service(mark)))
	}
	apply(t, c, changes...)

	there := make([]bool, moving)
	random := rand.New(rand.NewPCG(3, 4))
	batch := func(number int) (batch []Change) {
		for i := range moving {
			id := service(staying + 1 + i)
			switch {
			case there[i] != (number%2 == 0) || random.IntN(moving/2) > 0:
				continue // services come in one batch, and go in the next
			case there[i]:
				batch = append(batch, DeleteService(id.ServiceID))
			default:
				batch = append(batch, AddService(id))
			}
			there[i] = !there[i]
		}
		return batch
	}
	listBeside(t, c, listings, 39, batch, func(all []Entry) (missing int) {
		found := make(map[uint32]int)
		for _, entry := range all {
			if found[entry.Mark]++; found[entry.Mark] > 1 {
				t.Errorf("%v is listed twice", entry.ServiceID)
			}
		}
		for mark := uint32(1); mark <= staying; mark++ {
			missing += 1 - found[mark]
		}
		return missing
	})
}

// TestKernelMovingServers lists services whose servers fit in a small datagram, in a large one, or in neither, while other
// servers come and go. No server that stays may be missing.
func TestKernelMovingServers(t *testing.T) {
	c := dialKernel(t)
	const moving, listings = 8, 40
	staying := map[ServiceID]int{MarkService(1, IPv4): 4, MarkService(2, IPv4): 40, MarkService(3, IPv4): 4, MarkService(4, IPv4): 60, AddressService(TCP, addrPort("192.0.2.1:80")): 250, MarkService(5, IPv4): 400}
	server := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(1 + i)}), 80)
	}
	var changes []Change
	for id, count := range staying {
		changes = append(changes, AddService(Service{ServiceID: id, Scheduler: "rr"}))
		for i := range count {
			changes = append(changes, AddDestination(id, Destination{Address: server(i)}))
		}
	}
	apply(t, c, changes...)

	batch := func(number int) (batch []Change) {
		for id := range staying {
			for i := range moving {
				if number%2 == 0 {
					batch = append(batch, AddDestination(id, Destination{Address: server(1000 + i)}))
				} else {
					batch = append(batch, DeleteDestination(id, server(1000+i)))
				}
			}
		}
		return batch
	}
	listBeside(t, c, listings, 0, batch, func(all []Entry) (missing int) {
		for _, entry := range all {
			found := make(map[netip.AddrPort]bool)
			for _, d := range entry.Destinations {
				if found[d.Address] {
					t.Errorf("%v: %v is listed twice", entry.ServiceID, d.Address)
				}
				found[d.Address] = true
			}
			for i := range staying[entry.ServiceID] {
				if !found[server(i)] {
					missing++
				}
			}
		}
		return missing
	})
}

// TestKernelAreAll asks whether the kernel has more servers than the known ones.
func TestKernelAreAll(t *testing.T) {
	c := dialKernel(t)
	servers := []netip.AddrPort{addrPort("10.0.0.1:80"), addrPort("10.0.0.1:81"), addrPort("10.0.0.2:80")}
	six := addrPort("[2001:db8::1]:80")
	address, mark := AddressService(UDP, addrPort("192.0.2.1:53")), MarkService(7, IPv4)
	mixed, ipv6 := MarkService(8, IPv4), MarkService(7, IPv6)
	changes := []Change{AddDestination(mixed, Destination{Address: six, Forwarding: Tunneling})}
	for _, id := range []ServiceID{address, mark, mixed, ipv6} {
		changes = append([]Change{AddService(Service{ServiceID: id, Scheduler: "rr"})}, changes...)
		for _, server := range servers {
			if id != ipv6 {
				changes = append(changes, AddDestination(id, Destination{Address: server, Forwarding: Tunneling}))
			}
		}
	}
	apply(t, c, changes...)
	for _, test := range []struct {
		id    ServiceID
		known []netip.AddrPort
		all   bool
		sure  bool
	}{
		{address, servers, true, true},
		{mark, servers, true, true},
		{address, append(servers, addrPort("10.0.0.9:80")), true, true}, // one that is gone
		{address, servers[1:], false, true},
		{mark, servers[:2], false, true},
		{mark, append(servers[1:], addrPort("10.0.0.9:80")), false, true},
		{mixed, append(servers, six), false, false}, // it might lack an IPv6 server
		{ipv6, nil, false, false},
	} {
		known := make(map[netip.AddrPort]bool)
		for _, address := range test.known {
			known[address] = true
		}
		if all, sure := c.areAll(test.id, known); all != test.all || sure != test.sure {
			t.Errorf("%v: %v, %v of %d known servers, want %v, %v", test.id, all, sure, len(known), test.all, test.sure)
		}
	}
}
