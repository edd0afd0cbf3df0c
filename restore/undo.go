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
	now, err := client.Table(ctx)
	if errors.Is(err, ipvs.ErrOutOfStep) {
		if client, err = ipvs.Dial(); err == nil {
			defer client.Close()
			now, err = client.Table(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	// What was to stay as it is is not in before, and would go: it is none of what the plan touched.
	makes, leaves := difference(newTable(now, 0), newTable(p.before, 0))
	mine := touchedBy(done)
	back := slices.DeleteFunc(append(makes, leaves...), func(line Line) bool { return !mine.has(line) })
	if err := withoutGone(InOrder(ctx, client, p.Source, back, nil)); err != nil {
		return fmt.Errorf("the table is not as it was: %w", err)
	}
	return nil
}

// touched is the services and servers that a plan made, changed or deleted, and may do so again to undo it. (To zero the
// counters of one is none of that.)
type touched map[subject]bool

// subject names a service, or one of its servers.
type subject struct {
	service ipvs.ServiceID
	server  netip.AddrPort
	whole   bool // the service and whatever servers it has
}

func touchedBy(lines []*Line) touched {
	t := make(touched, len(lines))
	for _, line := range lines {
		c := line.Command
		if !isRule(c.Verb) {
			continue
		}
		whole := c.Verb == command.AddService || c.Verb == command.DeleteService
		t[subject{c.Service.ServiceID, c.Server.Address, whole}] = true
	}
	return t
}

func (t touched) has(line Line) bool {
	c := line.Command
	return t[subject{c.Service.ServiceID, c.Server.Address, false}] || t[subject{service: c.Service.ServiceID, whole: true}]
}
