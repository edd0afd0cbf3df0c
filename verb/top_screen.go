package verb

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"ipvsadm/top"
)

// The sequences of a terminal: its other screen without a cursor, and back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// terminal is a terminal in raw mode.
type terminal struct {
	in, out *os.File
	before  *term.State
}

// enter puts the terminal into raw mode, and shows its other screen.
func (t *terminal) enter() (err error) {
	if t.before, err = term.MakeRaw(int(t.in.Fd())); err != nil {
		return err
	}
	_, err = t.out.WriteString(enterScreen)
	return err
}

// leave makes the terminal as it was before enter.
func (t *terminal) leave() {
	t.out.WriteString(leaveScreen)
	_ = term.Restore(int(t.in.Fd()), t.before)
}

// size returns columns and lines. A serial line may not know them.
func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return max(width, 20), max(height, 4)
}

// suspend stops the program like any other on ^Z, until its shell continues it.
func (t *terminal) suspend() error {
	t.leave()
	raise(syscall.SIGTSTP)
	return t.enter()
}

// show shows the screen until a key or a signal ends it.
func (w *watch) show(ctx context.Context) error {
	t := &terminal{in: w.app.stdin, out: w.app.output}
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave() // after a panic, too
	keys := make(chan []byte)
	go readKeys(t.in, keys)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH, syscall.SIGCONT)
	defer signal.Stop(resized)
	ticker := time.NewTicker(w.screen.Interval)
	defer ticker.Stop()

	if err := w.refresh(ctx); err != nil {
		return err
	}
	for {
		width, height := t.size()
		if err := w.draw(t, width, height); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-resized:
		case <-ticker.C:
			if err := w.refresh(ctx); err != nil {
				return err
			}
		case pressed, ok := <-keys:
			if !ok {
				return errors.New("the terminal is gone")
			}
			switch w.screen.Press(pressed, height) {
			case top.Quit:
				return nil
			case top.Suspend:
				if err := t.suspend(); err != nil {
					return err
				}
			case top.NewInterval:
				ticker.Reset(w.screen.Interval)
			case top.ListConnections:
				if line := w.screen.Selected(); line != nil {
					details, err := w.listConnections(ctx, line)
					if err != nil {
						details = []string{err.Error()}
					}
					w.screen.ShowDetails(details)
				}
			}
		}
	}
}

// refresh reads a new sample.
func (w *watch) refresh(ctx context.Context) error {
	lines, err := w.sample(ctx)
	if err != nil {
		return err
	}
	w.screen.Update(time.Now(), lines)
	return nil
}

// draw writes the whole screen at once: a terminal shows no half of it.
func (w *watch) draw(t *terminal, width, height int) error {
	var text bytes.Buffer
	text.WriteString("\x1b[H")
	text.WriteString(strings.Join(w.screen.Draw(width, height), "\x1b[K\r\n"))
	text.WriteString("\x1b[K")
	_, err := t.out.Write(text.Bytes())
	return err
}

// readKeys sends what the terminal sends, and closes the channel when the terminal is gone.
func readKeys(in *os.File, keys chan<- []byte) {
	defer close(keys)
	for {
		buffer := make([]byte, 64)
		n, err := in.Read(buffer)
		if err != nil {
			return
		}
		keys <- buffer[:n]
	}
}
