package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWithoutPrivileges runs both programs as nobody. They print the same, and the table stays.
func TestWithoutPrivileges(t *testing.T) {
	d := newDirector(t)
	d.mustRunWith(t, numbered(1), "ipvsadm", "-R")
	before := d.mustRun(t, "ipvsadm", "-Sn")
	nobody := "setpriv --reuid=65534 --regid=65534 --clear-groups "
	for _, line := range []string{
		"", "-Lnc", "-Sn", "-A -t 192.0.2.9:80 -s rr", "-C", "-R <<<-C", "-Q",
	} {
		want := d.shell(nobody + "$original " + line)
		got := d.shell(nobody + "$ipvsadm " + line)
		if got != want || got.status == 0 || !strings.Contains(got.stderr, "you must be root") {
			t.Errorf("ipvsadm %s: %s\nthe original: %s", line, got, want)
		}
	}
	for _, line := range []string{"-restore <<<'-C'", "-save -n", "-save -n -f saved"} {
		if got := d.shell(nobody + "${ipvsadm}" + line); got.status == 0 || !strings.Contains(got.stderr, "you must be root") {
			t.Errorf("ipvsadm%s: %s", line, got)
		}
	}
	for _, line := range []string{"-h", "-v"} {
		if got := d.shell(nobody + "$ipvsadm " + line); got.status != 0 || got.stderr != "" {
			t.Errorf("ipvsadm %s: %s", line, got)
		}
	}
	if after := d.mustRun(t, "ipvsadm", "-Sn"); after != before {
		t.Errorf("the table changed:\n%s", after)
	}
	if _, err := os.Stat(filepath.Join(d.directory, "saved")); err == nil {
		t.Error("a file was saved")
	}
}

// TestWithoutConnectionTable lists connections without /proc, as in some containers.
func TestWithoutConnectionTable(t *testing.T) {
	d := newDirector(t)
	for _, line := range []string{"$original -Lnc", "$ipvsadm -Lnc", "$ipvsadm -Lnc --format json", "$ipvsadm -Lnc --format table"} {
		got := d.shell("unshare -m bash -c 'umount -l /proc && \"$0\" \"$@\"' " + line)
		if want := (outcome{1, "", "cannot open file /proc/net/ip_vs_conn\n"}); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// TestNothingInSharedFolders saves and restores with read-only /tmp, /var/tmp and /dev/shm. The files that it writes are
// private even with umask 0.
func TestNothingInSharedFolders(t *testing.T) {
	d := newDirector(t)
	d.mustRunWith(t, numbered(1), "ipvsadm", "-R")
	folder, err := os.MkdirTemp("/run", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	result := d.shell(`umask 0; cd ` + folder + `; mkdir bin; cp -P ${ipvsadm}* bin; rm -f /run/ipvsadm.lock
		unshare -m bash -c 'for shared in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o ro none $shared; done
			set -e; $0 -Ln >/dev/null; $0-save -n -f rules; $0-restore -f rules' bin/ipvsadm
		stat -c "%a %n" rules /run/ipvsadm.lock; ls -A`)
	if want := "600 rules\n600 /run/ipvsadm.lock\nbin\nrules\n"; result.stdout != want || result.status != 0 || result.stderr != "" {
		t.Errorf("%s", result)
	}
}

// TestReadOnlyRun restores where the lock file cannot be made, as in some containers. The restore goes on without it.
func TestReadOnlyRun(t *testing.T) {
	d := newDirector(t)
	result := d.shell("unshare -m bash -c 'mount -t tmpfs -o ro none /run && $0-restore' $ipvsadm <<<'-A -f 7 -s rr'")
	if after := d.mustRun(t, "ipvsadm", "-Sn"); result.status != 0 || result.stderr != "" || after != "-A -f 7 -s rr\n" {
		t.Errorf("%s%s", result, after)
	}
}
