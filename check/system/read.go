// Package system reads the facts that package check judges. It changes nothing, and sends no packets except netlink's.
package system

import (
	"context"
	"net/netip"

	"ipvsadm/check"
	"ipvsadm/ipvs"
)

// Director reads the facts about a director. A fact that cannot be read is in the snapshot's Unread, except the table: check
// is nothing without it.
func Director(ctx context.Context, client *ipvs.Client, info ipvs.Info) (*check.Snapshot, error) {
	s := &check.Snapshot{Info: info, Unread: make(map[check.Fact]error)}
	if err := readTable(ctx, client, s); err != nil {
		return nil, err
	}
	readMachine(s)
	readRoutes(s, destinations(s.Table))
	var err error
	s.Connections, err = s.Fold(ipvs.Connections())
	note(s, check.FactConnections, err)
	return s, nil
}

// readTable reads what the kernel's IPVS sends by netlink.
func readTable(ctx context.Context, client *ipvs.Client, s *check.Snapshot) (err error) {
	if s.Table, err = client.Table(ctx); err != nil {
		return err
	}
	ipvs.Sort(s.Table)
	s.Timeouts, err = client.Timeouts(ctx)
	note(s, check.FactTimeouts, err)
	s.Daemons, err = client.Daemons(ctx)
	note(s, check.FactDaemons, err)
	return nil
}

// note remembers why a fact could not be read.
func note(s *check.Snapshot, fact check.Fact, err error) {
	if err != nil {
		s.Unread[fact] = err
	}
}

// destinations returns the addresses whose routes matter: those of services and of their servers.
func destinations(table []ipvs.Entry) []netip.Addr {
	var all []netip.Addr
	for _, entry := range table {
		if entry.Mark == 0 {
			all = append(all, entry.Address.Addr())
		}
		for _, server := range entry.Destinations {
			all = append(all, server.Address.Addr())
		}
	}
	return all
}
