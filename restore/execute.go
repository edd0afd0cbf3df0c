package restore

import (
	"context"
	"errors"
	"slices"
	"syscall"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// mostChanges limits the memory of encoded changes: it is how many wait for one Apply.
const mostChanges = 1024

// Execute executes the plan: additions and edits, then the other commands, then deletions, and then moves. Each server that
// moves is back before the next one leaves. Execute calls run for commands that change nothing in the kernel. If the kernel
// refuses a change or ctx is cancelled, Execute undoes the changes before it. A service or server that another program
// deleted first is no failure.
//
// A client that is cancelled is useless, so undoing uses spare. Call Reserve first.
//
// The error is a join of an *Error for each line that failed, of other failures, and of an *UndoError if the table is not
// as it was.
func (p *Plan) Execute(ctx context.Context, client, spare *ipvs.Client, run func(command.Command) error) error {
	var done []*Line
	parts := [][]Line{p.Additions, p.Others, p.Deletions}
	if p.reorder {
		parts = slices.AppendSeq(parts, slices.Chunk(p.Moves, 2))
	}
	for _, lines := range parts {
		changed, err := execute(ctx, client, p.Source, lines, run)
		done = append(done, changed...)
		if err = withoutGone(err); err != nil {
			return errors.Join(err, p.undo(ctx, spare, done))
		}
	}
	return nil
}

// withoutGone returns a join of errors without those of lines that delete what another program deleted.
func withoutGone(err error) error {
	join, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	return errors.Join(slices.DeleteFunc(slices.Clone(join.Unwrap()), isGone)...)
}

// isGone reports whether a line deletes what another program deleted. The error of a client that broke off wraps such
// refusals too, but is not the *Error of a line.
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

// Execute executes commands in order: those that change the kernel's tables many at once, the others by run. It executes
// every command, also after a failure. The error is a join of an *Error for each one that failed.
func Execute(ctx context.Context, client *ipvs.Client, source string, lines []Line, run func(command.Command) error) error {
	_, err := execute(ctx, client, source, lines, run)
	return err
}

// execute is Execute. It also returns the lines that changed the tables, or that may have if the client broke off.
func execute(ctx context.Context, client *ipvs.Client, source string, lines []Line, run func(command.Command) error) (done []*Line, err error) {
	var errs []error
	var changes []ipvs.Change
	var changing []*Line // the lines of changes
	flush := func() error {
		failures, err := apply(ctx, client, changes)
		for i, line := range changing {
			if len(failures) > 0 && failures[0].Index == i {
				errs = append(errs, &Error{source, line.Number, line.Command.Explain(failures[0].Err)})
				failures = failures[1:]
			} else {
				done = append(done, line)
			}
		}
		changes, changing = changes[:0], changing[:0]
		return err
	}
	for i := range lines {
		line := &lines[i]
		change, isChange := line.Command.Change()
		if isChange {
			changes, changing = append(changes, change), append(changing, line)
		}
		if isChange && len(changes) < mostChanges {
			continue
		}
		if err := flush(); err != nil {
			return done, errors.Join(append(errs, err)...)
		}
		if !isChange {
			if err := run(line.Command); err != nil {
				errs = append(errs, &Error{source, line.Number, err})
			}
		}
	}
	err = flush()
	return done, errors.Join(append(errs, err)...)
}

// apply returns the changes that the kernel refused, and an error if the client broke off.
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
		return batch.Failures, nil
	}
	return batch.Failures, err // which wraps the batch and says why the client broke off
}
