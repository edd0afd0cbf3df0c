package connections

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// few returns six entries by name, with their services and servers. "drained" has a server of weight 0, "lost" a server
// that left the table, and "foreign" a service that the table does not have.
func few(t *testing.T) map[string]Connection {
	t.Helper()
	server := func(address string, weight uint32) ipvs.ListedDestination {
		return ipvs.ListedDestination{Destination: ipvs.Destination{Address: netip.MustParseAddrPort(address), Weight: weight}}
	}
	web := ipvs.Entry{Destinations: []ipvs.ListedDestination{server("10.0.0.1:80", 1), server("10.0.0.2:80", 0)}}
	web.ServiceID = ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
	servers := ipvs.NewServers([]ipvs.Entry{web})
	all := make(map[string]Connection)
	for name, line := range map[string]string{
		"plain":    "TCP C6336401 C7DC C0000201 0050 0A000001 0050 ESTABLISHED     900",
		"drained":  "TCP C6336402 C7DC C0000201 0050 0A000002 0050 FIN_WAIT         20",
		"lost":     "TCP C6336403 C7DC C0000201 0050 0A000003 0050 ESTABLISHED     500",
		"template": "TCP C6336401 0000 C0000201 0050 0A000001 0050 NONE            300",
		"foreign":  "UDP C6336404 C7DC C0000201 0035 0A000001 0035 UDP              30",
		"six":      "TCP 2001:0db8:0000:0000:0000:0000:0000:0007 C7DC C0000201 0050 0A000001 0050 SYN_RECV         60",
	} {
		line = strings.Replace(line, "C0000201 0050 0A000001 0050 SYN_RECV", "2001:0db8:0000:0000:0000:0000:0000:0001 0050 2001:0db8:0000:0000:0000:0000:0000:0002 0050 SYN_RECV", 1)
		for c, err := range ipvs.ReadConnections(strings.NewReader(line + "\n")) {
			if err != nil {
				t.Fatal(err)
			}
			found := Connection{Connection: &c}
			found.Service, found.Server = servers.Find(&c)
			all[name] = found
		}
	}
	return all
}

