//go:build packages

package tests

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packages is where tests/packages/run builds version 1.1. The tests of this file need no kernel with IPVS.
const packages = "../build/packages-1.1"

// onePath returns the only file of a pattern.
func onePath(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) != 1 {
		t.Fatalf("%s: %q, %v", pattern, names, err)
	}
	return names[0]
}

// TestPackagesReproducible builds the same commit again: in another folder, as another user, with another umask, home,
// language, time zone and build cache, and later. Every byte is the same.
func TestPackagesReproducible(t *testing.T) {
	top := t.TempDir()
	mustOutput(t, "sh", "-c", `git clone --quiet --no-local .. "$0/first" && git clone --quiet --no-local .. "$0/a longer path"`, top)
	build := func(folder, line string) string {
		t.Helper()
		command := exec.Command("sh", "-c", line)
		command.Dir = filepath.Join(top, folder)
		command.Env = append(os.Environ(), "GOFLAGS=", "VERSION=", "PACKAGES=", "SOURCE_DATE_EPOCH=")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	first := build("first", "make --silent packages ARCHITECTURES='amd64 s390x'")
	environment := "env HOME=/nonexistent USER=other LOGNAME=other LC_ALL=C.UTF-8 TZ=Asia/Tokyo TMPDIR='" + t.TempDir() + "' " +
		"GOMODCACHE='" + strings.TrimSpace(mustOutput(t, "go", "env", "GOMODCACHE")) + "' GOCACHE='" + t.TempDir() + "' "
	second := build("a longer path", "umask 077 && unshare --user --map-user=1234 --map-group=1234 "+environment+
		"make --silent packages ARCHITECTURES='amd64 s390x'")
	if diff := cmp.Diff(strings.Fields(first), strings.Fields(second)); diff != "" || strings.Count(first, "\n") != 16 {
		t.Errorf("the first build (-) and the second one (+):\n%s\n%s", first, diff)
	}
}

// TestPackagesLint runs Debian's and Red Hat's linters. rpmlint wants a signature, and does not know Go's programs.
func TestPackagesLint(t *testing.T) {
	for _, architecture := range []string{"amd64", "s390x"} {
		deb := onePath(t, packages+"/*_"+architecture+".deb")
		if out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", deb).CombinedOutput(); err != nil {
			t.Errorf("lintian %s: %v\n%s", deb, err, out)
		}
	}
	out, _ := exec.Command("rpmlint", onePath(t, packages+"/*.x86_64.rpm")).CombinedOutput() // errors are read below
	var errs []string
	for line := range strings.Lines(string(out)) {
		if _, tag, ok := strings.Cut(line, ": E: "); ok {
			errs = append(errs, strings.TrimSpace(tag))
		}
	}
	if diff := cmp.Diff([]string{"no-signature", "no-binary"}, errs); diff != "" || !strings.Contains(string(out), "1 packages") {
		t.Errorf("rpmlint (-want +got):\n%s\n%s", diff, out)
	}
}

// TestPackagesMaterials compares each bill of materials with the digest of its package.
func TestPackagesMaterials(t *testing.T) {
	names, _ := filepath.Glob(packages + "/*.cdx.json")
	if len(names) != 20 {
		t.Errorf("%d bills, not one for each of 5 architectures and 4 formats", len(names))
	}
	for _, name := range names {
		var bill struct {
			Metadata struct {
				Component struct {
					Hashes []struct{ Content string }
				}
			}
			Components []struct{ Purl string }
		}
		if err := json.Unmarshal([]byte(readFile(t, name)), &bill); err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte(readFile(t, strings.TrimSuffix(name, ".cdx.json"))))
		if got := bill.Metadata.Component.Hashes; len(got) != 1 || got[0].Content != hex.EncodeToString(digest[:]) {
			t.Errorf("%s is of another package: %v", name, got)
		}
		if text := fmt.Sprint(bill.Components); !strings.Contains(text, "golang/std@1.") || !strings.Contains(text, "mdlayher/netlink@v") {
			t.Errorf("%s lacks components: %s", name, text)
		}
	}
}

// TestPackagesAlpine reads the apk as Alpine's tools do: a compressed tar with the control file, and one with the data,
// whose digest the control file has.
func TestPackagesAlpine(t *testing.T) {
	file := bytes.NewReader([]byte(readFile(t, onePath(t, packages+"/*_x86_64.apk"))))
	parts := bufio.NewReader(file)
	stream, err := gzip.NewReader(parts)
	if err != nil {
		t.Fatal(err)
	}
	stream.Multistream(false)
	control, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(parts)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(data)
	info := string(control)
	for _, want := range []string{"pkgname = ipvsadm-go\n", "pkgver = 1.1-r0\n", "arch = x86_64\n", "provides = ipvsadm=1.31\n",
		"replaces = ipvsadm\n", "license = MIT\n", "datahash = " + hex.EncodeToString(digest[:]) + "\n"} {
		if !strings.Contains(info, want) {
			t.Errorf("the control file lacks %q:\n%s", want, info)
		}
	}
	if err := stream.Reset(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for files := tar.NewReader(stream); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = header.Linkname
	}
	for name, link := range map[string]string{"usr/sbin/ipvsadm": "", "usr/sbin/ipvsadm-save": "ipvsadm", "usr/share/man/man8/ipvsadm.8.gz": "",
		"usr/share/licenses/ipvsadm-go/LICENSES": "", "usr/share/ipvsadm/ipvsadm.schema.json": ""} {
		if got, ok := found[name]; !ok || got != link {
			t.Errorf("%s: %v, link %q", name, ok, got)
		}
	}
	for name := range found {
		if strings.Contains(name, "systemd") || strings.HasPrefix(name, "/") {
			t.Errorf("Alpine has no use for %s", name)
		}
	}
}
