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

// TestWithoutRights runs what there is as nobody, under both programs: the table stays, and the words are the same.
func TestWithoutRights(t *testing.T) {
	p := home(t)
	p.must(t, withServers(1), "ipvsadm", "-R")
	before := p.must(t, "", "ipvsadm", "-Sn")
	nobody := "setpriv --reuid=65534 --regid=65534 --clear-groups "
	for _, line := range []string{
		"", "-Lnc", "-Sn", "-A -t 192.0.2.9:80 -s rr", "-C", "-R <<<-C", "-Q",
	} {
		want := p.shell(t, nobody+"$original "+line)
		got := p.shell(t, nobody+"$ipvsadm "+line)
		if got != want || got.status == 0 || !strings.Contains(got.stderr, "you must be root") {
			t.Errorf("ipvsadm %s: %s\nthe original: %s", line, got, want)
		}
	}
	for _, line := range []string{"-restore <<<'-C'", "-save -n", "-save -n -f saved"} {
		if got := p.shell(t, nobody+"${ipvsadm}"+line); got.status == 0 || !strings.Contains(got.stderr, "you must be root") {
			t.Errorf("ipvsadm%s: %s", line, got)
		}
	}
	for _, line := range []string{"-h", "-v"} {
		if got := p.shell(t, nobody+"$ipvsadm "+line); got.status != 0 || got.stderr != "" {
			t.Errorf("ipvsadm %s: %s", line, got)
		}
	}
	if after := p.must(t, "", "ipvsadm", "-Sn"); after != before {
		t.Errorf("the table changed:\n%s", after)
	}
	if _, err := os.Stat(filepath.Join(p.directory, "saved")); err == nil {
		t.Error("a file was saved all the same")
	}
}