func TestFilter(t *testing.T) {
	service := func(protocol ipvs.Protocol, address string) *ipvs.ServiceID {
		id := ipvs.AddressService(protocol, netip.MustParseAddrPort(address))
		return &id
	}
	bounds := func(texts ...string) (bounds []Bound) {
		for _, text := range texts {
			bound, ok := ParseBound(text)
			if !ok {
				t.Fatalf("ParseBound(%q) fails", text)
			}
			bounds = append(bounds, bound)
		}
		return bounds
	}
	for _, test := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all", Filter{}, "drained foreign lost plain six template"},
		{"service", Filter{Service: service(ipvs.TCP, "192.0.2.1:80")}, "drained lost plain template"},
		{"service that the table lacks", Filter{Service: service(ipvs.UDP, "192.0.2.1:53")}, "foreign"},
		{"server and port", Filter{Server: netip.MustParseAddrPort("10.0.0.1:80")}, "plain template"},
		{"server, any port", Filter{Server: netip.MustParseAddrPort("10.0.0.1:0")}, "foreign plain template"},
		{"client", Filter{Clients: []netip.Prefix{netip.MustParsePrefix("198.51.100.2/31")}}, "drained lost"},
		{"two clients", Filter{Clients: []netip.Prefix{netip.MustParsePrefix("198.51.100.2/32"), netip.MustParsePrefix("2001:db8::/32")}}, "drained six"},
		{"states", Filter{States: []string{"FIN_WAIT", "UDP"}}, "drained foreign"},
		{"protocol", Filter{Protocols: []string{"UDP"}}, "foreign"},
		{"soon", Filter{Expires: bounds("<30s")}, "drained"},
		{"soon or at", Filter{Expires: bounds("<=30s")}, "drained foreign"},
		{"late", Filter{Expires: bounds(">8m20s")}, "plain"},
		{"late or at", Filter{Expires: bounds(">= 500s")}, "lost plain"},
		{"soon or late", Filter{Expires: bounds("<30s", ">500s")}, "drained plain"},
		{"templates", Filter{Templates: OnlyTemplates}, "template"},
		{"no templates", Filter{Templates: WithoutTemplates, States: []string{"NONE", "UDP"}}, "foreign"},
		{"stale", Filter{Stale: true, Service: service(ipvs.TCP, "192.0.2.1:80")}, "drained lost"},
		{"and", Filter{Server: netip.MustParseAddrPort("10.0.0.1:0"), Protocols: []string{"TCP"}, Templates: WithoutTemplates}, "plain"},
	} {
		var selected []string
		for name, c := range few(t) {
			if test.filter.Selects(c) {
				selected = append(selected, name)
			}
		}
		slices.Sort(selected)
		if got := strings.Join(selected, " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestParseBoundInvalid(t *testing.T) {
	for _, text := range []string{"", "30s", "<", "<30", "=30s", "<-1s", "<>3s", "<30s "} {
		if _, ok := ParseBound(text); ok != (text == "<30s ") {
			t.Errorf("ParseBound(%q) is %v", text, ok)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, test := range []struct {
		by         string
		limit, top int
		want       string
	}{
		{"client", 9, 0, "198.51.100.1/32 2 0.33 15m0s, 2001:db8::7/128 1 0.17 1m0s, 198.51.100.2/32 1 0.17 20s, 198.51.100.3/32 1 0.17 8m20s, 198.51.100.4/32 1 0.17 30s"},
		{"client/24", 9, 0, "198.51.100.0/24 5 0.83 15m0s, 2001:d00::/24 1 0.17 1m0s"},
		{"service", 9, 2, "TCP 192.0.2.1:80 4 0.67 15m0s, UDP 192.0.2.1:53 1 0.17 30s"},
		{"server", 9, 1, "10.0.0.1:80 2 0.33 15m0s"},
		{"protocol", 9, 0, "TCP 5 0.83 15m0s, UDP 1 0.17 30s"},
		{"protocol state", 9, 1, "TCP ESTABLISHED 2 0.33 15m0s"},
	} {
		var properties []Property
		for word := range strings.FieldsSeq(test.by) {
			property, err := ParseProperty(word)
			if err != nil {
				t.Fatal(err)
			}
			properties = append(properties, property)
		}
		groups := NewGroups(properties, test.limit)
		for _, c := range few(t) {
			groups.Add(c)
		}
		var got []string
		for _, group := range groups.Largest(test.top) {
			var words []string
			for i, value := range group.Values {
				switch properties[i].Name {
				case "client":
					words = append(words, value.Client.String())
				case "service":
					words = append(words, value.Service.String())
				case "server":
					words = append(words, value.Server.String())
				default:
					words = append(words, value.Word)
				}
			}
			got = append(got, fmt.Sprintf("%s %d %.2f %s", strings.Join(words, " "), group.Connections, group.Share, group.Expires))
		}
		slices.Sort(got)
		want := strings.Split(test.want, ", ")
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %s, want %s", test.by, got, want)
		}
	}
}

// TestGroupsLimit wants the largest group first, and one group of others for those beyond the limit.
func TestGroupsLimit(t *testing.T) {
	property, err := ParseProperty("client")
	if err != nil {
		t.Fatal(err)
	}
	groups := NewGroups([]Property{property}, 2)
	all := few(t)
	for _, name := range []string{"drained", "plain", "template", "lost", "foreign", "six", "plain"} {
		groups.Add(all[name])
	}
	largest := groups.Largest(0)
	if len(largest) != 3 || largest[0].Connections != 3 || largest[1].Connections != 1 {
		t.Fatalf("%+v", largest)
	}
	if others := largest[2]; others.Values != nil || others.Connections != 3 || others.Expires != 500*time.Second || others.Share != 3.0/7 {
		t.Errorf("others: %+v", others)
	}
}

func TestParsePropertyInvalid(t *testing.T) {
	for _, word := range []string{"", "clients", "client/", "client/129", "client/-1", "client/x", "server/24"} {
		if property, err := ParseProperty(word); err == nil {
			t.Errorf("ParseProperty(%q) is %v", word, property)
		}
	}
}
