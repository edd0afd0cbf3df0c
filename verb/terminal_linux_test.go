package verb

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// openTerminal opens a terminal of a width, and a file that is a character device but not a terminal.
func openTerminal(t *testing.T, width uint16) (terminal, null *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this system has no terminals")
	}
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: width}); err != nil {
		t.Fatal(err)
	}
	null, err = os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	return terminal, null
}

// TestUseColour wants colours where --color asks for them, and else on a terminal whose user has not turned them off.
func TestUseColour(t *testing.T) {
	terminal, null := openTerminal(t, 80)
	for _, test := range []struct {
		word          string
		file          *os.File
		noColor, term string
		want          bool
	}{
		{"", terminal, "", "xterm", true},
		{"auto", terminal, "", "xterm", true},
		{"auto", terminal, "1", "xterm", false},
		{"auto", terminal, "", "dumb", false},
		{"auto", null, "", "xterm", false},
		{"always", null, "1", "dumb", true},
		{"never", terminal, "", "xterm", false},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := useColour(test.file, test.word); got != test.want {
			t.Errorf("--color=%s, %s, NO_COLOR=%s, TERM=%s: %v", test.word, test.file.Name(), test.noColor, test.term, got)
		}
	}
}

func TestTerminalWidth(t *testing.T) {
	terminal, null := openTerminal(t, 123)
	unsized, _ := openTerminal(t, 0)
	for _, test := range []struct {
		file    *os.File
		columns string
		want    int
	}{
		{terminal, "", 123},
		{terminal, "60", 60},
		{terminal, "0", 123},
		{terminal, "-1", 123},
		{terminal, "wide", 123},
		{terminal, "99999999999", 123},
		{unsized, "", 0},
		{unsized, "60", 60},
		{null, "60", 0},
	} {
		t.Setenv("COLUMNS", test.columns)
		if got := terminalWidth(test.file); got != test.want {
			t.Errorf("%s, COLUMNS=%s: %d, not %d", test.file.Name(), test.columns, got, test.want)
		}
	}
	for file, want := range map[*os.File]int{terminal: 25, null: 0} {
		if got := terminalHeight(file); got != want {
			t.Errorf("%s has %d lines, want %d", file.Name(), got, want)
		}
	}
}

func TestColourFlag(t *testing.T) {
	for word, good := range map[string]bool{"auto": true, "always": true, "never": true, "": false, "yes": false} {
		app := &cli.App{
			Writer:         io.Discard,
			ExitErrHandler: func(*cli.Context, error) {},
			Commands:       []*cli.Command{{Name: "verb", Flags: []cli.Flag{colourFlag()}, Action: func(*cli.Context) error { return nil }}},
		}
		if err := app.Run([]string{"ipvsadm", "verb", "--color", word}); (err == nil) != good {
			t.Errorf("--color %q: %v", word, err)
		}
	}
	var words []string
	for _, c := range valueCandidates(colourFlag().(cli.DocGenerationFlag), "") {
		words = append(words, c.Word)
	}
	if got := strings.Join(words, " "); got != "auto always never" {
		t.Errorf("completion offers %s", got)
	}
}
