package ipvs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareDestinations(t *testing.T) {
	// In order: the first four octets of an IPv6 address compare with an IPv4 address.
	want := []string{"0.2.0.0:80", "0.3.0.0:80", "[3::]:9", "[3::]:80", "[3::1]:80", "4.0.0.1:80", "10.0.0.1:80",
		"[2001:db8::1]:80", "192.168.0.1:80", "200.0.0.1:80"}
	var destinations []Destination
	for _, address := range slices.Backward(want) {
		destinations = append(destinations, Destination{Address: addrPort(address)})
	}
	slices.SortFunc(destinations, Destination.Compare)
	var got []string
	for _, d := range destinations {
		got = append(got, d.Address.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
