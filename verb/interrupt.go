package verb

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the error of a command that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (e interrupted) Error() string { return "interrupted by " + signalName(e.signal) }

// end ends the program by the signal, so that a shell that runs it ends its script too. It returns the status that the
// shell would show, for SIGQUIT, by which the runtime would print all its stacks.
func (e interrupted) end() int {
	if e.signal != syscall.SIGQUIT {
		signal.Reset(e.signal)
		raise(e.signal)
	}
	return 128 + int(e.signal)
}

// interruptible returns a context that the signals of a terminal, of service managers and of shells cancel, with an
// interrupted as its cause. A signal that was ignored when the program started stays ignored. stop lets signals end the
// program again.
func interruptible(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		select {
		case s := <-signals:
			cancel(interrupted{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// abandonable returns what f returns or, as soon as ctx is cancelled, its cause. f may then still be reading or writing
// what nobody writes or reads: it ends with the program.
func abandonable[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	if ctx.Err() == nil {
		go func() {
			value, err := f()
			results <- result{value, err}
		}()
	}
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// abandonableWriter is a writer whose writes end when ctx is cancelled.
type abandonableWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w abandonableWriter) Write(b []byte) (int, error) {
	return abandonable(w.ctx, func() (int, error) { return w.w.Write(b) })
}
