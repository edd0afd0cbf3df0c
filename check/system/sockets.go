package system

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// socketFiles list the sockets of this network namespace.
var socketFiles = [...]struct {
	protocol ipvs.Protocol
	name     string
	waits    string // the state of a socket that waits for clients
}{
	{ipvs.TCP, "tcp", "0A"},
	{ipvs.TCP, "tcp6", "0A"},
	{ipvs.UDP, "udp", "07"},
	{ipvs.UDP, "udp6", "07"},
}

// listeners lists the sockets that wait for clients.
func listeners() ([]check.Listener, error) {
	var all []check.Listener
	for _, file := range socketFiles {
		text, err := os.ReadFile("/proc/thread-self/net/" + file.name)
		if errors.Is(err, fs.ErrNotExist) { // IPv6 is turned off
			continue
		}
		if err != nil {
			return nil, err
		}
		addresses, err := waiting(text, file.waits)
		if err != nil {
			return nil, fmt.Errorf("/proc/net/%s: %w", file.name, err)
		}
		for _, address := range addresses {
			all = append(all, check.Listener{Protocol: file.protocol, Address: address})
		}
	}
	return all, nil
}

// waiting returns the local addresses of the sockets of a state, from lines such as "0: 00000000:0050 00000000:0000 0A".
func waiting(text []byte, state string) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != state {
			continue
		}
		address, err := parseSocketAddress(fields[1])
		if err != nil {
			return nil, err
		}
		all = append(all, address)
	}
	return all, lines.Err()
}

// parseSocketAddress reads an address such as "0100007F:0050": words of 32 bits in this machine's byte order, and a port.
func parseSocketAddress(text string) (netip.AddrPort, error) {
	digits, port, _ := strings.Cut(text, ":")
	octets, err := hex.DecodeString(digits)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(octets); i += 4 {
		binary.NativeEndian.PutUint32(octets[i:], binary.BigEndian.Uint32(octets[i:]))
	}
	address, ok := netip.AddrFromSlice(octets)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("invalid address %q", text)
	}
	return netip.AddrPortFrom(address, uint16(number)), nil
}
