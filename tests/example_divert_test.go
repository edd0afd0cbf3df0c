package tests

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleDivert runs the two blocks of examples/README.md that give the names of Debian's package to this program and
// back. Between them the package is upgraded. The test works on copies of the folders, with a dpkg database of this one
// package.
func TestExampleDivert(t *testing.T) {
	needOriginal(t) // whose -v asks the kernel
	for _, program := range []string{"dpkg-deb", "dpkg-divert"} {
		if _, err := exec.LookPath(program); err != nil {
			skipOutsideLab(t, err.Error())
		}
	}
	_, text, _ := strings.Cut(readFile(t, "../examples/README.md"), "## Scripts that call /sbin/ipvsadm")
	var blocks []string
	for _, block := range strings.Split(text, "\n\n") {
		if strings.HasPrefix(block, "    for path in ") {
			blocks = append(blocks, block)
		}
	}
	if len(blocks) < 2 {
		t.Fatalf("examples/README.md has %d blocks of commands, want 2", len(blocks))
	}
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "divert"), blocks[0])
	writeFile(t, filepath.Join(folder, "undo"), blocks[1])
	command := exec.Command("unshare", "--mount", "sh", "-euc", `
		for place in /usr/sbin /usr/local/sbin; do
			mkdir -p "$1$place"
			cp -a "$place/." "$1$place"
			mount --bind "$1$place" "$place"
		done
		mkdir -p "$1/dpkg/info" "$1/dpkg/updates" "$1/dpkg/triggers" "$1/log"
		dpkg --status ipvsadm >"$1/dpkg/status"
		cp /var/lib/dpkg/info/format "$1/dpkg/info"
		dpkg --listfiles ipvsadm | grep /sbin/ >"$1/dpkg/info/ipvsadm.list"
		mount --bind "$1/dpkg" /var/lib/dpkg
		mount --bind "$1/log" /var/log
		for name in ipvsadm ipvsadm-save ipvsadm-restore; do
			ln -sf "$2" "/usr/local/sbin/$name"
		done
		say() { echo "$1 $(/sbin/ipvsadm -v) | $(/usr/sbin/ipvsadm -v)"; }

		say "before:"
		. "$1/divert"
		say "diverted:"
		package=$1/package
		mkdir -p "$package/DEBIAN" "$package/sbin"
		printf '%s\n' "Package: ipvsadm" "Version: 1:1.99" "Architecture: all" "Maintainer: nobody <nobody@example.org>" \
			"Description: an upgrade" >"$package/DEBIAN/control"
		for name in ipvsadm ipvsadm-save ipvsadm-restore; do
			printf '#!/bin/sh\necho upgraded\n' >"$package/sbin/$name"
			chmod 755 "$package/sbin/$name"
		done
		dpkg-deb --root-owner-group --build "$package" "$package.deb"
		dpkg --force-all --unpack "$package.deb"
		say "upgraded:"
		echo "original: $(/usr/sbin/ipvsadm.original -v)"
		. "$1/undo"
		say "undone:"
		`, "sh", folder, builtProgram(t))
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.TrimSpace(mustOutput(t, original, "-v"))
	ours := strings.TrimSpace(mustOutput(t, builtProgram(t), "-v"))
	for _, want := range []string{
		"before: " + theirs + " | " + theirs,
		"diverted: " + ours + " | " + ours,
		"upgraded: " + ours + " | " + ours,
		"original: upgraded",
		"undone: upgraded | upgraded",
	} {
		if !strings.Contains("\n"+string(out), "\n"+want+"\n") {
			t.Errorf("the line %q is missing", want)
		}
	}
}
