package drain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ipvsadm/command"
	"ipvsadm/ipvs"
	"ipvsadm/owners"
)

// Request is what the command line of a drain asks for.
type Request struct {
	Selection
	Until   Until
	Timeout time.Duration
	Delete  bool // delete the servers at the end
	Force   bool // drain in spite of refusals, and delete at the deadline too
}

// RefusedError is the error of a drain that would hurt. Nothing was changed.
type RefusedError struct{ Refusals []Refusal }

// Error returns the first refusal.
func (e *RefusedError) Error() string { return e.Refusals[0].Error() }

// Drain is a drain of some servers.
type Drain struct {
	request Request
	client  *ipvs.Client
	store   *Store
	printer *Printer
	table   []ipvs.Entry // before the drain
	servers []Server     // before the drain
	records []Record     // before the drain
	changed bool         // weights are 0 now
	deleted bool         // Delete has deleted the servers
	began   time.Time
}

// Prepare reads the table, and finds the servers to drain. It changes nothing.
func Prepare(ctx context.Context, client *ipvs.Client, store *Store, request Request, printer *Printer) (*Drain, error) {
	d := &Drain{request: request, client: client, store: store, printer: printer, began: time.Now()}
	var err error
	if d.table, err = client.WithoutCounters().Table(ctx); err != nil {
		return nil, err
	}
	if d.servers, err = request.Select(d.table); err != nil {
		return nil, err
	}
	sorted(d.servers)
	d.records, err = store.Records()
	return d, err
}

// Refuse returns an error if the drain would hurt and is not forced. The owners are the programs that keep the table.
func (d *Drain) Refuse(owners []owners.Owner) error {
	all := refusals(d.table, d.servers, inForce(d.records, d.table), owners)
	if len(all) == 0 || d.request.Force {
		return nil
	}
	for _, r := range all {
		if err := d.printer.Print(Refused{head("refused", time.Now()), r.Reason, r.Consequence, r.Instead}); err != nil {
			return err
		}
	}
	return &RefusedError{all}
}

// Begin stores the old weights, and then sets the weights to 0. If the kernel refuses that for one server, all have their
// old weights again. The caller holds the lock since before Prepare.
func (d *Drain) Begin(ctx context.Context) error {
	if err := d.printer.Print(d.start()); err != nil {
		return err
	}
	if err := d.store.Write(recorded(inForce(d.records, d.table), d.servers, d.began)); err != nil {
		return err
	}
	var changes, undo []ipvs.Change
	for _, s := range d.servers {
		if s.Weight > 0 {
			change, _ := s.edit(0).Change()
			changes = append(changes, change)
			change, _ = s.edit(s.Weight).Change()
			undo = append(undo, change)
		}
	}
	if err := d.client.Apply(ctx, changes...); err != nil {
		undone := d.client.Apply(ctx, undo...)
		if undone == nil {
			undone = d.store.Write(d.records)
		}
		return errors.Join(err, undone)
	}
	d.changed = true
	return nil
}

// Changed reports whether the drain has changed the table.
func (d *Drain) Changed() bool { return d != nil && d.changed }

// State returns what the drain has changed, in words.
func (d *Drain) State() string {
	switch {
	case !d.Changed():
		return "nothing was changed"
	case d.deleted:
		return "the server was deleted"
	default:
		return "the weight stays 0"
	}
}

func (d *Drain) start() Started {
	return Started{
		header: head("start", d.began), Servers: len(d.servers), Until: d.request.Until,
		Timeout: seconds(d.request.Timeout), Delete: d.request.Delete, server: d.request.server(), services: services(d.servers),
	}
}

