package command

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"ipvsadm/format"
	"ipvsadm/ipvs"
	"ipvsadm/tests/mistake"
)

// readMistakes reads the table of mistakes.
func readMistakes(t *testing.T) []mistake.Mistake {
	t.Helper()
	mistakes, err := mistake.Read("testdata/mistakes.txt")
	if err != nil {
		t.Fatal(err)
	}
	return mistakes
}

// TestMistakes types each line of the table.
func TestMistakes(t *testing.T) {
	mistakes := readMistakes(t)
	for _, m := range mistakes {
		c, err := Parse("ipvsadm", m.Words, fewNames)
		var hints []string
		var parseError *Error
		switch {
		case errors.As(err, &parseError):
			got := strings.TrimSuffix(parseError.Message, "\n")
			if want := Printable(m.Message); got != want || parseError.Status != m.Status {
				t.Errorf("%s\n got %d %s\nwant %d %s", m.Line, parseError.Status, got, m.Status, want)
			}
			hints = parseError.Hints
		case m.Status == 0:
			before := ipvs.Destination{Forwarding: ipvs.Masquerading}
			if got := c.Remarks(before); !slices.Equal(got, m.Remarks) {
				t.Errorf("%s\n got %q\nwant %q", m.Line, got, m.Remarks)
			}
		default:
			var hinted *Hinted
			if errors.As(c.Explain(refusal(t, c, m.Message)), &hinted) {
				hints = hinted.Hints
			}
		}
		if !slices.Equal(hints, m.Hints) {
			t.Errorf("%s\n got %s\nwant %s", m.Line, strings.Join(hints, "\n     "), strings.Join(m.Hints, "\n     "))
		}
	}
	if len(mistakes) < 100 {
		t.Errorf("only %d mistakes", len(mistakes))
	}
}

// refusal returns the kernel's error that has a message.
func refusal(t *testing.T, c Command, message string) error {
	change, ok := c.Change()
	if !ok {
		t.Errorf("the kernel refuses no %v", c.Kind)
		return nil
	}
	for errno := syscall.Errno(1); errno <= 133; errno++ {
		err := &ipvs.Error{Operation: change.Operation(), Err: errno}
		if err.Reason() == message {
			return err
		}
	}
	t.Errorf("no refusal of %v says %q", c.Kind, message)
	return nil
}

// TestOwnMistakes is about an option that the original lacks.
func TestOwnMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"-L --format JSON":      "type --format json",
		"-L --format tabel":     "type --format table",
		"-L --format xml":       "--format takes " + listed(format.Names(), "or") + `, not "xml"`,
		"-L --color allways":    "type --color always",
		"-L --color 1":          `--color takes auto, always or never, not "1"`,
		"-L --colour never":     "type --color",
		"-A -f 1 --format json": "--format goes with -L",
	} {
		_, err := parse(line)
		var parseError *Error
		if !errors.As(err, &parseError) || !slices.Equal(parseError.Hints, []string{want}) {
			t.Errorf("%s: %+v, want %s", line, parseError, want)
		}
	}
}

// TestNoHint has mistakes that the message explains, or that have no likely cause. A hint there would mislead.
func TestNoHint(t *testing.T) {
	for _, line := range []string{
		"extra", "-q", "-f 1", "-t 192.0.2.1:80", "--nothing", "-", "--", "-nC", "-L=5", "--set=1", "-h=1", "frobnicate -t 192.0.2.1:80", "-x 1",
		"-L -q", "-Lnq", "-L --nothing", "-L --port 80", "-L --ip", "-L --a", "-L --lis", "-L --numeric=5", "-L -n=5",
		"-L extra", "-L all", "-L -- -n", "-C all", "-D -t 192.0.2.1:80 extra", "-A -t 192.0.2.1:80 -s rr 5", "-Lnn",
		"-L -n -n", "-A -t 192.0.2.1:80 -t 192.0.2.2:80", "-a -t 192.0.2.1:80 -r 10.0.0.1 -g -m",
		"-L -c --stats", "-L --timeout --daemon", "-L -c -t 192.0.2.1:80", "-L --timeout --persistent-conn",
		"-a -t 192.0.2.1:80 -r 2001:db8::1", "-a -f 1 -r 10.0.0.1 -i --tun-type gue",
		"-a -f 1 -r 10.0.0.1 -i --tun-csum", "-L --verbose", "-L --quiet", "-L --source", "bücher", "-L -é",
		"-L --no-such-option-that-is-longer-than-any-other-by-far", "-a -f 1 -r 10.0.0.1 --balance",
	} {
		_, err := parse(line)
		var parseError *Error
		if !errors.As(err, &parseError) {
			t.Errorf("%s: %v", line, err)
		} else if len(parseError.Hints) > 0 {
			t.Errorf("%s: hints %q", line, parseError.Hints)
		}
	}
}

// TestNoRemark has lines without a mistake.
func TestNoRemark(t *testing.T) {
	masqueraded := ipvs.Destination{Forwarding: ipvs.Masquerading}
	for _, line := range []string{
		"-A -t 192.0.2.1:80", "-A -t 192.0.2.1:80 -p -M 255.255.255.0", "-A -t 192.0.2.1:80 -p -M 0.0.0.0", "-A -t [::1]:80 -p -M 24",
		"-a -t 192.0.2.1:80 -r 10.0.0.1", "-a -t 192.0.2.1:80 -r 10.0.0.1:80", "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m",
		"-a -f 1 -r 10.0.0.1:8080", "-e -t 192.0.2.1:80 -r 10.0.0.1 -g", "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m",
		"-d -t 192.0.2.1:80 -r 10.0.0.1:8080", "-L", "-C", "--set 1 2 3",
	} {
		c, err := parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if got := c.Remarks(masqueraded); got != nil {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestHintsHelp types the lines of hints. They have no error.
func TestHintsHelp(t *testing.T) {
	typed := regexp.MustCompile(`^type ipvsadm (-.*)$`)
	tried := 0
	for _, m := range readMistakes(t) {
		for _, hint := range m.Hints {
			if found := typed.FindStringSubmatch(hint); found != nil && !strings.Contains(hint, " for ") {
				tried++
				if _, err := parse(found[1]); err != nil {
					t.Errorf("%s: %s: %v", m.Line, hint, err)
				}
			}
		}
	}
	if tried < 8 {
		t.Errorf("only %d hints to try", tried)
	}
}

// TestLongLinesEnd has lines that a search for mistakes would take forever on.
func TestLongLinesEnd(t *testing.T) {
	for _, word := range []string{"-L", "–t", "-t", "--stat", "x", strings.Repeat("–", 1<<20), strings.Repeat("-L", 1<<20)} {
		for _, first := range []string{"-n", "-q", "-A"} {
			words := []string{first}
			for range 100_000 {
				words = append(words, word)
			}
			if _, err := Parse("ipvsadm", words[:min(len(words), 1+(10<<20)/len(word))], fewNames); err == nil {
				t.Errorf("%s %.10s: no error", first, word)
			}
		}
	}
}
