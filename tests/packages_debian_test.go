//go:build packages

package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// distribution is a Debian in a root of its own, booted with systemd in the network of a director.
type distribution struct {
	*director
	t       *testing.T
	root    string // where this test sees its files, except those of /run and /tmp
	systemd int
}

// bootDistribution boots a copy of build/roots/SUITE. The two versions of the package are in its /packages.
func bootDistribution(t *testing.T, suite string) *distribution {
	t.Helper()
	needLab(t)
	lower, err := filepath.Abs("../build/roots/" + suite)
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir() // a tmpfs, because an overlay cannot be the upper layer of another
	if err := syscall.Mount("tmpfs", top, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(top, syscall.MNT_DETACH) })
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(top, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(top, "root")
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, top, top)
	if err := syscall.Mount("overlay", root, "overlay", 0, options); err != nil {
		t.Fatalf("%s: %v: run tests/packages/run", lower, err)
	}
	t.Cleanup(func() { syscall.Unmount(root, syscall.MNT_DETACH) })
	dist := &distribution{director: newDirector(t), t: t, root: root}
	mustOutput(t, "sh", "-c", `mkdir -p "$0/packages" && cp ../build/packages-*/*_amd64.deb "$0/packages"`, root)

	bell := filepath.Join(root, "bell")
	if err := syscall.Mkfifo(bell, 0o600); err != nil {
		t.Fatal(err)
	}
	// Only the unit under test runs. The other services of a booting machine take a minute.
	const boot = `set -e; cd "$0"
		mount -t proc proc proc; mount -t sysfs sysfs sys; mount -t cgroup2 none sys/fs/cgroup
		mount --rbind /dev dev; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
		mkdir -p lib/modules; mount --rbind /lib/modules lib/modules
		units=run/systemd/system; mkdir -p $units/ipvsadm.service.d
		printf '[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n' >$units/ipvsadm.service.d/test.conf
		printf '[Unit]\nDefaultDependencies=no\nWants=bell.service\n' >$units/test.target
		printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo up >/bell"\n' >$units/bell.service
		mkdir -p lab.old; pivot_root . lab.old; umount -l lab.old
		exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=test.target --show-status=no`
	systemd := exec.Command("sh", "-c", boot, root)
	systemd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	systemd.Stdout, systemd.Stderr = os.Stderr, os.Stderr
	if err := dist.start(systemd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		systemd.Process.Kill()
		systemd.Wait()
	})
	dist.systemd = systemd.Process.Pid
	if line := readFile(t, bell); line != "up\n" {
		t.Fatalf("systemd wrote %q", line)
	}
	return dist
}

// try runs a line of the shell in the distribution, with nothing to read.
func (d *distribution) try(line string) outcome {
	return d.exec("", "nsenter", "--target", strconv.Itoa(d.systemd), "--mount", "--pid", "--root", "--wd",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "sh", "-c", line)
}

// sh runs a line that must succeed, and returns its output.
func (d *distribution) sh(line string) string {
	d.t.Helper()
	result := d.try(line)
	d.t.Logf("# %s\n%s%s", line, result.stdout, result.stderr)
	if result.status != 0 {
		d.t.Fatalf("%s: %v", line, result)
	}
	return result.stdout + result.stderr
}

// path returns where this test sees a file of the distribution.
func (d *distribution) path(name string) string { return filepath.Join(d.root, name) }

// wantFile compares a file with what it should hold.
func (d *distribution) wantFile(name, want string) {
	d.t.Helper()
	got, err := os.ReadFile(d.path(name))
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		d.t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
	}
}

// state returns dpkg's state of a package, such as "ii ", or "" for a package that it does not know.
func (d *distribution) state(name string) string {
	return strings.TrimSpace(d.try("dpkg-query -W -f '${db:Status-Abbrev}' " + name).stdout)
}

func (d *distribution) wantStates(what string, want map[string]string) {
	d.t.Helper()
	for name, state := range want {
		if got := d.state(name); got != state {
			d.t.Errorf("after %s: the state of %s is %q, not %q", what, name, got, state)
		}
	}
}

