package verb

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"ipvsadm/command"
)

// watchFlag is the flag --watch, whose time is optional: --watch, --watch=5s, or --watch 5s.
type watchFlag struct{ interval time.Duration }

const defaultInterval = 2 * time.Second

func (w *watchFlag) Set(text string) error {
	if text == "true" {
		w.interval = defaultInterval
		return nil
	}
	interval, err := time.ParseDuration(text)
	if err != nil || interval < 100*time.Millisecond {
		return fmt.Errorf("use a time from 100ms, such as 2s")
	}
	w.interval = interval
	return nil
}

func (w *watchFlag) String() string { return "" }

// IsBoolFlag says that the next word is no value.
func (w *watchFlag) IsBoolFlag() bool { return true }

// take takes the word behind --watch, if it is a time. Any other word is an error.
func (w *watchFlag) take(words []string) error {
	if len(words) > 0 && w.interval > 0 && w.Set(words[0]) == nil {
		words = words[1:]
	}
	if len(words) > 0 {
		return errors.New("unexpected argument " + command.Printable(words[0]))
	}
	return nil
}

// repeat runs f once, or until a signal if there is an interval. On a terminal each run begins at the top of the screen.
func (a *app) repeat(ctx context.Context, interval time.Duration, f func(context.Context) error) error {
	if interval == 0 {
		return f(ctx)
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if isTerminal(a.output) {
			a.stdout.WriteString("\x1b[H\x1b[2J")
		}
		if err := f(ctx); err != nil {
			return err
		}
		if err := a.stdout.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, interrupted{syscall.SIGINT}) {
				return err
			}
			return nil // ^C is how a user ends it
		case <-ticker.C:
		}
	}
}
