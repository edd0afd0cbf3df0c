package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// Restored is what Undrain did with a server.
type Restored struct {
	Record
	action  action
	service ipvs.Service
	now     ipvs.Destination // the server before Undrain
}

type action int

const (
	setWeight  action = iota
	addServer         // it was deleted
	leaveAlone        // it has the old weight already
	leaveOther        // someone else gave it another weight
	noService         // its service was deleted
)

// Changed reports whether someone else had changed the weight, so that Undrain left it alone.
func (r Restored) Changed() bool { return r.action == leaveOther }

// Failed reports whether the server cannot be put back, because its service was deleted.
func (r Restored) Failed() bool { return r.action == noService }

// String returns what Undrain did, in words.
func (r Restored) String() string {
	switch r.action {
	case setWeight:
		return fmt.Sprintf("%s: weight 0 -> %d", r.Record, r.Server.Weight)
	case addServer:
		return fmt.Sprintf("%s: added again with weight %d", r.Record, r.Server.Weight)
	case leaveAlone:
		return fmt.Sprintf("%s: the weight is %d already", r.Record, r.Server.Weight)
	case leaveOther:
		return fmt.Sprintf("%s: someone set the weight to %d, and it stays so; it was %d before the drain", r.Record, r.now.Weight, r.Server.Weight)
	default:
		line := rule(command.Command{Kind: command.AddServer, Service: ipvs.Service{ServiceID: r.Service}, Server: r.Server})
		return fmt.Sprintf("%s: the service was deleted; once it is there again, type: %s", r.Record, line)
	}
}

// plan returns what to do with each chosen record, and the records that are not chosen.
func plan(records []Record, table []ipvs.Entry, selection Selection) (chosen []Restored, others []Record) {
	for _, record := range records {
		if !selection.chooses(record.key()) {
			others = append(others, record)
			continue
		}
		r := Restored{Record: record}
		i := slices.IndexFunc(table, func(e ipvs.Entry) bool { return e.ServiceID == record.Service })
		now := find(table, record.key())
		switch {
		case i < 0:
			r.action = noService
		case now == nil:
			r.action, r.service = addServer, table[i].Service
		case now.Weight == 0:
			r.action, r.service, r.now = setWeight, table[i].Service, now.Destination
		case now.Weight == record.Server.Weight:
			r.action = leaveAlone
		default:
			r.action, r.now = leaveOther, now.Destination
		}
		chosen = append(chosen, r)
	}
	return chosen, others
}

// change returns the change in the kernel. It reports false if none is needed.
func (r Restored) change() (ipvs.Change, bool) {
	switch r.action {
	case setWeight:
		return Server{r.service, r.now}.edit(r.Server.Weight).Change()
	case addServer:
		return ipvs.AddDestination(r.Service, r.Server), true
	default:
		return ipvs.Change{}, false
	}
}

// Undrain puts drained servers back as they were, and removes their records. The caller holds the lock.
func Undrain(ctx context.Context, client *ipvs.Client, store *Store, selection Selection) ([]Restored, error) {
	table, err := client.WithoutCounters().Table(ctx)
	if err != nil {
		return nil, err
	}
	records, err := store.Records()
	if err != nil {
		return nil, err
	}
	chosen, others := plan(records, table, selection)
	if len(chosen) == 0 && selection.Address.IsValid() {
		return nil, notDrained(selection, table)
	}
	if len(chosen) == 0 {
		return nil, nil
	}
	var changes []ipvs.Change
	var changing []int // indices in chosen
	for i, r := range chosen {
		if change, ok := r.change(); ok {
			changes = append(changes, change)
			changing = append(changing, i)
		}
	}
	err = client.Apply(ctx, changes...)
	var batch *ipvs.BatchError
	switch {
	case errors.As(err, &batch): // the records of failures stay
		for _, failure := range slices.Backward(batch.Failures) {
			i := changing[failure.Index]
			others = append(others, chosen[i].Record)
			chosen = slices.Delete(chosen, i, i+1)
		}
	case err != nil:
		return nil, err
	}
	return chosen, errors.Join(err, store.Write(others))
}

// notDrained returns the error of servers that have no record.
func notDrained(selection Selection, table []ipvs.Entry) error {
	servers, err := selection.Select(table)
	if err != nil {
		return err
	}
	hinted := &command.Hinted{Err: fmt.Errorf("%s is not drained", servers[0])}
	if len(servers) > 1 {
		hinted.Err = fmt.Errorf("%s is not drained in any of its %d services", selection.Address, services(servers))
	}
	for _, s := range servers {
		if s.Weight == 0 && len(hinted.Hints) < mostHints {
			hinted.Hints = append(hinted.Hints, fmt.Sprintf("%s has weight 0, but not from a drain: type ipvsadm weight -r %s %s WEIGHT",
				s, s.Address, serviceOption(s.Service.ServiceID)))
		}
	}
	return hinted
}
