package system

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// readSync sets what a backup daemon that has received nothing could receive, if this machine stands by.
func readSync(ctx context.Context, s *check.Snapshot) {
	daemon, ok := s.StandsBy()
	if !ok {
		return
	}
	origins, err := ipvs.ReadOrigins(s.Timeouts)
	if err == nil && origins.Synchronized == 0 {
		s.SyncIDs, err = listenSync(ctx, daemon, lookAgain)
	}
	note(s, check.FactSync, err)
}

// listenSync returns the IDs of the synchronization messages that come by the device of a daemon within a time. It needs no
// packets to join the daemon's multicast group, because the kernel's daemon has joined it.
func listenSync(ctx context.Context, daemon ipvs.Daemon, patience time.Duration) (map[uint32]int, error) {
	device, err := net.InterfaceByName(daemon.Interface)
	if err != nil {
		return nil, err
	}
	share := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) { err = joinGroup(int(fd), device.Index, daemon.Group) })
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	socket, err := share.ListenPacket(ctx, "udp", netip.AddrPortFrom(daemon.Group, daemon.Port).String())
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	ids := make(map[uint32]int)
	message := make([]byte, 64<<10)
	for {
		n, _, err := socket.ReadFrom(message)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			return ids, nil
		}
		if err != nil {
			return nil, err
		}
		if n > 1 {
			ids[uint32(message[1])]++ // in both versions of the messages
		}
	}
}

// joinGroup makes a socket share the daemon's port and group.
func joinGroup(fd, device int, group netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if group.Is6() {
		return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
			&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(device)})
	}
	return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
		&unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(device)})
}
