// Package tests holds the tests that need a kernel with IPVS. They run in the lab, whose kernel, names and services are
// the same on every machine, and skip elsewhere:
//
//	make && CGO_ENABLED=0 go test -exec tests/lab/run ./tests
package tests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
)

// original is Debian's ipvsadm, which this program is compared with.
const original = "/usr/sbin/ipvsadm"

// inLab reports whether the test runs in the lab, where it may change the kernel and every file.
func inLab() bool { return os.Getenv("IPVSADM_LAB") != "" }

// needLab skips a test that changes the machine it runs on.
func needLab(t *testing.T) {
	t.Helper()
	if !inLab() {
		t.Skip("this test changes the machine, so it runs only in the lab")
	}
}

// skipOutsideLab skips a test that cannot run here. In the lab it fails the test, because the lab has everything.
func skipOutsideLab(t *testing.T, reason string) {
	t.Helper()
	if inLab() {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// needIPVS loads IPVS into the lab's kernel.
func needIPVS(t *testing.T) {
	t.Helper()
	needLab(t)
	client, err := ipvs.Dial()
	if err != nil {
		if err := ipvs.LoadModule(t.Context()); err != nil {
			skipOutsideLab(t, "this kernel has no IPVS: "+err.Error())
		}
		return
	}
	client.Close()
}

// needOriginal skips a test that has nothing to compare this program with.
func needOriginal(t *testing.T) {
	t.Helper()
	needIPVS(t)
	if _, err := os.Stat(original); err != nil {
		skipOutsideLab(t, "the original is missing: "+err.Error())
	}
}

// builtProgram returns the path of ./ipvsadm, which make builds. ipvsadm-save and ipvsadm-restore are beside it.
func builtProgram(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../ipvsadm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		skipOutsideLab(t, "run make first: "+err.Error())
	}
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantFolder compares the names in a folder.
func wantFolder(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in %s (-want +got):\n%s", folder, diff)
	}
}
