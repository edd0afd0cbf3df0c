package command

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"an ordinary, 'quoted'": "an ordinary, 'quoted'",
		`back\slash "quote"`:    `back\slash "quote"`,
		"bücher 東京 –":           "bücher 東京 –",
		"\x1b[31mred":           `\x1b[31mred`,
		"a\tb\nc\rd":            `a\tb\nc\rd`,
		"a\x00b\x7f":            `a\x00b\x7f`,
		"c1 \u009b31m":          `c1 \u009b31m`,
		"\xff\xfe":              `\xff\xfe`,
		"no-break\u00a0space":   `no-break\u00a0space`,
		"\ufeff-A":              `\ufeff-A`,
		"\u202eright to left":   `\u202eright to left`,
		"zero\u200bwidth":       `zero\u200bwidth`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestMessagesQuoteWords puts a word that steers terminals in every place that a message quotes.
func TestMessagesQuoteWords(t *testing.T) {
	const evil = "\x1b[2J\xff"
	repeated := 0
	for _, line := range []string{
		"-L " + evil, "-L -" + evil, "-L --" + evil, "-L --" + evil + "=1", "-L --numeric=" + evil, "-A -f " + evil,
		"-A -f 1 -p " + evil, "-A -f 1 -b " + evil, "--set 1 2 3 " + evil, "--set 1 " + evil + " 3", "-L --stop-daemon " + evil,
		"--start-daemon master --mcast-group " + evil, "-L --format " + evil, "-A -t " + evil, "-A -t 192.0.2.1:" + evil,
		"-a -f 1 -r " + evil, "-a -f 1 -r 192.0.2.1 -w " + evil, "--start-daemon " + evil, evil,
	} {
		_, err := parse(line)
		if err == nil {
			t.Errorf("%q: no error", line)
			continue
		}
		if strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "\xff") {
			t.Errorf("%q: %q", line, err)
		}
		if strings.Contains(err.Error(), `\x1b[2J\xff`) {
			repeated++
		}
	}
	if repeated < 12 {
		t.Errorf("only %d messages repeat the word", repeated)
	}
}

func TestMessagesAreShort(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", 10<<20), strings.Repeat("é", 10<<20), strings.Repeat("\xff", 10<<20)} {
		_, err := parse("-L " + long)
		if err == nil || len(err.Error()) > 5000 || !strings.HasSuffix(err.Error(), "...") {
			t.Errorf("%.20q: %d bytes", long, len(err.Error()))
		}
	}
	if _, err := parse("-L " + strings.Repeat("x", 1000)); err.Error() != "unexpected argument "+strings.Repeat("x", 1000) {
		t.Errorf("a word of 1000 bytes: %d bytes", len(err.Error()))
	}
}

func TestCheckNames(t *testing.T) {
	const notFound = "Scheduler or persistence engine not found"
	for line, want := range map[string]string{
		"-A -f 1 -s wrr":                            "",
		"-A -f 1 -s none":                           "",
		"-A -f 1":                                   "",
		"-A -f 1 -s fifteen-letters":                "",
		"-A -f 1 -s sixteen--letters":               notFound,
		"-A -f 1 -s rr\x00":                         notFound,
		"-E -f 1 -s \x1b":                           notFound,
		"-A -f 1 -s r\tr":                           notFound,
		"-A -f 1 -s é":                              notFound,
		"-A -f 1 -s ../rr":                          notFound,
		"-A -f 1 -p --pe sip":                       "",
		"-A -f 1 -p --pe sip\x00":                   notFound,
		"-A -f 1 -s " + strings.Repeat("r", 10<<20): notFound,
		"--start-daemon master --mcast-interface eth0.100":                   "",
		"--start-daemon master --mcast-interface bücher":                     "",
		"--start-daemon master --mcast-interface eth0:1":                     "No such device",
		"--start-daemon master --mcast-interface eth0\x00":                   "No such device",
		"--start-daemon master --mcast-interface " + strings.Repeat("e", 16): "No such device",
	} {
		c, err := parse(line)
		if err != nil {
			t.Errorf("%.50q: %v", line, err)
			continue
		}
		got := ""
		if err := c.CheckNames(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.50q: %q, want %q", line, got, want)
		}
	}
}

// TestLongNamesAreCut sends a name that the kernel refuses after its other errors.
func TestLongNamesAreCut(t *testing.T) {
	c, err := parse("-A -f 1 -s sixteen--letters")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.withNamesCut().Service.Scheduler; got != "sixteen--letter" {
		t.Errorf("%q", got)
	}
}
