package restore

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// UndoError says why the table is not as it was before a restore that failed.
type UndoError struct{ Err error }

func (e *UndoError) Error() string { return fmt.Sprintf("the table is not as it was: %v", e.Err) }

// Unwrap returns Err.
func (e *UndoError) Unwrap() error { return e.Err }

// undo undoes the lines that were done. It leaves alone what another program did to other services and servers. A
// cancelled plan is undone all the same, so the end of ctx does not matter.
func (p *Plan) undo(ctx context.Context, client *ipvs.Client, done []*Line) error {
	ctx = context.WithoutCancel(ctx)
	mine := touchedBy(done)
	now, err := p.now(ctx, client, mine)
	if err != nil {
		return &UndoError{err}
	}
	// before holds more than the steps that were done, and now what others did to the same services.
	makes, leaves := difference(now, p.before)
	back := slices.DeleteFunc(append(makes, leaves...), func(line Line) bool { return !mine.has(line) })
	if err := withoutGone(InOrder(ctx, client, p.Source, back, nil)); err != nil {
		return &UndoError{err}
	}
	return nil
}

// now returns what the kernel has of the services that the plan touched, and its timeouts and daemons if the plan changes
// any. The rest of the table may be large.
func (p *Plan) now(ctx context.Context, client *ipvs.Client, mine touched) (table, error) {
	now := emptyTable()
	settings := p.before.timeouts != ipvs.Timeouts{} || len(p.before.daemons) > 0
	present, err := look(ctx, client, settings)
	if err != nil {
		return now, err
	}
	now.addSettings(present, p.before)
	services := make(map[ipvs.ServiceID]bool)
	for subject := range mine {
		services[subject.service] = true
	}
	for entry, err := range present.entries {
		if err != nil {
			return now, err
		}
		if services[entry.ServiceID] {
			now.addEntries(entry)
		}
	}
	return now, nil
}

// touched holds what a plan made, changed or deleted, so that undoing it may do so too. Zeroing counters does not count.
type touched map[subject]bool

// subject names a service, one of its servers, or a daemon. The zero subject is the timeouts.
type subject struct {
	service ipvs.ServiceID
	server  netip.AddrPort
	whole   bool // the service with all its servers
	daemon  ipvs.DaemonState
}

func subjectOf(c command.Command) subject {
	if isSetting(c.Kind) {
		return subject{daemon: c.Daemon.State}
	}
	whole := c.Kind == command.AddService || c.Kind == command.DeleteService
	return subject{service: c.Service.ServiceID, server: c.Server.Address, whole: whole}
}

func touchedBy(lines []*Line) touched {
	t := make(touched, len(lines))
	for _, line := range lines {
		if describes(line.Command.Kind) {
			t[subjectOf(line.Command)] = true
		}
	}
	return t
}

func (t touched) has(line Line) bool {
	own := subjectOf(line.Command)
	all := subject{service: own.service, whole: true} // true of no setting: no service is zero
	own.whole = false
	return t[own] || t[all]
}
