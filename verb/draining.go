package verb

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/drain"
	"ipvsadm/owners"
	"ipvsadm/restore"
)

// draining is a run of the verb drain.
type draining struct {
	*app
	c       *cli.Context
	request drain.Request
	printer *drain.Printer
	store   *drain.Store
	kernel  *kernel
	drain   *drain.Drain
	began   time.Time
}

// run drains. An interrupt never ends it between the record of a weight and the change of the weight.
func (d *draining) run() error {
	ctx, stop := interruptible(d.c.Context)
	defer stop()
	d.began = time.Now()
	d.printer = d.app.printer(d.c, bufio.NewWriter(abandonableWriter{ctx, standardOutput{d.output}}))
	return d.finish(d.carryOut(ctx))
}

func (d *draining) carryOut(ctx context.Context) (err error) {
	if d.kernel, err = d.connect(ctx); err != nil {
		return err
	}
	defer d.kernel.Close()
	if d.store, err = drain.NewStore(d.app.drainDirectory); err != nil {
		return err
	}
	if d.c.Bool("dry-run") {
		if err := d.prepare(ctx); err != nil {
			return err
		}
		return d.drain.Plan(ctx)
	}
	if err := d.store.Prepare(); err != nil {
		return err
	}
	if err := d.app.locked(ctx, d.store, func() error { return d.begin(ctx) }); err != nil {
		return err
	}
	watch, err := d.drain.Watch(ctx)
	if err != nil {
		return err
	}
	outcome, err := watch.Wait(ctx)
	if err != nil {
		return err
	}
	var timeout error
	if outcome == drain.DeadlineReached {
		if timeout, err = d.drain.TimedOut(watch); err != nil {
			return err
		}
	}
	if d.request.Delete && (outcome == drain.DrainedInTime || outcome == drain.DeadlineReached && d.request.Force) {
		err := d.app.locked(ctx, d.store, func() (err error) {
			outcome, err = d.drain.Delete(context.WithoutCancel(ctx))
			return err
		})
		if err != nil {
			return err
		}
	}
	if outcome == drain.EndedByOthers {
		return d.setBack()
	}
	return timeout
}

// prepare finds the servers to drain, and refuses what would hurt.
func (d *draining) prepare(ctx context.Context) (err error) {
	if d.drain, err = drain.Prepare(ctx, d.kernel.Client, d.store, d.request, d.printer); err != nil {
		return err
	}
	found, err := owners.Find(os.DirFS("/proc"))
	if err != nil && !d.request.Force {
		return err
	}
	return d.drain.Refuse(found)
}

func (d *draining) begin(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	return d.drain.Begin(context.WithoutCancel(ctx))
}

// locked calls f while no other program of this kind changes weights and their records. Without a store nothing is locked.
func (a *app) locked(ctx context.Context, store *drain.Store, f func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, unattendedWait, fmt.Errorf("gave up after %v", unattendedWait))
	defer cancel()
	lock, err := restore.Lock(ctx, store.LockFile(), func(holder string) {
		if isTerminal(a.stderr) {
			fmt.Fprintln(a.stderr, "waiting for "+holder)
		}
	})
	if err != nil {
		return err
	}
	defer lock.Close()
	return f()
}

// setBack returns the error of a drain that someone else ended. Perhaps it was a program that keeps the table.
func (d *draining) setBack() error {
	err := errors.New("someone else ended the drain")
	if found, findErr := owners.Find(os.DirFS("/proc")); findErr == nil && len(found) > 0 {
		err = fmt.Errorf("%w, perhaps %s", err, found[0])
	}
	return cli.Exit(err, statusSetBack)
}

// finish gives the error of a drain its status and hints, and prints the last event.
func (d *draining) finish(err error) error {
	status := 0
	if err != nil {
		err = d.explain(err)
		status = statusOf(err)
	}
	if d.c.String("format") != "json" || d.c.Bool("dry-run") {
		return err
	}
	// An interrupt has closed the other printer.
	return cmp.Or(err, failed(d.app.printer(d.c, d.stdout).Finish(status, err, d.began)))
}

// statusOf returns the exit status of an error, also that of a shell for a signal.
func statusOf(err error) int {
	var signal interrupted
	if errors.As(err, &signal) {
		return 128 + int(signal.signal)
	}
	return status(split(err)[0])
}

// explain returns the error as the user should see it.
func (d *draining) explain(err error) error {
	back := "to put it back, type: ipvsadm undrain " + d.request.Selection.String()
	var (
		signal  interrupted
		refused *drain.RefusedError
		timeout *drain.TimeoutError
		coder   cli.ExitCoder
	)
	switch {
	case errors.As(err, &refused):
		return d.refused(refused.Refusals)
	case errors.As(err, &timeout):
		hints := []string{back}
		if !d.request.Delete || !d.request.Force {
			hints = append(hints, "IPVS cannot delete a single connection: delete the server while "+
				"net.ipv4.vs.expire_nodest_conn is 1, or type ss -K on the server")
		}
		return cli.Exit(&command.Hinted{Err: err, Hints: hints}, statusDeadline)
	case errors.As(err, &signal) && d.drain.Changed():
		return &command.Hinted{Err: fmt.Errorf("%w: %s", signal, d.drain.State()), Hints: []string{back}}
	case errors.As(err, &signal):
		return fmt.Errorf("%w: %s", signal, d.drain.State())
	case errors.As(err, &coder) && coder.ExitCode() == statusSetBack:
		return cli.Exit(&command.Hinted{Err: err, Hints: []string{back}}, statusSetBack)
	case errors.As(err, &coder):
		return err
	case d.drain.Changed():
		return failed(&command.Hinted{Err: fmt.Errorf("%w; %s", err, d.drain.State()), Hints: []string{back}})
	default:
		return failed(err)
	}
}

// refused returns an error for each refusal. All of them have the status of a failure.
func (d *draining) refused(refusals []drain.Refusal) error {
	var all []error
	for i, r := range refusals {
		hints := []string{r.Instead}
		if i == len(refusals)-1 {
			hints = append(hints, "nothing was changed; --force drains in spite of this")
		}
		all = append(all, failed(&command.Hinted{Err: r, Hints: hints}))
	}
	return errors.Join(all...)
}
