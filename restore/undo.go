package restore

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// revert undoes what was done, and leaves alone what another program did to other services and servers meanwhile.
func (p *Plan) revert(ctx context.Context, client *ipvs.Client, done []*Line) error {
	ctx = context.WithoutCancel(ctx) // a plan that was cancelled is undone all the same
	now, err := p.now(ctx, client)
	if errors.Is(err, ipvs.ErrOutOfStep) {
		if client, err = ipvs.Dial(); err == nil {
			defer client.Close()
			now, err = p.now(ctx, client)
		}
	}
	if err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	// What was to stay as it is is not in before, and would go: it is none of what the plan touched.
	makes, leaves := difference(now, p.before)
	mine := touchedBy(done)
	back := slices.DeleteFunc(append(makes, leaves...), func(line Line) bool { return !mine.has(line) })
	if err := withoutGone(InOrder(ctx, client, p.Source, back, nil)); err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	return nil
}

// now returns what the kernel has, with its timeouts and daemons if the plan changes any.
func (p *Plan) now(ctx context.Context, client *ipvs.Client) (table, error) {
	now := emptyTable()
	settings := p.before.timeouts != ipvs.Timeouts{} || len(p.before.daemons) > 0
	present, err := look(ctx, client, settings)
	if err != nil {
		return now, err
	}
	entries, err := ipvs.Gather(present.entries)
	now.addEntries(entries)
	now.addSettings(present, p.before)
	return now, err
}

// touched is what a plan made, changed or deleted, and may do so again to undo it. (To zero counters is none of that.)
type touched map[subject]bool

// subject names a service, one of its servers, or a daemon. The zero subject is the timeouts.
type subject struct {
	service ipvs.ServiceID
	server  netip.AddrPort
	whole   bool // the service and whatever servers it has
	daemon  ipvs.DaemonState
}

func subjectOf(c command.Command) subject {
	if isSetting(c.Verb) {
		return subject{daemon: c.Daemon.State}
	}
	whole := c.Verb == command.AddService || c.Verb == command.DeleteService
	return subject{service: c.Service.ServiceID, server: c.Server.Address, whole: whole}
}

func touchedBy(lines []*Line) touched {
	t := make(touched, len(lines))
	for _, line := range lines {
		if describes(line.Command.Verb) {
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
