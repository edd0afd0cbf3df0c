package system

import (
	"context"
	"net/netip"
	"slices"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// Way reads the facts that decide about the way of a packet: the table, whose
// servers are in the order of their addition, the network, the settings, and
// the routes to the addresses that destinations returns. It does not read the connections.
func Way(ctx context.Context, client *ipvs.Client, destinations func(table []ipvs.Entry) []netip.Addr) (*check.Snapshot, error) {
	s := &check.Snapshot{Unread: make(map[check.Fact]error)}
	var err error
	if s.Table, err = client.WithoutCounters().Table(ctx); err != nil {
		return nil, err
	}
	for _, entry := range s.Table {
		slices.Reverse(entry.Destinations) // the kernel lists the latest first
	}
	readNetwork(s)
	s.Settings = readSettings(s.Links)
	readRoutes(s, destinations(s.Table))
	return s, nil
}