// TestWithoutConnectionTable lists connections where /proc is not to be had, as in some containers.
func TestWithoutConnectionTable(t *testing.T) {
	p := home(t)
	for _, line := range []string{"$original -Lnc", "$ipvsadm -Lnc", "$ipvsadm -Lnc --format json", "$ipvsadm -Lnc --format table"} {
		got := p.shell(t, "unshare -m bash -c 'umount -l /proc && \"$0\" \"$@\"' "+line)
		if want := (said{1, "", "cannot open file /proc/net/ip_vs_conn\n"}); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// withoutModule takes IPVS out of the kernel for the time of a test, and keeps the kernel from loading it by itself.
func withoutModule(t *testing.T) {
	t.Helper()
	if os.Getenv("IPVSADM_LAB") == "" {
		t.Skip("takes IPVS out of the kernel, which only the lab's is to be asked for")
	}
	const helper = "/proc/sys/kernel/modprobe"
	old := strings.TrimSpace(text(t, helper))
	set := func(path string) {
		if err := os.WriteFile(helper, []byte(path+"\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	set("/bin/false")
	t.Cleanup(func() { set(old) })
	remove := func() (out []byte, err error) {
		// A thread of this process may linger in a namespace of an earlier test.
		exec.Command("bash", "-c", "for n in /proc/[0-9]*/task/*/ns/net; do nsenter --net=$n "+original+" -C; done").Run()
		for range 20 { // what a namespace holds that is no more is let go in time
			if out, err = exec.Command("/sbin/modprobe", "-r", "ip_vs").CombinedOutput(); err == nil {
				return nil, nil
			}
			modules, _ := exec.Command("bash", "-c", "lsmod | awk '/^ip_vs/ && $3 == 0 { print $1 }' | xargs -r rmmod").CombinedOutput()
			out = append(out, modules...)
			time.Sleep(500 * time.Millisecond)
		}
		return out, err
	}
	if out, err := remove(); err != nil {
		t.Fatalf("modprobe -r ip_vs: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("/sbin/modprobe", "ip_vs").CombinedOutput(); err != nil {
			t.Errorf("modprobe ip_vs: %v: %s", err, out)
		}
	})
}

// TestWithoutModule is about a kernel that does not know IPVS, and what modprobe has to say.
func TestWithoutModule(t *testing.T) {
	p := home(t)
	withoutModule(t)
	copied := filepath.Join(p.directory, "original") // as /usr/sbin is covered
	if out, err := exec.Command("cp", original, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, test := range map[string]struct {
		hide   string
		stderr string
	}{
		"no modprobe":            {"mount -t tmpfs none /usr/sbin", ""},
		"a modprobe not to run":  {"mount --bind /dev/null /sbin/modprobe", ""},
		"no module":              {"mount -t tmpfs none /lib/modules", "modprobe: FATAL: Module ip_vs not found in directory /lib/modules/"},
		"a module of no use":     {"mount --bind /bin/true /sbin/modprobe", ""},
		"a modprobe that fails":  {"mount --bind /bin/false /sbin/modprobe", ""},
		"a modprobe that speaks": {`echo "#!/bin/bash" >speaks; echo "echo to stdout; echo to stderr >&2; exit 3" >>speaks; chmod +x speaks; mount --bind speaks /sbin/modprobe`, "to stderr\n"},
	} {
		for _, words := range []string{"-Lnc", "-R <<<-C"} {
			line := "unshare -m bash -c '" + test.hide + " && $0 " + words + "' "
			want := p.shell(t, line+copied)
			got := p.shell(t, line+"$ipvsadm")
			// The original gives modprobe its own standard output. Ours holds the answer and nothing else.
			want.stdout = strings.TrimPrefix(want.stdout, "to stdout\n")
			if got != want || got.status != 2 || !strings.HasPrefix(got.stderr, test.stderr) || !strings.HasSuffix(got.stderr, unavailable) {
				t.Errorf("%s: ipvsadm %s: %s\nthe original: %s", name, words, got, want)
			}
		}
		got := p.shell(t, "unshare -m bash -c '"+test.hide+" && $0-restore <<<-C' $ipvsadm")
		if got.status != 2 || !strings.HasPrefix(got.stderr, test.stderr) || !strings.HasSuffix(got.stderr, unavailable) {
			t.Errorf("%s: ipvsadm-restore: %s", name, got)
		}
		if got := p.shell(t, "unshare -m bash -c '"+test.hide+" && $0 -h' $ipvsadm"); got.status != 0 || got.stderr != "" {
			t.Errorf("%s: ipvsadm -h: %s", name, got)
		}
	}
}

// TestModprobeAlone wants modprobe run by its path, with one word and no variables, by root alone.
func TestModprobeAlone(t *testing.T) {
	p := home(t)
	withoutModule(t)
	fake := `#!/bin/bash
{ printf '%s\n' "$0" "$@"; echo variables:; tr '\0' '\n' </proc/$$/environ; } >` + p.directory + `/called`
	if err := os.WriteFile(filepath.Join(p.directory, "fake"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ as, called string }{
		{"", "/sbin/modprobe\nip_vs\nvariables:\n"},
		{"setpriv --reuid=65534 --clear-groups ", "not\n"},
	} {
		got := p.shell(t, `echo not >called; chmod 666 called; chmod 755 .. .; mkdir -p bin; cp fake bin/modprobe
			unshare -m bash -c 'mount --bind fake /sbin/modprobe && PATH=$PWD/bin:$PATH MODPROBE_OPTIONS=--config=evil LD_PRELOAD= `+test.as+`$0 -Ln' $ipvsadm; cat called`)
		if got.stdout != test.called || got.status != 0 || !strings.HasSuffix(got.stderr, unavailable) {
			t.Errorf("as %q: %s", test.as, got)
		}
	}
}

// TestNothingInSharedFolders saves and restores where the folders that all may write to cannot be written to, and looks
// at what the files' modes are though the umask takes nothing away.
func TestNothingInSharedFolders(t *testing.T) {
	p := home(t)
	p.must(t, withServers(1), "ipvsadm", "-R")
	folder, err := os.MkdirTemp("/run", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	said := p.shell(t, `umask 0; cd `+folder+`; mkdir bin; cp -P ${ipvsadm}* bin; rm -f /run/ipvsadm.lock
		unshare -m bash -c 'for shared in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o ro none $shared; done
			set -e; $0 -Ln >/dev/null; $0-save -n -f rules; $0-restore -f rules' bin/ipvsadm
		stat -c "%a %n" rules /run/ipvsadm.lock; ls -A`)
	if want := "600 rules\n600 /run/ipvsadm.lock\nbin\nrules\n"; said.stdout != want || said.status != 0 || said.stderr != "" {
		t.Errorf("%s", said)
	}
}

// TestReadOnlyRun restores where there is no place for a lock, as in some containers: it does without.
func TestReadOnlyRun(t *testing.T) {
	p := home(t)
	said := p.shell(t, "unshare -m bash -c 'mount -t tmpfs -o ro none /run && $0-restore' $ipvsadm <<<'-A -f 7 -s rr'")
	if after := p.must(t, "", "ipvsadm", "-Sn"); said.status != 0 || said.stderr != "" || after != "-A -f 7 -s rr\n" {
		t.Errorf("%s%s", said, after)
	}
}
