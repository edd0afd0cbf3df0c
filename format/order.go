package format

import (
	"slices"

	"ipvsadm/ipvs"
)

// Sort puts entries and the real servers of each in the order of the listings.
func Sort(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int {
		return a.Service.Compare(b.Service.ServiceID)
	})
	for _, entry := range entries {
		slices.SortFunc(entry.Destinations, func(a, b ipvs.Destination) int {
			return a.Address.Compare(b.Address)
		})
	}
}
