package tests

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bootSystemd runs systemd as the first process of a process namespace, in the network of a director, with the unit
// as make install puts it there. It returns a function that runs systemctl.
func bootSystemd(t *testing.T, d *director) (systemctl func(want bool, words ...string) string) {
	t.Helper()
	const units, bell = "/run/systemd/system", "/run/systemd-test-is-up"
	mustMake(t, "install", "INIT=systemd")
	if err := os.MkdirAll(units+"/ipvsadm.service.d", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(bell, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		// Leave out the other services of a booting machine. They take a minute and empty /tmp.
		"ipvsadm.service.d/test.conf": "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\n" +
			"StandardOutput=append:/run/ipvsadm.log\nStandardError=inherit\nExecStartPre=/sbin/modprobe dummy\n",
		"test.target": "[Unit]\nDefaultDependencies=no\nWants=bell.service\n",
		"bell.service": "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n" +
			"ExecStart=/bin/sh -c 'echo up >" + bell + "'\n",
	} {
		writeFile(t, filepath.Join(units, path), text)
	}
	const boot = `mount -t proc proc /proc && mount -t cgroup2 none /sys/fs/cgroup &&
		exec env container=lab /usr/lib/systemd/systemd --system --unit=test.target --show-status=no`
	systemd := exec.Command("sh", "-c", boot)
	systemd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	if err := d.start(systemd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		systemd.Process.Kill()
		systemd.Wait()
		if t.Failed() {
			output, _ := os.ReadFile("/run/ipvsadm.log")
			t.Logf("the unit:\n%s", output)
		}
	})
	if line := readFile(t, bell); line != "up\n" {
		t.Fatalf("systemd wrote %q", line)
	}
	return func(want bool, words ...string) string {
		t.Helper()
		command := exec.Command("nsenter", append([]string{
			"-t", strconv.Itoa(systemd.Process.Pid), "-m", "-p", "systemctl", "--no-pager"}, words...)...)
		out, err := command.CombinedOutput()
		if (err == nil) != want {
			t.Errorf("systemctl %q: %v\n%s", words, err, out)
		}
		return string(out)
	}
}

// TestSystemd starts, reloads, restarts and stops the unit under systemd itself, with all of its restrictions.
func TestSystemd(t *testing.T) {
	emptyEtc(t)
	d := newDirector(t)
	nameServer(t, &d.namespace, []string{"web.example"}) // which is 10.0.0.1
	writeFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\n")
	const lock = "/run/ipvsadm.lock"
	os.Remove(lock)
	exec.Command("modprobe", "-r", "dummy").Run() // the unit of this test loads it
	if _, err := os.Stat("/sys/module/dummy"); err == nil {
		t.Fatal("the module dummy is loaded and stays")
	}
	systemctl := bootSystemd(t, d)
	state := func(want string) {
		t.Helper()
		if got := strings.TrimSpace(systemctl(want == "active", "is-active", "ipvsadm")); got != want {
			t.Errorf("the unit is %s, not %s", got, want)
		}
	}

	systemctl(true, "start", "ipvsadm")
	state("active")
	if _, err := os.Stat("/sys/module/dummy"); err != nil {
		t.Errorf("modprobe in the unit: %v", err)
	}
	writeFile(t, debianRules, oneService+"-A -t web.example:http -s wlc\n")
	systemctl(true, "reload", "ipvsadm")
	const first = "-A -t 10.0.0.1:80 -s wlc\n" + oneService
	d.wantSaved(t, first)
	if _, err := os.Stat(lock); err != nil {
		t.Error(err)
	}

	last := first
	for i, verb := range []string{"restart", "try-restart", "reload-or-restart", "reload"} {
		// A restart that clears the table first would leave it empty now.
		writeFile(t, debianRules, "nonsense\n")
		systemctl(false, verb, "ipvsadm")
		d.wantSaved(t, last)
		if verb == "restart" || verb == "try-restart" {
			state("failed")
			writeFile(t, debianRules, last)
			systemctl(true, "start", "ipvsadm")
		}
		state("active")

		last = twoServices[:len(twoServices)-len("-A -f 7 -s wlc\n")] + fmt.Sprintf("-A -f %d -s wlc\n", i+1)
		writeFile(t, debianRules, last)
		systemctl(true, verb, "ipvsadm")
		d.wantSaved(t, last)
		if got := readFile(t, debianRules); got != last {
			t.Errorf("%s: the file is %q", verb, got)
		}
	}

	writeFile(t, defaults, "SAVE_ON_STOP=yes\n")
	d.mustRun(t, "ipvsadm", "-A", "-f", "9")
	systemctl(true, "stop", "ipvsadm")
	state("inactive")
	d.wantSaved(t, "")
	saved := last + "-A -f 9 -s wlc\n"
	if got := readFile(t, debianRules); got != defaultTimeouts+saved {
		t.Errorf("saved at stop: %q", got)
	}
	systemctl(true, "start", "ipvsadm")
	d.wantSaved(t, saved)
	writeFile(t, debianRules, oneService)
	systemctl(true, "stop", "ipvsadm")
	got, aside := readFile(t, debianRules), readFile(t, debianRules+stoppedSuffix)
	if got != oneService || aside != defaultTimeouts+saved {
		t.Errorf("after a stop the edited file is %q, and beside it is %q", got, aside)
	}
	d.wantSaved(t, "")
	restartUnderTraffic(t, d, systemctl)
}

// restartUnderTraffic restarts and reloads the unit while HTTP requests go through the director. No request is lost, a
// connection that is open before is open after, and the service's counters count every connection.
func restartUnderTraffic(t *testing.T, d *director, systemctl func(want bool, words ...string) string) {
	t.Helper()
	client, server := d.link(t, 1), d.link(t, 2)
	server.serve(t)
	const service = "192.0.2.100:80"
	d.forward(t, "192.0.2.100")
	os.Remove(defaults)
	writeFile(t, debianRules, fmt.Sprintf("-A -t %s -s rr\n-a -t %s -r %s:80 -m\n", service, service, server.address))
	systemctl(true, "start", "ipvsadm")

	var held net.Conn
	err := client.do(func() (err error) {
		held, err = net.DialTimeout("tcp4", service, 3*time.Second)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	fmt.Fprint(held, "GET / HTTP/1.0\r\n")
	connections := func() int { return int(d.table(t)[0].Totals.Connections) }
	requests := client.startRequests(1, "http://"+service+"/")
	for _, verb := range []string{"restart", "reload"} {
		before := connections()
		eventually(t, time.Minute, "requests before "+verb, func() bool { return connections() > before })
		systemctl(true, verb, "ipvsadm")
	}
	before := connections()
	eventually(t, time.Minute, "requests after the last", func() bool { return connections() > before })
	counts := requests.stop()
	t.Logf("%d requests answered, %d lost (%v)", counts.answered(), counts.missing(), counts.lost)
	if counts.missing() != 0 {
		t.Errorf("%d requests were lost: %v", counts.missing(), counts.lost)
	}
	// The kernel adds counters up every two seconds.
	want := counts.answered() + 1
	eventually(t, 10*time.Second, fmt.Sprintf("a count of %d connections", want), func() bool { return connections() == want })
	line := held.LocalAddr().String() + " " + service
	if listing := d.mustRun(t, "ipvsadm", "-Lnc"); !strings.Contains(strings.Join(strings.Fields(listing), " "), line) {
		t.Errorf("the open connection (%s) is missing:\n%s", line, listing)
	}
	if page, err := finish(held); err != nil || page != server.address {
		t.Errorf("the open connection: %q, %v", page, err)
	}
}
