package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const unavailable = "Are you sure that IP Virtual Server is built in the kernel or as module?\n"

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

// withoutModule unloads IPVS until the test ends, and keeps the kernel from loading it by itself.
func withoutModule(t *testing.T) {
	t.Helper()
	needLab(t)
	const helper = "/proc/sys/kernel/modprobe"
	old := strings.TrimSpace(readFile(t, helper))
	set := func(path string) {
		if err := os.WriteFile(helper, []byte(path+"\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	set("/bin/false")
	t.Cleanup(func() { set(old) })
	// A thread of this process may still be in a namespace of an earlier test.
	exec.Command("bash", "-c", "for n in /proc/[0-9]*/task/*/ns/net; do nsenter --net=$n "+original+" -C; done").Run()
	// The kernel frees a namespace, and with it its use of the module, some time after its last process.
	eventually(t, 20*time.Second, "modprobe -r ip_vs", func() bool {
		out, err := exec.Command("/sbin/modprobe", "-r", "ip_vs").CombinedOutput()
		if err != nil {
			t.Logf("modprobe -r ip_vs: %v: %s", err, out)
			exec.Command("bash", "-c", "lsmod | awk '/^ip_vs/ && $3 == 0 { print $1 }' | xargs -r rmmod").Run()
		}
		return err == nil
	})
	t.Cleanup(func() {
		if out, err := exec.Command("/sbin/modprobe", "ip_vs").CombinedOutput(); err != nil {
			t.Errorf("modprobe ip_vs: %v: %s", err, out)
		}
	})
}

// TestWithoutModule runs both programs on a kernel without IPVS whose modprobe fails.
func TestWithoutModule(t *testing.T) {
	d := newDirector(t)
	withoutModule(t)
	copied := filepath.Join(d.directory, "original") // because a mount hides /usr/sbin
	if out, err := exec.Command("cp", original, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, test := range map[string]struct {
		hide   string
		stderr string
	}{
		"modprobe is missing":       {"mount -t tmpfs none /usr/sbin", ""},
		"modprobe is not a program": {"mount --bind /dev/null /sbin/modprobe", ""},
		"the module is missing":     {"mount -t tmpfs none /lib/modules", "modprobe: FATAL: Module ip_vs not found in directory /lib/modules/"},
		"modprobe does nothing":     {"mount --bind /bin/true /sbin/modprobe", ""},
		"modprobe fails":            {"mount --bind /bin/false /sbin/modprobe", ""},
		"modprobe prints":           {`echo "#!/bin/bash" >speaks; echo "echo to stdout; echo to stderr >&2; exit 3" >>speaks; chmod +x speaks; mount --bind speaks /sbin/modprobe`, "to stderr\n"},
	} {
		for _, words := range []string{"-Lnc", "-R <<<-C"} {
			line := "unshare -m bash -c '" + test.hide + " && $0 " + words + "' "
			want := d.shell(line + copied)
			got := d.shell(line + "$ipvsadm")
			// The original lets modprobe write to standard output. This program does not.
			want.stdout = strings.TrimPrefix(want.stdout, "to stdout\n")
			if got != want || got.status != 2 || !strings.HasPrefix(got.stderr, test.stderr) || !strings.HasSuffix(got.stderr, unavailable) {
				t.Errorf("%s: ipvsadm %s: %s\nthe original: %s", name, words, got, want)
			}
		}
		got := d.shell("unshare -m bash -c '" + test.hide + " && $0-restore <<<-C' $ipvsadm")
		if got.status != 2 || !strings.HasPrefix(got.stderr, test.stderr) || !strings.HasSuffix(got.stderr, unavailable) {
			t.Errorf("%s: ipvsadm-restore: %s", name, got)
		}
		if got := d.shell("unshare -m bash -c '" + test.hide + " && $0 -h' $ipvsadm"); got.status != 0 || got.stderr != "" {
			t.Errorf("%s: ipvsadm -h: %s", name, got)
		}
	}
}

// TestModprobeEnvironment checks that only root runs modprobe, by its path, with one argument and no environment.
func TestModprobeEnvironment(t *testing.T) {
	d := newDirector(t)
	withoutModule(t)
	fake := `#!/bin/bash
{ printf '%s\n' "$0" "$@"; echo variables:; tr '\0' '\n' </proc/$$/environ; } >` + d.directory + `/called`
	if err := os.WriteFile(filepath.Join(d.directory, "fake"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ as, called string }{
		{"", "/sbin/modprobe\nip_vs\nvariables:\n"},
		{"setpriv --reuid=65534 --clear-groups ", "not\n"},
	} {
		got := d.shell(`echo not >called; chmod 666 called; chmod 755 .. .; mkdir -p bin; cp fake bin/modprobe
			unshare -m bash -c 'mount --bind fake /sbin/modprobe && PATH=$PWD/bin:$PATH MODPROBE_OPTIONS=--config=evil LD_PRELOAD= ` + test.as + `$0 -Ln' $ipvsadm; cat called`)
		if got.stdout != test.called || got.status != 0 || !strings.HasSuffix(got.stderr, unavailable) {
			t.Errorf("as %q: %s", test.as, got)
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
