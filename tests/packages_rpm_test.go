//go:build packages

package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// redHat is a root with an RPM database, a shell and a systemctl that writes down what it is asked. Its service's stop
// clears the table, unless a drop-in takes its effect away.
type redHat struct {
	t    *testing.T
	root string
}

const fakeSystemctl = `#!/bin/sh
echo "$*" >>/asked
case "$*" in
*is-enabled*) [ -e /enabled ] ;;
*disable*) rm -f /enabled ;;
*enable*) : >/enabled ;;
esac || exit
case "$*" in
*stop*ipvsadm.service* | *--now*ipvsadm.service*)
    [ -e /run/systemd/system/ipvsadm.service.d/keep-table.conf ] || : >/cleared ;;
esac
`

// theirSpec is a package like Fedora's: its removal disables and stops the service, and deletes the rules.
const theirSpec = `Name: ipvsadm
Version: 1.31
Release: 8
Summary: a package like Fedora's
License: GPL
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/sbin %{buildroot}/usr/lib/systemd/system %{buildroot}/etc/sysconfig
echo theirs >%{buildroot}/usr/sbin/ipvsadm
echo theirs >%{buildroot}/usr/lib/systemd/system/ipvsadm.service
echo rules >%{buildroot}/etc/sysconfig/ipvsadm
%preun
[ $1 -ne 0 ] || systemctl --no-reload disable --now ipvsadm.service
%files
/usr/sbin/ipvsadm
/usr/lib/systemd/system/ipvsadm.service
%config(noreplace) /etc/sysconfig/ipvsadm
`

// swap is what dnf does for "install --allowerasing": one transaction that installs a package and removes another.
const swap = `
import rpm, sys
ts = rpm.TransactionSet(sys.argv[1])
ts.setVSFlags(rpm._RPMVSF_NOSIGNATURES)
with open(sys.argv[2], "rb") as package:
    ts.addInstall(ts.hdrFromFdno(package.fileno()), sys.argv[2], "u")
ts.addErase("ipvsadm")
problems = list(ts.check() or [])
ts.order()
files = {}
def callback(what, amount, total, path, data):
    if what == rpm.RPMCALLBACK_INST_OPEN_FILE:
        files[path] = open(path, "rb")
        return files[path].fileno()
    if what == rpm.RPMCALLBACK_INST_CLOSE_FILE:
        files.pop(path).close()
problems += list(ts.run(callback, "") or [])
sys.exit(str(problems) if problems else 0)
`

func newRedHat(t *testing.T) *redHat {
	t.Helper()
	r := &redHat{t, t.TempDir()}
	mustOutput(t, "sh", "-ec", `cd "$0"; mkdir -p dev bin usr/bin run/systemd/system etc/sysconfig var/lib/rpm
		mknod dev/null c 1 3
		cp "$(command -v busybox)" bin/busybox
		for name in sh cp mv rm mkdir rmdir; do ln -s busybox bin/$name; done
		rpm --root "$0" --initdb`, r.root)
	for name, text := range map[string]string{"systemctl": fakeSystemctl, "systemd-tmpfiles": "#!/bin/sh\necho \"$*\" >>/asked\n"} {
		path := filepath.Join(r.root, "usr/bin", name)
		writeFile(t, path, text)
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *redHat) rpm(words ...string) string {
	r.t.Helper()
	return mustOutput(r.t, "rpm", append([]string{"--root", r.root, "--nosignature"}, words...)...)
}

// wantTable checks that nothing has cleared the table.
func (r *redHat) wantTable(what string) {
	r.t.Helper()
	if _, err := os.Stat(filepath.Join(r.root, "cleared")); !os.IsNotExist(err) {
		r.t.Fatalf("%s cleared the table:\n%s", what, readFile(r.t, filepath.Join(r.root, "asked")))
	}
}

func (r *redHat) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(r.root, name))
	return err == nil
}

