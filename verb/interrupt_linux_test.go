package verb

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

func TestInterrupted(t *testing.T) {
	err := interrupted{syscall.SIGQUIT}
	if got := err.Error(); got != "interrupted by SIGQUIT" {
		t.Errorf("message %q", got)
	}
	if got := err.end(); got != 131 { // a shell's status for SIGQUIT
		t.Errorf("status %d, want 131", got)
	}
}

// TestInterruptible sends this process a signal that is ignored, and one that is not. The second must cancel the context,
// and nothing else.
func TestInterruptible(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP) // which nohup ignores
	defer signal.Stop(heard)
	signal.Ignore(syscall.SIGTERM)
	defer signal.Reset(syscall.SIGTERM)
	ctx, stop := interruptible(t.Context())
	defer stop()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("the context was not cancelled")
	}
	if got := context.Cause(ctx); got != error(interrupted{syscall.SIGHUP}) {
		t.Errorf("cause %v", got)
	}
}

func TestAbandonable(t *testing.T) {
	failure := errors.New("failure")
	if got, err := abandonable(t.Context(), func() (int, error) { return 7, failure }); got != 7 || err != failure {
		t.Errorf("returned %d, %v", got, err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	end := make(chan bool)
	defer close(end)
	got, err := abandonable(ctx, func() (int, error) {
		cancel(failure)
		<-end
		return 7, nil
	})
	if got != 0 || err != failure {
		t.Errorf("abandoned: returned %d, %v", got, err)
	}
	called := false
	if _, err := abandonable(ctx, func() (int, error) { called = true; return 0, nil }); called || err != failure {
		t.Errorf("after the end of its context: called %v, returned %v", called, err)
	}

	reader, writer := io.Pipe()
	defer reader.Close()
	if _, err := (abandonableWriter{ctx, writer}).Write([]byte("text")); err != failure {
		t.Errorf("writing to a pipe that nobody reads: %v", err)
	}
}
