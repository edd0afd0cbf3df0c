package restore

import (
	"context"
	"errors"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// InOrder carries out commands one after the other, those that change the kernel's tables in batches and the others by
// run. Every command is carried out whether or not one before it failed. The error is a join of an *Error for each that
// did.
func InOrder(ctx context.Context, client *ipvs.Client, source string, lines []Line, run func(command.Command) error) error {
	var failed []error
	var changes []ipvs.Change
	var changing []Line
	flush := func() error {
		failures, err := apply(ctx, client, changes)
		for _, failure := range failures {
			failed = append(failed, &Error{source, changing[failure.Index].Number, failure.Err})
		}
		changes, changing = changes[:0], changing[:0]
		return err
	}
	for _, line := range lines {
		if change, ok := line.Command.Change(); ok {
			changes, changing = append(changes, change), append(changing, line)
			continue
		}
		if err := flush(); err != nil {
			return errors.Join(append(failed, err)...)
		}
		if err := run(line.Command); err != nil {
			failed = append(failed, &Error{source, line.Number, err})
		}
	}
	err := flush()
	return errors.Join(append(failed, err)...)
}

// apply returns what the kernel refused, and an error if it could not be asked.
func apply(ctx context.Context, client *ipvs.Client, changes []ipvs.Change) ([]ipvs.Failure, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	err := client.Apply(ctx, changes...)
	var batch *ipvs.BatchError
	if errors.As(err, &batch) {
		return batch.Failures, nil
	}
	return nil, err
}
