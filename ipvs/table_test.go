package ipvs

import (
	"fmt"
	"slices"
	"testing"
)

// TestSort sorts entries from every order of three, and the servers of each.
func TestSort(t *testing.T) {
	entry := func(id ServiceID, servers ...string) Entry {
		e := Entry{ListedService: ListedService{Service: Service{ServiceID: id}}}
		for _, server := range servers {
			e.Destinations = append(e.Destinations, ListedDestination{Destination: Destination{Address: addrPort(server)}})
		}
		return e
	}
	text := func(entries []Entry) (all []string) {
		for _, e := range entries {
			all = append(all, e.ServiceID.String())
			for _, d := range e.Destinations {
				all = append(all, d.Address.String())
			}
		}
		return all
	}
	want := []string{"UDP 192.0.2.1:80", "10.0.0.2:80", "10.0.0.10:80", "TCP [2001:db8::1]:80", "FWM 7", "10.0.0.1:80", "10.0.0.1:81"}
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		all := [3]Entry{
			entry(AddressService(UDP, addrPort("192.0.2.1:80")), "10.0.0.10:80", "10.0.0.2:80"),
			entry(AddressService(TCP, addrPort("[2001:db8::1]:80"))),
			entry(MarkService(7, IPv4), "10.0.0.1:81", "10.0.0.1:80"),
		}
		got := []Entry{all[order[0]], all[order[1]], all[order[2]]}
		Sort(got)
		if !slices.Equal(text(got), want) {
			t.Errorf("%v: %s", order, fmt.Sprint(text(got)))
		}
	}
}