// TestPackagesRedHat replaces a package like Fedora's by ours in one transaction, and then upgrades, downgrades and
// removes ours, in a root of Debian's rpm.
func TestPackagesRedHat(t *testing.T) {
	r := newRedHat(t)
	top := t.TempDir()
	writeFile(t, filepath.Join(top, "theirs.spec"), theirSpec)
	mustOutput(t, "rpmbuild", "-bb", "--define", "_topdir "+top, "--define", "_rpmdir "+top, filepath.Join(top, "theirs.spec"))
	r.rpm("-i", "--nodeps", filepath.Join(top, "noarch/ipvsadm-1.31-8.noarch.rpm"))
	rules := filepath.Join(r.root, "etc/sysconfig/ipvsadm")
	writeFile(t, filepath.Join(r.root, "enabled"), "")
	oldRPM, newRPM := onePath(t, "../build/packages-1.0/*.x86_64.rpm"), onePath(t, packages+"/*.x86_64.rpm")

	if out, err := exec.Command("rpm", "--root", r.root, "--nosignature", "-i", oldRPM).CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "conflicts with") {
		t.Errorf("both packages can be installed: %v\n%s", err, out)
	}
	if out, err := exec.Command("/usr/bin/python3", "-c", swap, r.root, oldRPM).CombinedOutput(); err != nil {
		t.Fatalf("swap: %v\n%s", err, out)
	}
	r.wantTable("the swap")
	if got := readFile(t, rules); got != "rules\n" {
		t.Errorf("after the swap the rules are %q", got)
	}
	for name, want := range map[string]bool{"enabled": true, "etc/sysconfig/ipvsadm.kept": false, "run/ipvsadm.was-enabled": false,
		"run/systemd/system/ipvsadm.service.d": false, "usr/sbin/ipvsadm-save": true, "usr/share/man/man8/ipvsadm.8.gz": true} {
		if r.exists(name) != want {
			t.Errorf("after the swap: /%s exists: %v", name, !want)
		}
	}
	if got := r.rpm("-qa"); !strings.HasPrefix(got, "ipvsadm-go-1.0-1") || strings.Count(got, "\n") != 1 {
		t.Errorf("after the swap: %s", got)
	}
	if got := r.rpm("-q", "--whatprovides", "ipvsadm"); !strings.HasPrefix(got, "ipvsadm-go") {
		t.Errorf("who provides ipvsadm: %s", got)
	}
	if got := r.rpm("-qc", "ipvsadm-go"); got != "/etc/default/ipvsadm\n" {
		t.Errorf("configuration files: %s", got)
	}
	if got := mustOutput(t, "chroot", r.root, "/usr/sbin/ipvsadm", "-v"); !strings.HasPrefix(got, "ipvsadm 1.0 ") {
		t.Errorf("the program: %s", got)
	}
	if got := r.rpm("-V", "ipvsadm-go"); got != "" {
		t.Errorf("rpm -V: %s", got)
	}

	settings := filepath.Join(r.root, "etc/default/ipvsadm")
	edited := strings.Replace(readFile(t, settings), `DAEMON="none"`, `DAEMON="backup"`, 1)
	writeFile(t, settings, edited)
	r.rpm("-U", newRPM)
	r.wantTable("the upgrade")
	r.rpm("-U", "--oldpackage", oldRPM)
	r.wantTable("the downgrade")
	if got := readFile(t, settings); got != edited || !strings.Contains(got, "backup") || !strings.Contains(got, `AUTO="true"`) {
		t.Errorf("the settings after an upgrade: %q", got)
	}
	if !r.exists("enabled") {
		t.Error("an upgrade disables the service")
	}
	r.rpm("-e", "ipvsadm-go")
	r.wantTable("the removal")
	if got := readFile(t, rules); got != "rules\n" || r.exists("enabled") || r.exists("usr/sbin/ipvsadm") || r.exists("usr/share/ipvsadm") {
		t.Errorf("after the removal: rules %q", got)
	}
}
