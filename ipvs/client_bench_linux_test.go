package ipvs

import (
	"testing"

	"github.com/mdlayher/netlink"
)

// BenchmarkApply measures the client without the kernel and the socket.
func BenchmarkApply(b *testing.B) {
	k := &fakeKernel{reply: func(netlink.Message) [][]netlink.Message { return nil }}
	c := k.client()
	changes := make([]Change, 1000)
	for i := range changes {
		changes[i] = AddService(Service{ServiceID: MarkService(uint32(i+1), IPv4), Scheduler: "rr"})
	}
	b.ReportAllocs()
	for b.Loop() {
		k.requests = k.requests[:0]
		if err := c.Apply(b.Context(), changes...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDestinations(b *testing.B) {
	server := raw(nest(2, union(1, 10, 0, 0, 1), attribute(2, 0, 80), u16(11, 2), u32(3, 0), u32(4, 1), u32(7, 0), u32(8, 0),
		nest(12, attribute(1, make([]byte, 8)...), attribute(2, make([]byte, 8)...))))
	k := &fakeKernel{}
	k.reply = func(m netlink.Message) [][]netlink.Message {
		datagrams := dump(m, 0)
		return append([][]netlink.Message{reply(m, netlink.Multi, server)}, datagrams...)
	}
	c := k.client()
	id := AddressService(TCP, addrPort("10.1.0.1:80"))
	b.ReportAllocs()
	for b.Loop() {
		k.requests = k.requests[:0]
		if _, err := c.Destinations(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKernelTable lists the kernel's table, in the lab or the bench's guest.
func BenchmarkKernelTable(b *testing.B) {
	c, err := Dial()
	if err != nil {
		b.Skip(err)
	}
	defer c.Close()
	b.ReportAllocs()
	for b.Loop() {
		entries, err := c.Table(b.Context())
		if err != nil || len(entries) == 0 {
			b.Skip("no table: ", err)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(entries)), "ns/service")
	}
}
