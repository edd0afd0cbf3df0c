package drain

import (
	"slices"
	"time"

	"ipvsadm/ipvs"
)

// Record is a server as it was before it was drained.
type Record struct {
	Service ipvs.ServiceID
	Server  ipvs.Destination
	Since   time.Time
}

func (r Record) key() key { return key{r.Service, r.Server.Address} }

// String returns the server and its service as every message names them.
func (r Record) String() string { return r.key().String() }

// Drained is a server that is drained now.
type Drained struct {
	Record
	Now *ipvs.ListedDestination // nil if the server was deleted
}

// InForce returns the servers of the records that are drained now: their weight is still 0, or they were deleted. If
// someone else, such as a restore, has set the weight of a server, its drain is over.
func InForce(records []Record, table []ipvs.Entry) []Drained {
	var all []Drained
	for _, r := range records {
		if now := find(table, r.key()); now == nil || now.Weight == 0 {
			all = append(all, Drained{r, now})
		}
	}
	return all
}

// inForce returns the records that InForce keeps.
func inForce(records []Record, table []ipvs.Entry) []Record {
	var kept []Record
	for _, d := range InForce(records, table) {
		kept = append(kept, d.Record)
	}
	return kept
}

// recorded adds servers to the records. A server that has a record keeps it, with the weight it had first. A server of
// weight 0 without one gets none: there is nothing to restore.
func recorded(records []Record, servers []Server, now time.Time) []Record {
	records = slices.Clone(records)
	for _, s := range servers {
		known := slices.ContainsFunc(records, func(r Record) bool { return r.key() == s.key() })
		if !known && s.Weight > 0 {
			records = append(records, Record{s.Service.ServiceID, s.Destination, now})
		}
	}
	return records
}
