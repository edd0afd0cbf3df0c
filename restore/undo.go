package restore

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// UndoError is the reason why a restore failed and the table is not as it was before.
type UndoError struct{ Err error }

func (e *UndoError) Error() string { return fmt.Sprintf("the table is not as it was: %v", e.Err) }

// Unwrap returns Err.
func (e *UndoError) Unwrap() error { return e.Err }

// undo undoes the lines that were done, even if ctx is cancelled. It leaves alone what other programs did to other
// services and servers.
func (p *Plan) undo(ctx context.Context, client *ipvs.Client, done []*Line) error {
	ctx = context.WithoutCancel(ctx)
	own := touchedBy(done)
	now, err := p.now(ctx, client, own)
	if err != nil {
		return &UndoError{err}
	}
	// The way back also has steps that were never done, and what other programs did to the same services.
	additions, deletions := difference(now, p.before)
	back := slices.DeleteFunc(append(additions, deletions...), func(line Line) bool { return !own.has(line) })
	back = append(back, moves(now, p.before)...) // a server that comes back is at the end
	if err := withoutGone(Execute(ctx, client, p.Source, back, nil)); err != nil {
		return &UndoError{err}
	}
	return nil
}

// now reads the services that the plan touched, and the timeouts and daemons if it changes any. The rest of the table may
// be large.
func (p *Plan) now(ctx context.Context, client *ipvs.Client, own touched) (table, error) {
	now := emptyTable()
	settings := p.before.timeouts != ipvs.Timeouts{} || len(p.before.daemons) > 0
	present, err := readKernel(ctx, client, settings)
	if err != nil {
		return now, err
	}
	now.addSettings(present, p.before)
	services := make(map[ipvs.ServiceID]bool)
	for subject := range own {
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

// touched holds what a plan made, changed or deleted, and so may undo. Zeroed counters cannot come back.
type touched map[subject]bool

// subject names a service, one of its servers, or a daemon. The zero subject is the timeouts.
type subject struct {
	service ipvs.ServiceID
	server  netip.AddrPort
	whole   bool // the service with all its servers
	daemon  ipvs.DaemonState
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

func subjectOf(c command.Command) subject {
	if isSetting(c.Kind) {
		return subject{daemon: c.Daemon.State}
	}
	whole := c.Kind == command.AddService || c.Kind == command.DeleteService
	return subject{service: c.Service.ServiceID, server: c.Server.Address, whole: whole}
}

// has reports whether the line undoes something that was touched.
func (t touched) has(line Line) bool {
	own := subjectOf(line.Command)
	whole := subject{service: own.service, whole: true} // a setting has no service, and this is never touched
	own.whole = false
	return t[own] || t[whole]
}
