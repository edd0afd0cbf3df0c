package ipvs

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

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
