package drain

import (
	"context"
	"slices"

	"ipvsadm/ipvs"
)

// SetWeight gives servers a weight and changes nothing else. It returns the servers as they were. A weight other than 0 ends
// the drain of a server.
func SetWeight(ctx context.Context, client *ipvs.Client, store *Store, selection Selection, weight uint32) ([]Server, error) {
	table, err := client.WithoutCounters().Table(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := selection.Select(table)
	if err != nil {
		return nil, err
	}
	var changes []ipvs.Change
	for _, s := range sorted(servers) {
		change, _ := s.edit(weight).Change()
		changes = append(changes, change)
	}
	if err := client.Apply(ctx, changes...); err != nil || weight == 0 {
		return servers, err
	}
	return servers, forget(store, servers)
}

// forget removes the records of servers.
func forget(store *Store, servers []Server) error {
	records, err := store.Records()
	if err != nil || len(records) == 0 {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(records), func(r Record) bool {
		return slices.ContainsFunc(servers, func(s Server) bool { return s.key() == r.key() })
	})
	if len(kept) == len(records) {
		return nil
	}
	return store.Write(kept)
}
