package restore

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// mostChanges is how many changes are held ready for the kernel at once.
const mostChanges = 1024

// Carry carries out the plan: first the services and servers that come or change, then the other commands, with run for
// those that change nothing, and at the end what leaves. If the kernel refuses a step, or ctx is cancelled, Carry undoes
// the steps before it. Nothing has left by then, unless that step was itself one of leaving. A service or server that
// another program deleted before it could leave is no failure.
//
// A client that is cancelled cannot go on, so spare undoes. Call Reserve first.
//
// The error is a join of an *Error for each line that failed, of any other failure, and of an *UndoError if the table is
// not as it was.
func (p *Plan) Carry(ctx context.Context, client, spare *ipvs.Client, run func(command.Command) error) error {
	var done []*Line
	for _, lines := range [][]Line{p.Makes, p.Others, p.Leaves} {
		made, err := inOrder(ctx, client, p.Source, lines, run)
		done = append(done, made...)
		if err = withoutGone(err); err != nil {
			return errors.Join(err, p.undo(ctx, spare, done))
		}
	}
	return nil
}

// withoutGone returns a join of errors without those of lines that delete what is already gone.
func withoutGone(err error) error {
	join, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	return errors.Join(slices.DeleteFunc(slices.Clone(join.Unwrap()), isGone)...)
}

// isGone reports whether err is of a line that deletes what is already gone. A client that broke off returns the refusals
// before that too: its error is not one of a line, and stays.
func isGone(err error) bool {
	var refusal *ipvs.Error
	line, ok := err.(*Error)
	if !ok || !errors.As(line.Err, &refusal) {
		return false
	}
	deletion := refusal.Operation == ipvs.OpDeleteService || refusal.Operation == ipvs.OpDeleteDestination ||
		refusal.Operation == ipvs.OpStopDaemon
	return deletion && (errors.Is(refusal, syscall.ESRCH) || errors.Is(refusal, syscall.ENOENT))
}

// InOrder carries out commands one after the other, those that change the kernel's tables in batches and the others by
// run. Every command is carried out whether or not one before it failed. The error is a join of an *Error for each that
// did.
func InOrder(ctx context.Context, client *ipvs.Client, source string, lines []Line, run func(command.Command) error) error {
	_, err := inOrder(ctx, client, source, lines, run)
	return err
}

// inOrder is InOrder. It returns the changes that were made, or may have been if the client broke off.
func inOrder(ctx context.Context, client *ipvs.Client, source string, lines []Line, run func(command.Command) error) (done []*Line, err error) {
	var failed []error
	var changes []ipvs.Change
	var changing []*Line
	flush := func() error {
		failures, err := apply(ctx, client, changes)
		for i, line := range changing {
			if len(failures) > 0 && failures[0].Index == i {
				failed = append(failed, &Error{source, line.Number, line.Command.Explain(failures[0].Err)})
				failures = failures[1:]
				continue
			}
			done = append(done, line)
		}
		changes, changing = changes[:0], changing[:0]
		return err
	}
	for i := range lines {
		line := &lines[i]
		change, ok := line.Command.Change()
		if ok {
			changes, changing = append(changes, change), append(changing, line)
			if len(changes) < mostChanges {
				continue
			}
		}
		if err := flush(); err != nil {
			return done, errors.Join(append(failed, err)...)
		}
		if ok {
			continue
		}
		if err := run(line.Command); err != nil {
			failed = append(failed, &Error{source, line.Number, err})
		}
	}
	err = flush()
	return done, errors.Join(append(failed, err)...)
}

// apply returns what the kernel refused, and an error if the client broke off.
func apply(ctx context.Context, client *ipvs.Client, changes []ipvs.Change) ([]ipvs.Failure, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	err := client.Apply(ctx, changes...)
	var batch *ipvs.BatchError
	if !errors.As(err, &batch) {
		return nil, err
	}
	if err == error(batch) {
		err = nil // nothing worse
	}
	return batch.Failures, err
}
