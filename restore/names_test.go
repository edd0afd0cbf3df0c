package restore

import (
	"strings"
	"testing"

	"ipvsadm/names"
)

// TestReadRefusesImpossibleNames reads names that no kernel knows. Nobody asks the kernel when a file is only tested.
func TestReadRefusesImpossibleNames(t *testing.T) {
	for text, want := range map[string]string{
		"-A -f 1 -s r/r\n": "file:1: Scheduler or persistence engine not found",
		"\n-A -f 1 -s " + strings.Repeat("r", 10<<20):                    "file:2: Scheduler or persistence engine not found",
		"-A -f 1 -p --pe \x1b[2J":                                        "file:1: Scheduler or persistence engine not found",
		"--start-daemon master --mcast-interface averyverylonginterface": "file:1: No such device",
		"-A -f 1 -s \x1b[2J extra":                                       "file:1: unexpected argument extra",
		"-A -f 1 \x1b[2J":                                                `file:1: unexpected argument \x1b[2J`,
	} {
		rules, err := Read(t.Context(), strings.NewReader(text), "file", names.NewResolver())
		if err == nil {
			err = rules.Err()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%.50q: %v, want %s", text, err, want)
		}
	}
}
