package system

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

const (
	probePatience  = time.Second // for an answer
	probesAtOnce   = 64
	smallEcho      = 64 // bytes of an IP packet
	largestAttempt = 2  // packets of the largest size, because one may get lost
)

// Probe sends packets, and adds the answers to a snapshot: ARP requests for the addresses of services, TCP connections to
// masqueraded servers, and ICMP echoes to tunnelled servers.
func Probe(ctx context.Context, s *check.Snapshot) {
	s.Probes = check.Probes{
		Answers: make(map[netip.Addr]string),
		Refused: make(map[netip.AddrPort]error),
		Lost:    make(map[netip.Addr]int),
	}
	var lock sync.Mutex // of the answers
	var running sync.WaitGroup
	slots := make(chan struct{}, probesAtOnce)
	start := func(probe func() (keep func())) {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if keep := probe(); keep != nil {
				lock.Lock()
				defer lock.Unlock()
				keep()
			}
		})
	}
	seen := make(map[any]bool)
	first := func(key any) bool {
		known := seen[key]
		seen[key] = true
		return !known
	}
	for _, entry := range s.Table {
		if vip := entry.Address.Addr(); entry.Mark == 0 && vip.Is4() && s.Has(vip) && first(vip) {
			for _, device := range devices(s, vip) {
				start(func() func() {
					hardware, err := whoHas(device, vip, probePatience)
					if err != nil || hardware == "" {
						return nil
					}
					return func() { s.Probes.Answers[vip] = hardware }
				})
			}
		}
		for _, server := range entry.Destinations {
			address := server.Address
			switch {
			case check.Probed(entry, server) && first(address):
				start(func() func() {
					if err := connects(ctx, address); err != nil {
						return func() { s.Probes.Refused[address] = err }
					}
					return nil
				})
			case server.Forwarding == ipvs.Tunneling && address.Addr().Is4() && first(address.Addr()):
				start(func() func() {
					size := s.TunnelMTU(address.Addr())
					if size <= smallEcho || !lost(address.Addr(), size) {
						return nil
					}
					return func() { s.Probes.Lost[address.Addr()] = size }
				})
			}
		}
	}
	running.Wait()
}

// devices returns the devices on which clients may ask for an address: the one that has it, or all if that is loopback.
func devices(s *check.Snapshot, address netip.Addr) []check.Link {
	var all []check.Link
	for _, own := range s.Addresses {
		link := s.Links[own.Link]
		if own.Prefix.Addr() == address && !link.Loopback {
			return []check.Link{link}
		}
		if own.Prefix.Addr().Is4() && !link.Loopback && link.Up && link.Hardware != "" {
			all = append(all, link)
		}
	}
	return all
}

// connects returns why no TCP connection comes about, without the address in it.
func connects(ctx context.Context, address netip.AddrPort) error {
	conn, err := (&net.Dialer{Timeout: probePatience}).DialContext(ctx, "tcp", address.String())
	if err != nil {
		if operation, ok := err.(*net.OpError); ok {
			return operation.Err
		}
		return err
	}
	return conn.Close()
}

// lost reports whether a machine answers a small ICMP echo and not one of a size.
func lost(address netip.Addr, size int) bool {
	if answered, err := echo(address, smallEcho, probePatience); err != nil || !answered {
		return false
	}
	for range largestAttempt {
		if answered, err := echo(address, size, probePatience); err != nil || answered {
			return false
		}
	}
	return true
}
