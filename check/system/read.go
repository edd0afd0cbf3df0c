// Package system reads the facts that package check judges. It changes nothing, and sends no packets except netlink's.
package system

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"time"

	"ipvsadm/check"
	"ipvsadm/ipvs"
	"ipvsadm/owners"
)

// lookAgain is when a second look begins: the kernel adds up counters every two seconds.
const lookAgain = 2 * time.Second

// Director reads the facts about a director. A fact that cannot be read is in the snapshot's Unread, except the table: check
// is nothing without it. If a rise matters, Director waits and looks twice.
func Director(ctx context.Context, client *ipvs.Client, info ipvs.Info) (*check.Snapshot, error) {
	s := &check.Snapshot{Info: info, Unread: make(map[check.Fact]error)}
	if err := readTable(ctx, client, s); err != nil {
		return nil, err
	}
	readMachine(s)
	readRoutes(s, destinations(s.Table))
	var err error
	if hasMark(s.Table) {
		s.RuledMarks, err = ruledMarks()
		note(s, check.FactRules, err)
	}
	if hasLocal(s.Routes) {
		s.Listeners, err = listeners()
		note(s, check.FactListeners, err)
	}
	s.Owners, err = owners.Find(os.DirFS("/proc"))
	note(s, check.FactOwners, err)
	readSync(ctx, s)
	began := time.Now()
	s.Connections, err = s.Fold(ipvs.Connections())
	note(s, check.FactConnections, err)
	if !s.NeedsSecondLook() {
		return s, nil
	}
	select {
	case <-time.After(lookAgain - time.Since(began)):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s.Later = &check.Later{After: time.Since(began)}
	s.Later.Counters, err = counters()
	note(s, check.FactCounters, err)
	s.Later.Connections, err = s.Fold(ipvs.Connections())
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

// hasMark reports whether a service has a firewall mark.
func hasMark(table []ipvs.Entry) bool {
	return slices.ContainsFunc(table, func(entry ipvs.Entry) bool { return entry.Mark != 0 })
}

// hasLocal reports whether an address belongs to this machine.
func hasLocal(routes map[netip.Addr]check.Route) bool {
	for _, route := range routes {
		if route.Kind == check.RouteLocal {
			return true
		}
	}
	return false
}