// Watch prints what Begin did, and returns what waits for the end of the connections. It prints notes about what may keep
// the drain from ending.
func (d *Drain) Watch(ctx context.Context) (*Watch, error) {
	w := &Watch{
		client: d.client, servers: d.servers, table: d.table, until: d.request.Until, timeout: d.request.Timeout,
		printer: d.printer, began: d.began,
		history: make(map[key]history), most: make(map[key]int), drained: make(map[key]bool),
	}
	for _, s := range d.servers {
		if err := d.printer.Print(Began{head("drain", d.began), about(s.key()), s.Weight, 0}); err != nil {
			return nil, err
		}
	}
	settings, err := readSettings(settingsDirectory)
	if err != nil {
		return nil, err
	}
	if _, err = w.look(ctx, d.began, false); err != nil {
		return nil, err
	}
	for _, message := range notes(d.request, settings, w.remaining) {
		if err := d.printer.Print(Note{head("note", time.Now()), message}); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Plan prints what Begin would do, and changes nothing.
func (d *Drain) Plan(ctx context.Context) error {
	w := &Watch{client: d.client, servers: d.servers, table: d.table, until: d.request.Until, printer: d.printer}
	table, err := w.entries(ctx)
	if err == nil {
		err = w.count(ctx)
	}
	if err != nil {
		return err
	}
	w.merge(table)
	for _, s := range d.servers {
		e := Planned{
			header: head("plan", d.began), subject: about(s.key()), counts: w.remaining[s.key()].counts(),
			Commands: []string{rule(s.edit(0))}, Timeout: seconds(d.request.Timeout), until: d.request.Until,
		}
		if d.request.Delete {
			e.Commands = append(e.Commands, rule(command.Command{Kind: command.DeleteServer, Service: s.Service, Server: s.Destination}))
		}
		if err := d.printer.Print(e); err != nil {
			return err
		}
	}
	settings, err := readSettings(settingsDirectory)
	if err != nil {
		return err
	}
	for _, message := range notes(d.request, settings, w.remaining) {
		if err := d.printer.Print(Note{head("note", d.began), message}); err != nil {
			return err
		}
	}
	return nil
}

// Delete deletes the drained servers, unless someone else has set a weight back. The records stay, so that Undrain can add
// the servers again. The caller holds the lock.
func (d *Drain) Delete(ctx context.Context) (Outcome, error) {
	var changes []ipvs.Change
	for _, s := range d.servers {
		entry, err := d.client.WithoutCounters().Entry(ctx, s.Service.ServiceID)
		if err != nil {
			return 0, err
		}
		now := find([]ipvs.Entry{entry}, s.key())
		switch {
		case now == nil:
			return EndedByOthers, d.printer.Print(SetBack{header: head("set_back", time.Now()), subject: about(s.key())})
		case now.Weight > 0:
			return EndedByOthers, d.printer.Print(SetBack{head("set_back", time.Now()), about(s.key()), &now.Weight})
		}
		changes = append(changes, ipvs.DeleteDestination(s.Service.ServiceID, s.Address))
	}
	if err := d.client.Apply(ctx, changes...); err != nil {
		return 0, err
	}
	d.deleted = true
	for _, s := range d.servers {
		e := Ended{head("deleted", time.Now()), about(s.key()), seconds(time.Since(d.began))}
		if err := d.printer.Print(e); err != nil {
			return 0, err
		}
	}
	return DrainedInTime, nil
}

// TimeoutError is the error of a drain whose deadline was reached.
type TimeoutError struct {
	Servers []TimedOut
	request Request
}

// Error returns how many connections of how many clients remain, and which.
func (e *TimeoutError) Error() string {
	left, clients := 0, make(map[string]bool)
	text := ""
	for _, s := range e.Servers {
		for _, c := range s.Clients {
			left += c.Connections
			clients[c.Address.String()] = true
		}
		text += "\n" + s.line()
	}
	weight := "the weight stays 0"
	if e.request.Delete && e.request.Force {
		weight = "the server was deleted"
	}
	return fmt.Sprintf("not drained after %s, and %s; left: %s of %s%s",
		short(e.request.Timeout), weight, plural(left, "connection"), plural(len(clients), "client"), text)
}

// TimedOut prints what remains, and what happens to it if the servers are deleted now. It returns a TimeoutError with what
// remains, apart from the error of printing.
func (d *Drain) TimedOut(w *Watch) (timeout, err error) {
	now := time.Now()
	e := &TimeoutError{w.timedOut(now), d.request}
	for _, s := range e.Servers {
		if err := d.printer.Print(s); err != nil {
			return nil, err
		}
	}
	if !d.request.Delete || !d.request.Force {
		return e, nil
	}
	settings, err := readSettings(settingsDirectory)
	if err != nil {
		return nil, err
	}
	var longest time.Duration
	for _, r := range w.remaining {
		longest = max(longest, r.Longest)
	}
	return e, d.printer.Print(Note{head("note", now), "the server is deleted now; then " + settings.deletion(longest)})
}
