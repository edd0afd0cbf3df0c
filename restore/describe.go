package restore

import (
	"context"
	"slices"

	"ipvsadm/ipvs"
)

// Description is a table that was read, to compare it with another. What was not read is unknown and does not differ from
// anything.
type Description struct {
	Entries  []ipvs.Entry                       // the servers of each in the order of their addition
	Timeouts ipvs.Timeouts                      // zero if they are unknown
	Daemons  map[ipvs.DaemonState][]ipvs.Daemon // the one that runs, or none, for each known state
}

// Describe returns the table that the rules describe. The error is a join of an *Error for each bad line.
func (r *Rules) Describe() (*Description, error) {
	t := emptyTable()
	if err := t.applyAll(r, make(excuses)); err != nil {
		return nil, err
	}
	d := &Description{Timeouts: t.timeouts, Daemons: make(map[ipvs.DaemonState][]ipvs.Daemon)}
	for state, daemon := range t.daemons {
		d.Daemons[state] = nil
		if daemon.runs {
			d.Daemons[state] = []ipvs.Daemon{daemon.Daemon}
		}
	}
	for _, s := range t.inOrder() {
		entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: s.Service}}
		for _, server := range s.servers {
			entry.Destinations = append(entry.Destinations, ipvs.ListedDestination{Destination: server.Destination})
		}
		d.Entries = append(d.Entries, entry)
	}
	return d, nil
}

// DescribeKernel returns the kernel's table, in which everything is known.
func DescribeKernel(ctx context.Context, client *ipvs.Client) (*Description, error) {
	present, err := readKernel(ctx, client, true)
	if err != nil {
		return nil, err
	}
	d := &Description{Timeouts: present.timeouts, Daemons: map[ipvs.DaemonState][]ipvs.Daemon{ipvs.Master: nil, ipvs.Backup: nil}}
	for _, daemon := range present.daemons {
		d.Daemons[daemon.State] = []ipvs.Daemon{daemon}
	}
	d.Entries, err = ipvs.Gather(present.entries)
	for _, entry := range d.Entries {
		slices.Reverse(entry.Destinations) // the kernel lists the latest first
	}
	return d, err
}
