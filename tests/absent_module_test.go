package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The name of this file makes its tests the first. After others the kernel may need a minute until it has freed their
// namespaces, and with them the module.

const unavailable = "Are you sure that IP Virtual Server is built in the kernel or as module?\n"

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
