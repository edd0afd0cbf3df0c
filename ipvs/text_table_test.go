package ipvs

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const headings = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
`

func TestReadTextTable(t *testing.T) {
	const text = headings + `UDP  C0000250:0035 rr ops
TCP  [2001:0db8:0000:0000:0000:0000:0000:0080]:01BB wrr persistent 300 00000080
  -> [2001:0db8:0000:0000:0000:0000:0000:0011]:01BB      Route   7      0          0
  -> 0A00000B:1F90      Tunnel  -1     2          3
SCTP C0000250:0009 none
FWM  FFFFFFFF wlc
`
	server := func(address string, weight uint32) ListedDestination {
		return ListedDestination{Destination: Destination{Address: netip.MustParseAddrPort(address), Weight: weight}}
	}
	want := []Entry{
		textEntry(AddressService(UDP, netip.MustParseAddrPort("192.0.2.80:53")), "rr"),
		textEntry(AddressService(TCP, netip.MustParseAddrPort("[2001:db8::80]:443")), "wrr",
			server("[2001:db8::11]:443", 7), server("10.0.0.11:8080", 1<<32-1)),
		textEntry(AddressService(SCTP, netip.MustParseAddrPort("192.0.2.80:9")), "none"),
		textEntry(MarkService(1<<32-1, IPv4), "wlc"),
	}
	got, err := ReadTextTable(strings.NewReader(text))
	if diff := cmp.Diff(want, got, sameAddresses); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, empty := range []string{"", headings} {
		if entries, err := ReadTextTable(strings.NewReader(empty)); err != nil || len(entries) > 0 {
			t.Errorf("%q: %v, %v", empty, entries, err)
		}
	}
}

func textEntry(id ServiceID, scheduler string, servers ...ListedDestination) Entry {
	return Entry{ListedService{Service: Service{ServiceID: id, Scheduler: scheduler}}, servers}
}

func TestReadTextTableMalformed(t *testing.T) {
	for _, line := range []string{
		"", "TCP", "TCP C0000250:0050", "TCP C00002:0050 rr", "TCP C0000250:x rr", "TCP C0000250:10000 rr",
		"TCP C0000250 rr", "TCP : rr", "TCP :0050 rr", "TCP [2001:::]:0050 rr", "TCP [2001::1:0050 rr",
		"TCP 2001::1]:0050 rr", "TCP ]:0050 rr", "TCP [192.0.2.1]:0050 rr", "TCP [fe80::1%eth0]:0050 rr",
		"ESP C0000250:0050 rr", "FWM x rr", "FWM 100000000 rr", "->", strings.Repeat("x", 1<<20),
		"-> C0000250:0050 Masq 1 0 0", // no service before it
	} {
		if entries, err := ReadTextTable(strings.NewReader(headings + line + "\n")); err == nil {
			t.Errorf("%q: %v and no error", line, entries)
		}
	}
	for _, line := range []string{
		"-> C0000250:0050 Masq x 0 0", "-> C0000250:0050 Masq 4294967296 0 0", "-> C0000250:0050 Masq",
		"-> C0000250 Masq 1 0 0", "-> TCP",
	} {
		if entries, err := ReadTextTable(strings.NewReader(headings + "FWM 1 rr\n" + line + "\n")); err == nil {
			t.Errorf("%q: %v and no error", line, entries)
		}
	}
}

// FuzzReadTextTable prints what was read as the kernel does, and reads the same again.
func FuzzReadTextTable(f *testing.F) {
	f.Add("UDP  C0000250:0035 rr ops\n  -> 0A00000B:1F90      Tunnel  -1     2          3\n")
	f.Add("TCP  [2001:0db8:0000:0000:0000:0000:0000:0080]:01BB wrr\n  -> [::1]:01BB Route 7 0 0\n")
	f.Add("FWM  0000000A wlc\n  -> 0A00000B:0000 Local 1 0 0\n")
	f.Add("TCP :0050 rr\n")
	f.Add("  -> [:1 Masq 1 0 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ReadTextTable(strings.NewReader(headings + text))
		if err != nil {
			return
		}
		again, err := ReadTextTable(strings.NewReader(headings + kernelText(entries)))
		if diff := cmp.Diff(entries, again, sameAddresses); err != nil || diff != "" {
			t.Errorf("%q: %v (-first +second):\n%s", text, err, diff)
		}
	})
}

// kernelText returns the lines of the kernel for entries.
func kernelText(entries []Entry) string {
	address := func(a netip.AddrPort) string {
		if a.Addr().Is4() {
			return fmt.Sprintf("%X:%04X", a.Addr().AsSlice(), a.Port())
		}
		return fmt.Sprintf("[%s]:%04X", a.Addr().StringExpanded(), a.Port())
	}
	var text strings.Builder
	for _, e := range entries {
		if e.Mark != 0 || e.Protocol == 0 {
			fmt.Fprintf(&text, "FWM  %08X %s\n", e.Mark, e.Scheduler)
		} else {
			fmt.Fprintf(&text, "%s  %s %s\n", e.Protocol, address(e.Address), e.Scheduler)
		}
		for _, d := range e.Destinations {
			fmt.Fprintf(&text, "  -> %-20s Masq    %-6d 0          0\n", address(d.Address), int32(d.Weight))
		}
	}
	return text.String()
}
