package tests

import (
	"strings"
	"testing"
)

// TestHelp checks that every way to ask for help prints the same text, and that help for a verb is about the verb.
func TestHelp(t *testing.T) {
	d := newDirector(t)
	for line, same := range map[string]string{"help": "-h", "help --help": "-h", "help -h": "-h", "version": "-v"} {
		want := d.mustRun(t, "ipvsadm", same)
		if got := d.mustRun(t, "ipvsadm", strings.Fields(line)...); got != want || got == "" {
			t.Errorf("ipvsadm %s: %s", line, got)
		}
	}
	for _, verb := range []string{"save", "restore"} {
		if got := d.mustRun(t, "ipvsadm", "help", verb); !strings.Contains(got, "ipvsadm "+verb+" - ") || !strings.Contains(got, "--file FILE") {
			t.Errorf("ipvsadm help %s: %s", verb, got)
		}
	}
	if got := d.shell("$ipvsadm help nothing"); got.stderr != "unexpected argument nothing\n" || got.status != 1 {
		t.Errorf("ipvsadm help nothing: %s", got)
	}
}
