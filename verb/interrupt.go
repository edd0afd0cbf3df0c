package verb

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the error of a command that a signal stopped.
type interrupted struct{ signal syscall.Signal }

func (e interrupted) Error() string { return "interrupted by " + signalName(e.signal) }

// end ends the program by its signal, so that a shell ends its script too. For SIGQUIT it returns the status that a shell
// would show, because the runtime would print all stacks.
func (e interrupted) end() int {
	if e.signal != syscall.SIGQUIT {
		signal.Reset(e.signal)
		raise(e.signal)
	}
	return 128 + int(e.signal)
}

// interruptible returns a context that signals of terminals, shells and service managers cancel. Its cause is then an
// interrupted. A signal that was ignored when the program started stays ignored. After stop, signals end the program.
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

// abandonable calls f and returns its results. If ctx is cancelled first, abandonable returns the cause and leaves f
// behind: f may be blocked by a pipe that nobody reads or writes, and ends with the program.
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

// abandonableWriter is a writer whose writes return when ctx is cancelled.
type abandonableWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w abandonableWriter) Write(b []byte) (int, error) {
	return abandonable(w.ctx, func() (int, error) { return w.w.Write(b) })
}