// wantVersion checks that the commands of the distribution's scripts run the packaged program.
func (d *distribution) wantVersion(version string) {
	d.t.Helper()
	for _, command := range []string{"ipvsadm", "/sbin/ipvsadm", "/usr/sbin/ipvsadm"} {
		if got := d.sh(command + " -v"); !strings.Contains(got, "ipvsadm "+version+" ") && !strings.Contains(got, "v"+version+" ") {
			d.t.Errorf("%s -v printed %s, not version %s", command, got, version)
		}
	}
	d.sh("test -x /sbin/ipvsadm-save && test -x /sbin/ipvsadm-restore")
	if altered := d.try("dpkg --verify ipvsadm-go").stdout; strings.Contains(altered, "missing") || strings.Contains(altered, "/usr/") {
		d.t.Errorf("dpkg --verify: %s", altered)
	}
}

const (
	oldPackage = "/packages/ipvsadm-go_1.0-1_amd64.deb"
	newPackage = "/packages/ipvsadm-go_1.1-1_amd64.deb"
	packaged   = "ipvsadm-go"
	theRules   = "/etc/ipvsadm.rules"
	theirUnit  = "/etc/systemd/system/multi-user.target.wants/ipvsadm.service"
)

// TestPackagesUnderTraffic replaces Debian's package by ours with the settings of somebody who lets it restore the table
// and synchronize connections, and then upgrades, downgrades, removes and purges, while requests go through the director.
// The table is not what the rules file says, so any restore or clearing would change it.
func TestPackagesUnderTraffic(t *testing.T) {
	needLab(t)
	for _, suite := range []string{"bookworm", "sid"} {
		t.Run(suite, func(t *testing.T) { packageUnderTraffic(t, suite) })
	}
}

func packageUnderTraffic(t *testing.T, suite string) {
	// apt runs config only with a terminal, or where nobody is to be asked.
	apt, terminal := "DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 --yes -qq ", "sh -c "
	if suite == "sid" {
		apt, terminal = "apt-get -o Dpkg::Use-Pty=0 --yes -qq ", "TERM=dumb script --quiet --return /dev/null --command "
	}
	d := bootDistribution(t, suite)
	client, server := d.link(t, 1), d.link(t, 2)
	server.serve(t)
	const service = "192.0.2.100:80"
	d.forward(t, "192.0.2.100")
	rules := fmt.Sprintf("-A -t %s -s rr\n-a -t %s -r %s:80 -m -w 1\n", service, service, server.address)
	const settings = "AUTO=\"true\"\nDAEMON=\"master\"\nIFACE=\"host2\"\nSYNCID=\"7\"\n"
	writeFile(t, d.path(theRules), rules)
	writeFile(t, d.path(defaults), settings)
	d.sh("systemctl daemon-reload && systemctl start ipvsadm")
	d.wantSaved(t, rules)

	d.mustRun(t, "ipvsadm", "-A", "-f", "9", "-s", "wlc")
	table := rules + "-A -f 9 -s wlc\n"
	daemons := d.mustRun(t, "ipvsadm", "-L", "--daemon")
	if !strings.Contains(daemons, "master") || !strings.Contains(daemons, "host2") {
		t.Fatalf("the daemon of the settings does not run: %q", daemons)
	}
	requests := client.startRequests(1, "http://"+service+"/")
	unchanged := func(what string) {
		t.Helper()
		requests.wait(t)
		d.wantSaved(t, table)
		if got := d.mustRun(t, "ipvsadm", "-L", "--daemon"); got != daemons || t.Failed() {
			t.Fatalf("after %s the daemons are %q, not %q", what, got, daemons)
		}
	}
	both := map[string]string{"ldirectord": "ii", "keepalived": "ii"}

	d.sh(terminal + "'" + apt + "install " + oldPackage + "'")
	unchanged("installing over Debian's package")
	d.wantVersion("1.0")
	d.wantStates("install", map[string]string{packaged: "ii", "ipvsadm": "rc"})
	d.wantStates("install", both)
	d.wantFile(defaults, settings)
	d.wantFile(theRules, rules)
	d.wantFile("/var/backups/ipvsadm.rules", rules)
	if got := strings.TrimSpace(d.try("systemctl is-enabled ipvsadm").stdout); got != "enabled" {
		t.Errorf("after install the unit is %q", got)
	}
	d.sh("test -d /run/ipvsadm && test ! -e /run/systemd/system/ipvsadm.service.d/keep-table.conf")
	d.sh("systemd-analyze verify --man=no /usr/lib/systemd/system/ipvsadm*.service 2>&1 | (! grep ipvsadm)")

	for _, step := range []struct{ what, line, version string }{
		{"upgrade", apt + "install " + newPackage, "1.1"},
		{"downgrade", apt + "--allow-downgrades install " + oldPackage, "1.0"},
		{"upgrade with dpkg", "dpkg --install " + newPackage, "1.1"},
		{"reinstall", "dpkg --install " + newPackage, "1.1"},
	} {
		d.sh(step.line)
		unchanged(step.what)
		d.wantVersion(step.version)
		d.wantFile(defaults, settings)
	}

	said := d.sh("dpkg --purge ipvsadm")
	unchanged("purging Debian's package")
	d.wantStates("purge of Debian's package", both)
	d.wantFile(defaults, settings)
	d.wantFile(theRules, rules)
	if !strings.Contains(said, theRules) {
		t.Errorf("the purge of Debian's package says nothing of %s:\n%s", theRules, said)
	}
	if _, err := os.Lstat(d.path(theirUnit)); err != nil {
		t.Errorf("after the purge of Debian's package the unit is not enabled: %v", err)
	}

	// The service honours the settings, and a restart leaves the table in place.
	d.sh("systemctl daemon-reload && ipvsadm-save -n -f " + theRules + " && systemctl start ipvsadm && systemctl restart ipvsadm")
	unchanged("starting the service")
	d.mustRun(t, "ipvsadm", "--stop-daemon", "master")
	d.sh("systemctl restart ipvsadm")
	unchanged("a restart without the daemon")

	d.sh("dpkg --remove --force-depends ipvsadm-go")
	unchanged("removing our package")
	d.wantFile(defaults, settings)
	d.sh("dpkg --install " + newPackage)
	unchanged("installing it again")
	d.wantFile(defaults, settings)
	d.sh("dpkg --purge --force-depends ipvsadm-go")
	unchanged("purging our package")
	saved := readFile(t, d.path(theRules))
	if !strings.Contains(saved, rules) {
		t.Errorf("after the purge of our package %s holds %q", theRules, saved)
	}
	left := d.try("find /usr /etc /var/lib/systemd /var/backups -name '*ipvsadm*' ! -path '*/ldirectord*' ! -path '*/keepalived*' | sort")
	if left.stdout != theRules+"\n" {
		t.Errorf("the purge leaves:\n%s", left.stdout)
	}
	counts := requests.stop()
	t.Logf("%d requests answered, %d lost (%v)", counts.answered(), counts.missing(), counts.lost)
	if counts.missing() != 0 || counts.answered() == 0 {
		t.Errorf("%d requests were lost: %v", counts.missing(), counts.lost)
	}
}

