package verb

import (
	"os"
	"testing"
)

// TestColour wants colours on a terminal whose user has not turned them off.
func TestColour(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this system has no terminals")
	}
	defer terminal.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, test := range []struct {
		file          *os.File
		noColor, term string
		want          bool
	}{
		{terminal, "", "xterm", true},
		{terminal, "1", "xterm", false},
		{terminal, "", "dumb", false},
		{null, "", "xterm", false}, // a character device, but not a terminal
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := colour(test.file); got != test.want {
			t.Errorf("%s, NO_COLOR=%s, TERM=%s: %v", test.file.Name(), test.noColor, test.term, got)
		}
	}
}
