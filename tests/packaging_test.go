package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPackagingDescription holds what a package needs to take the place of a distribution's ipvsadm.
func TestPackagingDescription(t *testing.T) {
	text := readFile(t, "../packaging/nfpm.yaml")
	for _, want := range []string{
		"ipvsadm (= 1:1.31)",
		"conflicts:\n      - ipvsadm\n      - lvs\n", "replaces:\n      - ipvsadm\n      - lvs\n",
		"- ipvsadm = 1.31\n", "conflicts:\n      - ipvsadm\n    scripts:",
		"dst: /etc/default/ipvsadm\n    type: config|noreplace",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("packaging/nfpm.yaml lacks %q", want)
		}
	}
	scripts, err := filepath.Glob("../packaging/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		name := strings.TrimPrefix(script, "../packaging/")
		if kind := filepath.Dir(name); (kind == "debian" || kind == "rpm") && !strings.Contains(text, name) {
			t.Errorf("no package has packaging/%s", name)
		}
	}
	if out, err := exec.Command("sh", "-c", `exec shellcheck ../packaging/rpm/*`).CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}

// TestPackagingScripts holds that no script of a package starts or stops the service, which clears the table or loads it.
func TestPackagingScripts(t *testing.T) {
	scripts, err := filepath.Glob("../packaging/[dr]*/*")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	touches := regexp.MustCompile(`(?m)^[^#\n]*(systemctl|invoke)[^\n]*( |try-|--)(start|stop|restart|reload|now)\b[^\n]*ipvsadm\.service` +
		`|^\s*ipvsadm(-restore| -[ACDEadeRZ])\b`)
	for _, script := range scripts {
		if line := touches.FindString(readFile(t, script)); line != "" {
			t.Errorf("%s touches the table: %s", script, line)
		}
	}
}

// TestPackagingVersion makes a repository with a tag, and asks for the version at each point of its history.
func TestPackagingVersion(t *testing.T) {
	top := t.TempDir()
	mustOutput(t, "sh", "-c", `mkdir "$0/packaging" && cp ../packaging/version "$0/packaging" && cp ../CHANGELOG.md "$0" &&
		sed -i "s/^## 1\.0 - .*/## 1.0 - 2026-11-21/" "$0/CHANGELOG.md"`, top)
	environment := func(settings ...string) []string {
		return append(append(os.Environ(), "VERSION=", "SOURCE_DATE_EPOCH=", "GIT_AUTHOR_DATE=@1000000000 +0000",
			"GIT_COMMITTER_DATE=@1000000000 +0000", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=e",
			"GIT_COMMITTER_NAME=n", "GIT_COMMITTER_EMAIL=e"), settings...)
	}
	git := func(words ...string) {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", top}, words...)...)
		command.Env = environment()
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", words, err, out)
		}
	}
	want := func(pattern, words string, settings ...string) {
		t.Helper()
		command := exec.Command(filepath.Join(top, "packaging/version"), strings.Fields(words)...)
		command.Env = environment(settings...)
		out, err := command.CombinedOutput()
		got := strings.TrimSpace(string(out))
		if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			t.Errorf("version %s %q: %q (%v), not %s", words, settings, got, err, pattern)
		}
	}
	newest := regexp.MustCompile(`(?m)^## (\S+) - `).FindStringSubmatch(readFile(t, filepath.Join(top, "CHANGELOG.md")))[1]
	want("version: there is no git history to ask, so set VERSION=", "")
	want("3.2", "", "VERSION=v3.2")
	want("version: bad is no version of a package: .*", "", "VERSION=bad")
	want("1795219200", "date")
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	want(regexp.QuoteMeta(newest)+`~1\.g[0-9a-f]{7}`, "")
	want("1000000000", "date")
	want("12", "date", "SOURCE_DATE_EPOCH=12")
	git("tag", "v2.0")
	want(`2\.0`, "")
	git("commit", "-q", "--allow-empty", "-m", "two")
	want(`2\.0\+1\.g[0-9a-f]{7,}`, "")
	writeFile(t, filepath.Join(top, "CHANGELOG.md"), "edited\n")
	want(`2\.0\+1\.g[0-9a-f]{7,}\+dirty`, "")
}

// TestReleaseAgrees holds that the README, the manual and the list of changes are of one version.
func TestReleaseAgrees(t *testing.T) {
	command := exec.Command("../packaging/release", "check")
	newest := regexp.MustCompile(`(?m)^## (\S+) - `).FindStringSubmatch(readFile(t, "../CHANGELOG.md"))
	if newest == nil {
		t.Fatal("CHANGELOG.md has no version")
	}
	command.Env = append(os.Environ(), "VERSION="+newest[1])
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	command = exec.Command("../packaging/release", "check")
	command.Env = append(os.Environ(), "VERSION=0.9")
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "0.9") {
		t.Errorf("version 0.9 agrees with CHANGELOG.md: %v\n%s", err, out)
	}
}

// TestOtherProgram builds a program outside the repository, as the README says, that uses ipvs/.
func TestOtherProgram(t *testing.T) {
	if inLab() {
		t.Log("the lab lacks the memory for a build: this runs only on the machine itself")
		return
	}
	line := regexp.MustCompile("`(go mod edit .*)`, and `(go mod tidy)`").FindStringSubmatch(readFile(t, "../README.md"))
	if line == nil {
		t.Fatal("the README does not say how another program uses ipvs/")
	}
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "main.go"), `package main

import (
	"fmt"
	"net/netip"

	"ipvsadm/ipvs"
)

func main() {
	fmt.Println(ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80")).Address)
	if client, err := ipvs.Dial(); err == nil {
		client.Close()
	}
}
`)
	run := func(name string, words ...string) string {
		t.Helper()
		command := exec.Command(name, words...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GO111MODULE=on")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, words, err, out)
		}
		return string(out)
	}
	run("go", "mod", "init", "example.org/other")
	run("sh", "-c", strings.ReplaceAll(line[1], "/path/to/checkout", checkout))
	run("sh", "-c", line[2])
	run("go", "build", "-o", "other", ".")
	if diff := cmp.Diff("192.0.2.1:80\n", run("./other")); diff != "" {
		t.Errorf("the other program (-want +got):\n%s", diff)
	}
}
