package ipvs

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// textHeadings is the number of lines before the first service.
const textHeadings = 3

// ReadTextTable reads the table in the text form of /proc/net/ip_vs, which every user may read. The text has less than
// a Client returns: of a service its ID and its scheduler, of a server its address and its weight. It does not name the
// family of a mark, so every mark is an IPv4 one.
func ReadTextTable(text io.Reader) ([]Entry, error) {
	var entries []Entry
	lines := bufio.NewScanner(text)
	for number := 1; lines.Scan(); number++ {
		if number <= textHeadings {
			continue
		}
		fields := strings.Fields(lines.Text())
		if server, ok := textServer(fields); ok && len(entries) > 0 {
			last := &entries[len(entries)-1]
			last.Destinations = append(last.Destinations, server)
		} else if service, ok := textService(fields); ok {
			entries = append(entries, Entry{ListedService: service})
		} else {
			return nil, fmt.Errorf("ipvs: line %d of the kernel's text is malformed: %q", number, lines.Text())
		}
	}
	return entries, lines.Err()
}

// textService reads a line such as "TCP  C0000250:0050 rr" or "FWM  00000007 rr".
func textService(fields []string) (service ListedService, ok bool) {
	if len(fields) < 3 {
		return service, false
	}
	service.Scheduler = fields[2]
	if fields[0] == "FWM" {
		mark, err := strconv.ParseUint(fields[1], 16, 32)
		service.ServiceID = MarkService(uint32(mark), IPv4)
		return service, err == nil
	}
	address, ok := textAddress(fields[1])
	for _, protocol := range []Protocol{TCP, UDP, SCTP} {
		if fields[0] == protocol.String() {
			service.ServiceID = AddressService(protocol, address)
			return service, ok
		}
	}
	return service, false
}

// textServer reads a line such as "  -> 0A00000B:1F90      Masq    1      0          0".
func textServer(fields []string) (server ListedDestination, ok bool) {
	if len(fields) < 4 || fields[0] != "->" {
		return server, false
	}
	// The kernel prints a weight above 2147483647 as a negative number.
	weight, err := strconv.ParseInt(fields[3], 10, 32)
	server.Weight = uint32(weight)
	server.Address, ok = textAddress(fields[1])
	return server, ok && err == nil
}

// textAddress reads C0000250:0050 or [2001:0db8:0000:0000:0000:0000:0000:0080]:01BB. The port is hexadecimal in both.
func textAddress(text string) (address netip.AddrPort, ok bool) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return address, false
	}
	port, err := strconv.ParseUint(text[colon+1:], 16, 16)
	if err != nil {
		return address, false
	}
	host, ok := textHost(text[:colon])
	return netip.AddrPortFrom(host, uint16(port)), ok
}

func textHost(text string) (host netip.Addr, ok bool) {
	if inner, opened := strings.CutPrefix(text, "["); opened {
		inner, ok = strings.CutSuffix(inner, "]")
		host, _ = netip.ParseAddr(inner)
		return host, ok && host.Is6() && host.Zone() == ""
	}
	octets, _ := hex.DecodeString(text)
	host, _ = netip.AddrFromSlice(octets)
	return host, host.Is4() && len(text) == 8
}
