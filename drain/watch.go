package drain

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"ipvsadm/ipvs"
)

// Outcome is how a wait ended.
type Outcome int

// The outcomes.
const (
	DrainedInTime Outcome = iota
	DeadlineReached
	EndedByOthers // someone set the weight of a server, or deleted it
)

// Watch waits until the connections of drained servers have ended.
type Watch struct {
	client  *ipvs.Client
	servers []Server
	table   []ipvs.Entry
	until   Until
	timeout time.Duration
	printer *Printer

	began     time.Time
	counted   map[key]Remaining // from the connection table
	countedAt time.Time
	countTook time.Duration
	remaining map[key]Remaining
	history   map[key]history
	most      map[key]int
	drained   map[key]bool
}

// pollPause is the time between two looks at the kernel.
const pollPause = time.Second

// countShare limits how much of the time goes into reading the connection table: one part in this many. A large table
// takes seconds.
const countShare = 20

// Wait polls the kernel until nothing that it waits for is left, or the deadline is reached, or someone else ends a drain.
func (w *Watch) Wait(ctx context.Context) (Outcome, error) {
	deadline := w.began.Add(w.timeout)
	for {
		now := time.Now()
		ended, err := w.look(ctx, now, now.Before(deadline))
		if err != nil {
			return 0, err
		}
		if len(ended) > 0 {
			return EndedByOthers, w.print(ended)
		}
		left := w.left()
		if left > 0 && !now.Before(deadline) {
			return DeadlineReached, nil
		}
		if err := w.report(now, deadline); err != nil || left == 0 {
			return DrainedInTime, err
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(min(pollPause, time.Until(deadline))):
		}
	}
}

// look reads what the servers still have. It returns an event for each server that someone else put back or deleted. Counts
// of the connection table may be some seconds old, but not at the end of a drain.
func (w *Watch) look(ctx context.Context, now time.Time, patient bool) (ended []SetBack, err error) {
	table, err := w.entries(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range w.servers {
		if d := find(table, s.key()); d == nil {
			ended = append(ended, SetBack{header: head("set_back", now), subject: about(s.key())})
		} else if d.Weight > 0 {
			ended = append(ended, SetBack{header: head("set_back", now), subject: about(s.key()), Weight: &d.Weight})
		}
	}
	if len(ended) > 0 {
		return ended, nil
	}
	w.merge(table)
	if patient && w.left() > 0 && now.Sub(w.countedAt) < countShare*w.countTook {
		return nil, nil
	}
	err = w.count(ctx)
	w.merge(table)
	return nil, err
}

// entries reads the services of the servers. One that is gone is left out.
func (w *Watch) entries(ctx context.Context) ([]ipvs.Entry, error) {
	var table []ipvs.Entry
	var read []ipvs.ServiceID
	for _, s := range w.servers {
		id := s.Service.ServiceID
		if slices.Contains(read, id) {
			continue
		}
		read = append(read, id)
		entry, err := w.client.WithoutCounters().Entry(ctx, id)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, err
		}
		if err == nil {
			table = append(table, entry)
		}
	}
	return table, nil
}

// count counts the connections in the connection table.
func (w *Watch) count(ctx context.Context) error {
	settings, err := readSettings(settingsDirectory) // which may change during the drain
	if err != nil {
		return err
	}
	w.countedAt = time.Now()
	counted, err := newCounter(w.table, w.servers, w.until, settings).count(ctx, ipvs.Connections())
	if err != nil {
		return err
	}
	w.counted, w.countTook = counted, time.Since(w.countedAt)
	return nil
}

// merge puts together the counts of the table and of the connection table.
func (w *Watch) merge(table []ipvs.Entry) {
	w.remaining = make(map[key]Remaining)
	for _, s := range w.servers {
		r := w.counted[s.key()]
		if d := find(table, s.key()); d != nil {
			r.Active, r.Inactive = d.ActiveConnections, d.InactiveConnections
		}
		w.remaining[s.key()] = r
	}
}

// left returns how many things the drain still waits for.
func (w *Watch) left() int {
	left := 0
	for _, r := range w.remaining {
		left += r.Count(w.until)
	}
	return left
}

// report prints how far each server is, and which ones were drained just now.
func (w *Watch) report(now, deadline time.Time) error {
	var all []Progress
	for _, s := range w.servers {
		k, r := s.key(), w.remaining[s.key()]
		left := r.Count(w.until)
		w.history[k] = w.history[k].add(now, left)
		w.most[k] = max(w.most[k], left)
		e := Progress{
			header: head("progress", now), subject: about(k), counts: r.counts(),
			Elapsed: seconds(now.Sub(w.began)), Deadline: seconds(max(deadline.Sub(now), 0)),
			left: left, most: w.most[k],
		}
		if rate, known := w.history[k].rate(); known {
			e.PerMinute = &rate
		}
		all = append(all, e)
		if left == 0 && !w.drained[k] {
			if err := w.printer.Print(Ended{head("drained", now), about(k), seconds(now.Sub(w.began))}); err != nil {
				return err
			}
		}
		w.drained[k] = left == 0
	}
	if w.left() == 0 {
		return nil
	}
	return w.printer.Progress(now, all)
}

// timedOut returns the events of the servers that are not drained.
func (w *Watch) timedOut(now time.Time) []TimedOut {
	var all []TimedOut
	for _, s := range w.servers {
		if r := w.remaining[s.key()]; r.Count(w.until) > 0 {
			all = append(all, TimedOut{head("timeout", now), about(s.key()), r.counts(), seconds(now.Sub(w.began)), r.clients()})
		}
	}
	return all
}

func (w *Watch) print(events []SetBack) error {
	for _, e := range events {
		if err := w.printer.Print(e); err != nil {
			return err
		}
	}
	return nil
}
