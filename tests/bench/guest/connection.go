//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	syncPort   = 8848
	perMessage = 200 // connections, 36 bytes each in a packet of the dummy interface's 9000
)

// fill adds connections up to a number, by sync messages to a backup daemon on a dummy interface.
func (b *bench) fill(to int) {
	fmt.Fprintln(os.Stderr, "bench: connections:", to)
	run(null, null, original, "--start-daemon", "backup", "--mcast-interface", "dummy0")
	device, err := net.InterfaceByName("dummy0")
	must(err)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	must(err)
	defer syscall.Close(fd)
	must(syscall.SetsockoptIPMreqn(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, &syscall.IPMreqn{Ifindex: int32(device.Index)}))
	group := &syscall.SockaddrInet4{Addr: [4]byte{224, 0, 0, 81}, Port: syncPort}

	for b.filled < to {
		next := min(to, b.filled+perMessage)
		must(syscall.Sendto(fd, syncMessage(b.filled, next), 0, group))
		b.filled = next
		for waiting() {
			time.Sleep(time.Millisecond)
		}
	}
	run(null, null, original, "--stop-daemon", "backup")
}

// waiting reports whether the daemon has messages to read. It fails if the daemon lost one.
func waiting() bool {
	for line := range strings.Lines(read("/proc/net/udp")) {
		fields := strings.Fields(line)
		if !strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", syncPort)) {
			continue
		}
		if fields[len(fields)-1] != "0" {
			must(fmt.Errorf("the kernel dropped connections: %s", line))
		}
		return !strings.HasSuffix(fields[4], ":00000000")
	}
	must(fmt.Errorf("the backup daemon does not listen"))
	return false
}

// syncMessage returns a version 1 sync message with established connections. Its layout is struct ip_vs_sync_mesg and
// ip_vs_sync_v4 in the kernel's net/netfilter/ipvs/ip_vs_sync.c.
func syncMessage(from, to int) []byte {
	const header, entry = 8, 36
	b := make([]byte, 0, header+entry*(to-from))
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(cap(b)))
	b = append(b, byte(to-from), 1, 0, 0)
	for i := from; i < to; i++ {
		client := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}).As4()
		b = append(b, 0, syscall.IPPROTO_TCP)
		b = binary.BigEndian.AppendUint16(b, entry)
		b = binary.BigEndian.AppendUint32(b, 0) // masquerading
		b = binary.BigEndian.AppendUint16(b, 1) // established
		b = binary.BigEndian.AppendUint16(b, uint16(1024+i%60000))
		b = binary.BigEndian.AppendUint16(b, 80)
		b = binary.BigEndian.AppendUint16(b, 8080)
		b = binary.BigEndian.AppendUint32(b, 0)    // no firewall mark
		b = binary.BigEndian.AppendUint32(b, 5400) // seconds until it expires
		b = append(b, client[:]...)
		b = append(b, 10, 1, byte(i%2000>>8), byte(i%2000))
		b = append(b, 10, 128, byte(i%2000>>8), byte(i%2000))
	}
	return b
}
