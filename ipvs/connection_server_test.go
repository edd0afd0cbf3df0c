package ipvs

import (
	"net/netip"
	"strings"
	"testing"
)

// TestServersFind looks for connections as the kernel writes them (seen in 6.1 and 7.2) in a table.
func TestServersFind(t *testing.T) {
	service := func(id ServiceID, servers ...string) Entry {
		entry := Entry{ListedService: ListedService{Service: Service{ServiceID: id}}}
		for _, server := range servers {
			entry.Destinations = append(entry.Destinations, ListedDestination{Destination: Destination{Address: netip.MustParseAddrPort(server)}})
		}
		return entry
	}
	tcp := func(address string) ServiceID { return AddressService(TCP, netip.MustParseAddrPort(address)) }
	servers := NewServers([]Entry{
		service(tcp("192.0.2.1:80"), "10.0.0.1:80", "10.0.0.1:8080", "[2001:db8::9]:80"),
		service(tcp("192.0.2.1:0"), "10.0.0.2:0"),
		service(AddressService(UDP, netip.MustParseAddrPort("192.0.2.1:53")), "10.0.0.2:53"),
		service(MarkService(7, IPv4), "10.0.0.3:0"),
		service(MarkService(7, IPv6), "[2001:db8::2]:0"),
		service(MarkService(8, IPv4), "10.0.0.3:0", "10.0.0.4:8443"),
	})
	for line, want := range map[string]string{
		"TCP C0000209 C7DC C0000201 0050 0A000001 0050 CLOSE             8":                                                                                              "TCP 192.0.2.1:80 > 10.0.0.1:80",
		"TCP C0000209 C7DC C0000201 0050 0A000001 1F90 CLOSE             8":                                                                                              "TCP 192.0.2.1:80 > 10.0.0.1:8080",
		"TCP C0000209 C7DC C0000201 0050 0A000001 1F91 CLOSE             8":                                                                                              "TCP 192.0.2.1:80 > none",
		"TCP C0000209 EC34 C0000201 0063 0A000002 0063 CLOSE             8":                                                                                              "TCP 192.0.2.1:0 > 10.0.0.2:0",
		"TCP C0000209 0000 C0000201 0050 0A000001 0050 NONE            298":                                                                                              "TCP 192.0.2.1:80 > 10.0.0.1:80",
		"TCP C0000209 0000 C0000201 0000 0A000002 0000 NONE            298":                                                                                              "TCP 192.0.2.1:0 > 10.0.0.2:0",
		"UDP C0000209 A53A C0000201 0035 0A000002 0035 UDP             299":                                                                                              "UDP 192.0.2.1:53 > 10.0.0.2:53",
		"UDP C0000209 A53A C0000201 0036 0A000002 0036 UDP             299":                                                                                              "none",
		"IP  C0000209 0000 00000007 0000 0A000003 0000 NONE            299":                                                                                              "FWM 7 > 10.0.0.3:0",
		"IP  C0000209 0000 00000008 0000 0A000009 0000 NONE            299":                                                                                              "FWM 8 > none",
		"IP  C0000209 0000 00000009 0000 0A000003 0000 NONE            299":                                                                                              "none",
		"TCP C0000209 E3EC C0000202 0063 0A000003 0063 CLOSE             9":                                                                                              "FWM 7 > 10.0.0.3:0",
		"TCP C0000209 E3EC C0000201 0050 0A000004 20FB CLOSE             9":                                                                                              "FWM 8 > 10.0.0.4:8443",
		"TCP C0000209 E3EC C0000201 0050 0A000005 0050 CLOSE             9":                                                                                              "TCP 192.0.2.1:80 > none",
		"IP  2001:0db8:0000:0000:0000:0000:0000:0001 0000 0000:0007:0000:0000:0000:0000:0000:0000 0000 2001:0db8:0000:0000:0000:0000:0000:0002 0000 NONE            299": "FWM 7 IPv6 > [2001:db8::2]:0",
		"TCP 2001:0db8:0000:0000:0000:0000:0000:0001 88CA 2001:0db8:0000:0000:0000:0000:0000:0001 0063 2001:0db8:0000:0000:0000:0000:0000:0002 0063 CLOSE             9": "FWM 7 IPv6 > [2001:db8::2]:0",
		"ESP C0000209 01F4 C0000201 01F4 0A000001 01F4 ESTABLISHED       9":                                                                                              "none",
	} {
		for c, err := range ReadConnections(strings.NewReader(line + "\n")) {
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			if service, server := servers.Find(&c); service != nil {
				got = service.ServiceID.String() + " > none"
				if server != nil {
					got = service.ServiceID.String() + " > " + server.Address.String()
				}
			}
			if got != want {
				t.Errorf("%s: %s, want %s", line, got, want)
			}
			if template := strings.Contains(line, " 0000 "); c.IsTemplate() != (template && strings.Contains(line, "NONE")) {
				t.Errorf("%s: IsTemplate is %t", line, c.IsTemplate())
			}
		}
	}
}
