package ipvs

import (
	"strings"
	"testing"
)

func TestNetmask(t *testing.T) {
	for _, test := range []struct {
		mask    Netmask
		text    string
		address string
		length  uint8
	}{
		{Netmask{}, "", "255.255.255.255", 128},
		{IPv4Netmask([4]byte{255, 255, 255, 255}), "", "255.255.255.255", 128},
		{IPv4Netmask([4]byte{255, 0, 255, 0}), "255.0.255.0", "255.0.255.0", 128},
		{IPv4Netmask([4]byte{}), "0.0.0.0", "0.0.0.0", 128},
		{IPv6Netmask(128), "", "255.255.255.255", 128},
		{IPv6Netmask(129), "", "255.255.255.255", 128},
		{IPv6Netmask(127), "127", "255.255.255.255", 127},
		{IPv6Netmask(65), "65", "255.255.255.255", 65},
		{IPv6Netmask(64), "64", "255.255.255.255", 64},
		{IPv6Netmask(63), "63", "255.255.255.255", 63},
		{IPv6Netmask(1), "1", "255.255.255.255", 1},
		{IPv6Netmask(0), "0", "255.255.255.255", 0},
	} {
		if got := test.mask.String(); got != test.text {
			t.Errorf("mask %q, want %q", got, test.text)
		}
		if address, length := test.mask.Address().String(), test.mask.PrefixLength(); address != test.address || length != test.length {
			t.Errorf("mask %q: address %s, length %d, want %s, %d", test.text, address, length, test.address, test.length)
		}
		if all := test.text == ""; (test.mask == Netmask{}) != all {
			t.Errorf("mask %q is equal to the zero value: %v", test.text, !all)
		}
	}
}

// TestNetmaskOfOtherFamily encodes masks that the kernel would read as masks of the other family.
func TestNetmaskOfOtherFamily(t *testing.T) {
	for family, mask := range map[Family]Netmask{IPv4: IPv6Netmask(64), IPv6: IPv4Netmask([4]byte{255, 255, 255, 0})} {
		change := AddService(Service{ServiceID: MarkService(1, family), Scheduler: "rr", Netmask: mask})
		if change.invalid == nil || !strings.Contains(change.invalid.Error(), "netmask "+mask.String()) {
			t.Errorf("%s: %v", family, change.invalid)
		}
	}
}
