package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNetns lists and changes the table of another namespace with --netns.
func TestNetns(t *testing.T) {
	here, there := newNamespace(t), newNamespace(t)
	name := "ipvsadm-test"
	mustRun := func(words ...string) {
		t.Helper()
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			skipOutsideLab(t, strings.Join(words, " ")+": "+err.Error()+": "+string(out))
		}
	}
	mustRun("ip", "netns", "add", name)
	t.Cleanup(func() { exec.Command("ip", "netns", "delete", name).Run() })
	mustRun("ip", "-n", name, "link", "set", "lo", "up")
	path := filepath.Join("/run/netns", name)

	// The namespace has its own hosts file, with a name that no other file has.
	directory := filepath.Join("/etc/netns", name)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		skipOutsideLab(t, err.Error())
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	if err := os.WriteFile(filepath.Join(directory, "hosts"), []byte("192.0.2.80 inside\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	here.program(t, "-A -t 192.0.2.1:80 -s rr\n", "-R")

	here.program(t, "", "--netns", name, "-A", "-t", "inside:80", "-s", "rr")
	here.program(t, "", "-a", "-t", "192.0.2.80:80", "-r", "192.0.2.11:80", "-m", "--netns", path)
	const rules = "-A -t 192.0.2.80:80 -s rr\n-a -t 192.0.2.80:80 -r 192.0.2.11:80 -m -w 1\n"
	for _, words := range []string{"-Sn --netns " + name, "--netns=" + path + " save -n", "save -n --netns " + name} {
		if got := here.program(t, "", strings.Fields(words)...); got != rules {
			t.Errorf("%s: %q", words, got)
		}
	}
	if got := here.program(t, "", "-L", "--netns", name); !strings.Contains(got, "TCP  inside:http rr\n") {
		t.Errorf("the namespace's own hosts file is not read:\n%s", got)
	}
	if got := here.program(t, "", "-Sn"); got != "-A -t 192.0.2.1:80 -s rr\n" {
		t.Errorf("here: %q", got)
	}
	here.program(t, "", "--netns", name, "restore", "--noflush", "-f", "/dev/null")
	here.program(t, "-A -f 1 -s rr\n", "restore", "--netns", name)
	if got := here.program(t, "", "-Sn", "--netns", name); got != "-A -f 1 -s rr\n" {
		t.Errorf("restored: %q", got)
	}

	// The connection table of a namespace without a name, by the path of a process in it.
	there.program(t, "-A -u 127.0.0.1:53 -s rr\n-a -u 127.0.0.1:53 -r 127.0.0.1:54 -m\n", "-R")
	var sleeper *exec.Cmd
	err := there.do(func() error {
		sleeper = exec.Command("sleep", "60")
		if err := sleeper.Start(); err != nil {
			return err
		}
		return exec.Command("bash", "-c", "echo >/dev/udp/127.0.0.1/53").Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	link := filepath.Join("/proc", strconv.Itoa(sleeper.Process.Pid), "ns/net")
	if got := here.program(t, "", "-Lnc", "--netns", link); !strings.Contains(got, "127.0.0.1:54") {
		t.Errorf("connections in the other namespace:\n%s", got)
	}
	if got := here.program(t, "", "-Lnc"); strings.Contains(got, "127.0.0.1:54") {
		t.Errorf("connections in this namespace:\n%s", got)
	}

	for _, test := range []struct{ words, message string }{
		{"--netns missing -L", "network namespace \"missing\": no such file or directory\n"},
		{"--netns /etc/passwd -L", "network namespace \"/etc/passwd\": not a network namespace\n"},
		{"--netns ../netns/x -L", "network namespace \"../netns/x\": no such file or directory\n"},
	} {
		command := exec.Command(builtProgram(t), strings.Fields(test.words)...)
		out, err := command.CombinedOutput()
		if err == nil || command.ProcessState.ExitCode() != 2 || string(out) != test.message {
			t.Errorf("%s: %v %q", test.words, err, out)
		}
	}
}
