package system

import (
	"context"
	"net/netip"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// Way reads the facts that decide about the way of a packet: the table in the kernel's order, the network, the settings, and
// the routes to the addresses that destinations returns. It does not read the connections.
func Way(ctx context.Context, client *ipvs.Client, destinations func(table []ipvs.Entry) []netip.Addr) (*check.Snapshot, error) {
	s := &check.Snapshot{Unread: make(map[check.Fact]error)}
	var err error
	if s.Table, err = client.WithoutCounters().Table(ctx); err != nil {
		return nil, err
	}
	readNetwork(s)
	s.Settings = readSettings(s.Links)
	readRoutes(s, destinations(s.Table))
	return s, nil
}
