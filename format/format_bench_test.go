package format

import (
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// manyEntries returns services of four servers each, with counters.
func manyEntries(services int) []ipvs.Entry {
	entries := make([]ipvs.Entry, services)
	for i := range entries {
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)
		entries[i].ListedService = service(ipvs.TCP, address.String(), "wlc", ipvs.Hashed)
		entries[i].Totals.Connections = uint64(i)
		for j := range 4 {
			server := destination(fmt.Sprintf("10.2.%d.%d:8080", i%250, j+1), ipvs.Masquerading, uint32(j+1))
			server.ActiveConnections = uint32(i * j)
			entries[i].Destinations = append(entries[i].Destinations, server)
		}
	}
	return entries
}

// BenchmarkEveryTable writes 2000 services of four servers in every format.
func BenchmarkEveryTable(b *testing.B) {
	entries := manyEntries(2000)
	for _, name := range Names() {
		listing, err := New(name, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := listing.Table(b.Context(), io.Discard, ipvs.Info{}, ipvs.Each(entries...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEveryConnection writes 20,000 connections in every format.
func BenchmarkEveryConnection(b *testing.B) {
	connections := func(yield func(ipvs.Connection, error) bool) {
		for i := range 20_000 {
			connection := ipvs.Connection{
				Protocol:    "TCP",
				State:       "ESTABLISHED",
				Expires:     90 * time.Second,
				Client:      netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}), 1025),
				Virtual:     netip.MustParseAddrPort("10.1.0.1:80"),
				Destination: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 2, 0, byte(i % 100)}), 8080),
			}
			if !yield(connection, nil) {
				return
			}
		}
	}
	for _, name := range Names() {
		listing, err := New(name, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := listing.Connections(b.Context(), io.Discard, connections); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