// TestPackagesUntouchedDebian installs with dpkg over a package whose files nobody edited. dpkg has nothing to ask, and
// does not delete the program as /sbin/ipvsadm.
func TestPackagesUntouchedDebian(t *testing.T) {
	needLab(t)
	for _, suite := range []string{"bookworm", "sid"} {
		t.Run(suite, func(t *testing.T) {
			d := bootDistribution(t, suite)
			d.restore(t, twoServices)
			for _, step := range []struct{ line, version string }{
				{"dpkg --install " + oldPackage, "1.0"},
				{"dpkg --install " + newPackage, "1.1"},
				{"dpkg --purge ipvsadm", "1.1"},
				{"dpkg --install " + oldPackage, "1.0"},
			} {
				said := d.sh(step.line)
				if strings.Contains(said, "Configuration file '") || strings.Contains(said, "What would you like") {
					t.Errorf("%s asks:\n%s", step.line, said)
				}
				d.wantVersion(step.version)
				d.wantSaved(t, twoServices)
				d.wantFile(defaults, readFile(t, "../init/ipvsadm.default"))
			}
			if got := d.sh("dpkg-divert --list '*ipvsadm*'"); got != "" {
				t.Errorf("diversions stay: %s", got)
			}
			d.wantFile(theRules, readFile(t, "../build/roots/"+suite+theRules))

			// AUTO is false, so the unit leaves the table alone too.
			d.sh("systemctl start ipvsadm && systemctl restart ipvsadm && systemctl stop ipvsadm")
			d.wantSaved(t, twoServices)
		})
	}
}
