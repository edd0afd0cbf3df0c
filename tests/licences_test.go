package tests

import (
	"debug/buildinfo"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLicences checks that LICENSES.md lists exactly the modules of go.mod and of the program.
func TestLicences(t *testing.T) {
	program := builtProgram(t)
	listed := make(map[string]string)
	for _, row := range regexp.MustCompile(`(?m)^\| (\S+\.\S+) \| \S+ \| .+ \| (.+) \|$`).FindAllStringSubmatch(readFile(t, "../LICENSES.md"), -1) {
		listed[row[1]] = row[2]
	}
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	inside := make(map[string]bool)
	for _, module := range built.Deps {
		inside[module.Path] = true
	}
	want := make(map[string]string)
	for _, line := range regexp.MustCompile(`(?m)^\t(\S+) v`).FindAllStringSubmatch(readFile(t, "../go.mod"), -1) {
		switch module := line[1]; {
		case inside[module]:
			want[module] = "in the program"
		case strings.HasPrefix(listed[module], "not"):
			want[module] = "not built in"
		default:
			want[module] = "by the tests"
		}
	}
	for module := range inside {
		want[module] = "in the program"
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("modules in go.mod and the program (-) and in LICENSES.md (+):\n%s", diff)
	}
}
