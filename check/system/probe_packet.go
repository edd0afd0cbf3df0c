package system

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"ipvsadm/check"
)

// whoHas asks for an address by ARP, from no address, so that nobody learns anything from the question (RFC 5227). It returns
// the MAC address of the first machine that answers, or an empty string.
func whoHas(device check.Link, address netip.Addr, patience time.Duration) (string, error) {
	hardware, err := net.ParseMAC(device.Hardware)
	if err != nil || len(hardware) != 6 {
		return "", errors.New("no Ethernet device")
	}
	protocol := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP)) // in network order
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(protocol))
	if err != nil {
		return "", err
	}
	defer unix.Close(socket)
	everybody := &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: device.Index, Halen: 6,
		Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	if err := unix.Bind(socket, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: device.Index}); err != nil {
		return "", err
	}
	if err := unix.Sendto(socket, arpRequest(hardware, address), 0, everybody); err != nil {
		return "", err
	}
	until := time.Now().Add(patience)
	reply := make([]byte, 1500)
	for {
		if err := waitUntil(socket, until); err != nil {
			return "", err
		}
		n, _, err := unix.Recvfrom(socket, reply, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			if time.Now().After(until) {
				return "", nil
			}
			continue
		}
		if err != nil {
			return "", err
		}
		if sender, from, ok := parseARPReply(reply[:n]); ok && from == address && sender.String() != hardware.String() {
			return sender.String(), nil
		}
	}
}

// waitUntil returns when a socket has something to read, or when a time has come.
func waitUntil(socket int, until time.Time) error {
	left := max(time.Until(until), 0)
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

// The head of an ARP packet for IPv4 over Ethernet.
var arpHead = [...]byte{0, 1, 8, 0, 6, 4}

const arpLength = 28

// arpRequest returns the question who has an address (RFC 826).
func arpRequest(hardware net.HardwareAddr, address netip.Addr) []byte {
	packet := make([]byte, arpLength)
	copy(packet, arpHead[:])
	packet[7] = 1 // a request
	copy(packet[8:], hardware)
	copy(packet[24:], address.AsSlice())
	return packet
}

// parseARPReply returns who says to have which address.
func parseARPReply(packet []byte) (sender net.HardwareAddr, address netip.Addr, ok bool) {
	if len(packet) < arpLength || [6]byte(packet[:6]) != arpHead || packet[7] != 2 {
		return nil, netip.Addr{}, false
	}
	return net.HardwareAddr(packet[8:14]), netip.AddrFrom4([4]byte(packet[14:18])), true
}

const (
	ipHeader   = 20
	icmpHeader = 8
)

// echo sends an ICMP echo in an IP packet of a size that no router may split, and reports whether the answer came.
func echo(address netip.Addr, size int, patience time.Duration) (bool, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return false, err
	}
	defer unix.Close(socket)
	if err := unix.SetsockoptInt(socket, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE); err != nil {
		return false, err
	}
	id := rand.Uint32()
	if err := unix.Sendto(socket, echoRequest(id, size-ipHeader), 0, &unix.SockaddrInet4{Addr: address.As4()}); err != nil {
		return false, err
	}
	until := time.Now().Add(patience)
	reply := make([]byte, 64<<10)
	for time.Now().Before(until) {
		if err := waitUntil(socket, until); err != nil {
			return false, err
		}
		n, _, err := unix.Recvfrom(socket, reply, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return false, err
		}
		if isEchoReply(reply[:n], id) {
			return true, nil
		}
	}
	return false, nil
}

// echoRequest returns an ICMP echo request (RFC 792) of a length. The identifier fills the identifier and the sequence number.
func echoRequest(id uint32, length int) []byte {
	packet := make([]byte, length)
	packet[0] = 8
	binary.BigEndian.PutUint32(packet[4:], id)
	binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	return packet
}

// isEchoReply reports whether an IP packet is the answer to an echo request.
func isEchoReply(packet []byte, id uint32) bool {
	if len(packet) < ipHeader {
		return false
	}
	header := int(packet[0]&15) * 4
	return len(packet) >= header+icmpHeader && packet[header] == 0 && binary.BigEndian.Uint32(packet[header+4:]) == id
}

// checksum returns the Internet checksum (RFC 1071).
func checksum(packet []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	if len(packet)%2 == 1 {
		sum += uint32(packet[len(packet)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
