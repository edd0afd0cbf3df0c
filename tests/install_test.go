package tests

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runMake runs make without building the program. It returns the output and reports whether make succeeded.
func runMake(t *testing.T, words ...string) (output string, ok bool) {
	t.Helper()
	builtProgram(t)
	make := exec.Command("make", slices.Concat([]string{"-C", "..", "--old-file=ipvsadm"}, words)...)
	make.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=", "DESTDIR=", "FORCE=")
	b, err := make.CombinedOutput()
	return string(b), err == nil
}

func mustMake(t *testing.T, words ...string) string {
	t.Helper()
	output, ok := runMake(t, words...)
	if !ok {
		t.Fatalf("make %q failed:\n%s", words, output)
	}
	return output
}

// install runs make install into a new folder, as a distribution does, and returns that folder.
func install(t *testing.T, options ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	mustMake(t, append([]string{"install", "DESTDIR=" + root}, options...)...)
	return root
}

// files lists the files under a folder.
func files(t *testing.T, root string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(root, path)
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// commonFiles lists the files that every installation has. The folder of fish depends on the prefix.
func commonFiles(prefix, fish string) []string {
	list := []string{fish + "/ipvsadm-restore.fish", fish + "/ipvsadm-save.fish", fish + "/ipvsadm.fish"}
	for _, name := range []string{
		"sbin/ipvsadm", "sbin/ipvsadm-restore", "sbin/ipvsadm-save",
		"share/bash-completion/completions/ipvsadm", "share/bash-completion/completions/ipvsadm-restore",
		"share/bash-completion/completions/ipvsadm-save", "share/ipvsadm/installed", "share/zsh/site-functions/_ipvsadm",
	} {
		list = append(list, prefix+"/"+name)
	}
	list = append(list, namesIn("../man/*.8", prefix+"/share/man/man8")...)
	return append(list, namesIn("../man/*.schema.json", prefix+"/share/ipvsadm")...)
}

// namesIn lists where the files of a pattern are in another folder.
func namesIn(pattern, folder string) (list []string) {
	names, _ := filepath.Glob(pattern) // it fails only for a bad pattern
	for _, name := range names {
		list = append(list, filepath.Join(folder, filepath.Base(name)))
	}
	return list
}

// systemdFiles lists the files that INIT=systemd adds.
func systemdFiles(prefix string) []string {
	list := []string{prefix + "/lib/ipvsadm/init", prefix + "/lib/tmpfiles.d/ipvsadm.conf"}
	list = append(list, namesIn("../init/*.service", prefix+"/lib/systemd/system")...)
	return append(list, namesIn("../init/*.timer", prefix+"/lib/systemd/system")...)
}

func TestInstallFiles(t *testing.T) {
	for _, test := range []struct {
		prefix, init, fish string
		more               []string
	}{
		{"/usr", "", "usr/share/fish/vendor_completions.d", nil},
		{"/opt/ipvsadm", "", "opt/ipvsadm/share/fish/vendor_completions.d", nil},
		{"/usr/local", "systemd", "etc/fish/completions", systemdFiles("usr/local")},
		{"/usr", "systemd sysv", "usr/share/fish/vendor_completions.d", append(systemdFiles("usr"), "etc/init.d/ipvsadm")},
	} {
		want := append(commonFiles(test.prefix[1:], test.fish), test.more...)
		slices.Sort(want)
		root := install(t, "PREFIX="+test.prefix, "INIT="+test.init)
		if diff := cmp.Diff(want, files(t, root)); diff != "" {
			t.Errorf("PREFIX=%s INIT=%q (-want +got):\n%s", test.prefix, test.init, diff)
		}
	}
}

// TestUninstall removes the installed files, with any INIT=, and nothing else.
func TestUninstall(t *testing.T) {
	root := install(t, "PREFIX=/usr", "INIT=systemd sysv")
	mustMake(t, "install", "DESTDIR="+root, "PREFIX=/usr")
	changed, foreign := "usr/share/man/man8/ipvsadm.8", "usr/share/ipvsadm/own"
	link := "usr/sbin/ipvsadm-save"
	writeFile(t, filepath.Join(root, changed), "another manual\n")
	writeFile(t, filepath.Join(root, foreign), "of somebody else\n")
	if err := os.Remove(filepath.Join(root, link)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(root, link)); err != nil {
		t.Fatal(err)
	}
	result := mustMake(t, "uninstall", "DESTDIR="+root, "PREFIX=/usr")
	want := []string{link, foreign, changed}
	if diff := cmp.Diff(want, files(t, root)); diff != "" {
		t.Errorf("left by uninstall (-want +got):\n%s", diff)
	}
	for _, kept := range []string{changed, link} {
		if !strings.Contains(result, kept) {
			t.Errorf("uninstall does not say that it keeps %s:\n%s", kept, result)
		}
	}
	output, ok := runMake(t, "uninstall", "DESTDIR="+root, "PREFIX=/usr")
	if ok || !strings.Contains(output, "share/ipvsadm/installed") {
		t.Errorf("a second uninstall succeeds, or does not say what is missing:\n%s", output)
	}
	if _, err := os.Stat(filepath.Join(install(t), "usr/local/share/ipvsadm")); err != nil {
		t.Error(err)
	}
	clean := install(t)
	mustMake(t, "uninstall", "DESTDIR="+clean)
	if _, err := os.Stat(filepath.Join(clean, "usr/local/share/ipvsadm")); !os.IsNotExist(err) {
		t.Errorf("uninstall leaves its own folder: %v", err)
	}
}

// stage makes a folder as make install makes it for init/installer, with few files, because each costs time in the lab.
func stage(t *testing.T, paths ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, path := range paths {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, "ours\n")
	}
	return folder
}

// installer runs init/installer with settings such as FORCE=1. It returns the output and reports whether it succeeded.
func installer(t *testing.T, settings string, words ...string) (output string, ok bool) {
	t.Helper()
	command := exec.Command("../init/installer", words...)
	command.Env = append(os.Environ(), append([]string{"DESTDIR=", "FORCE="}, strings.Fields(settings)...)...)
	b, err := command.CombinedOutput()
	return string(b), err == nil
}

func mustInstaller(t *testing.T, settings string, words ...string) {
	t.Helper()
	if output, ok := installer(t, settings, words...); !ok {
		t.Fatalf("installer %q: %s", words, output)
	}
}

// mustRefuse runs the installer, which must fail because of an owner and change none of the files.
func mustRefuse(t *testing.T, owned, owner string, unchanged []string, settings string, words ...string) {
	t.Helper()
	before := map[string]string{}
	for _, path := range unchanged {
		text, _ := os.ReadFile(path)
		before[path] = string(text)
	}
	output, ok := installer(t, settings, words...)
	if ok || !strings.Contains(output, owned+" belongs to "+owner) || !strings.Contains(output, "FORCE=1") {
		t.Errorf("installer %q: success %v, want a message about %s of %s and about FORCE=1:\n%s", words, ok, owned, owner, output)
	}
	for path, was := range before {
		if text, _ := os.ReadFile(path); string(text) != was {
			t.Errorf("installer %q: %s has changed", words, path)
		}
	}
}

func mustOutput(t *testing.T, program string, words ...string) string {
	t.Helper()
	b, err := exec.Command(program, words...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, words, err, b)
	}
	return string(b)
}

// TestInstallOverPackage installs over the files of Debian's ipvsadm package.
func TestInstallOverPackage(t *testing.T) {
	needLab(t)
	const script, theirs, ours = "/etc/init.d/ipvsadm", "/usr/sbin/ipvsadm", "/usr/local/sbin/ipvsadm"
	const list, usrList, linkList = "/usr/local/share/ipvsadm/installed", "/usr/share/ipvsadm/installed", "/opt/link/share/installed"
	all := []string{script, theirs, ours, list, usrList}
	restoreFiles(t, script, theirs) // for the tests that follow in this guest
	output, ok := runMake(t, "install", "INIT=sysv")
	if want := script + " belongs to ipvsadm (dpkg)"; ok || !strings.Contains(output, want) {
		t.Fatalf("make install INIT=sysv: success %v, want %q:\n%s", ok, want, output)
	}
	onePackage(t, "ipvsadm")
	withScript, local, usr := stage(t, ours, script), stage(t, ours), stage(t, theirs)
	mustRefuse(t, script, "ipvsadm (dpkg)", all, "", "install", withScript, list)
	// dpkg knows the program as /sbin/ipvsadm.
	mustRefuse(t, theirs, "ipvsadm (dpkg)", all, "", "install", usr, usrList)
	if err := os.Symlink("../usr", "/opt/link"); err != nil {
		t.Fatal(err)
	}
	const linked = "/opt/link/sbin/ipvsadm"
	mustRefuse(t, linked, "ipvsadm (dpkg)", all, "", "install", stage(t, linked), linkList)
	mustRefuse(t, theirs, "ipvsadm (dpkg)", all, "DESTDIR=/", "install", usr, usrList)

	// A diversion may have moved the package's file to the path of ours.
	divert(t, "--no-rename", "--divert", ours, "--add", "/sbin/ipvsadm")
	mustRefuse(t, ours, "a package, by a diversion (dpkg)", all, "", "install", local, list)
	divert(t, "--no-rename", "--remove", "/sbin/ipvsadm")

	// Without the script no file of the package is in the way.
	mustInstaller(t, "", "install", local, list)
	mustInstaller(t, "", "uninstall", list)
	if _, err := os.Stat(ours); !os.IsNotExist(err) {
		t.Errorf("%s after uninstall: %v", ours, err)
	}

	// FORCE=1 installs over the package, and without it uninstall leaves the package's paths alone.
	mustInstaller(t, "FORCE=1", "install", withScript, list)
	if text := readFile(t, script); text != "ours\n" {
		t.Errorf("%s after install FORCE=1: %q", script, text)
	}
	mustRefuse(t, script, "ipvsadm (dpkg)", all, "", "uninstall", list)
	mustInstaller(t, "FORCE=1", "uninstall", list)
	if _, err := os.Stat(script); !os.IsNotExist(err) {
		t.Errorf("%s after uninstall FORCE=1: %v", script, err)
	}

	// An administrator may divert the package's file to make room for ours.
	divert(t, "--rename", "--add", "/sbin/ipvsadm")
	mustInstaller(t, "", "install", usr, usrList)
	if text := readFile(t, theirs); text != "ours\n" {
		t.Errorf("%s after the diversion: %q", theirs, text)
	}
	mustInstaller(t, "", "uninstall", usrList)
	if _, err := os.Stat(theirs + ".distrib"); err != nil {
		t.Error(err)
	}
}

// restoreFiles gives files back their contents and permissions when the test ends.
func restoreFiles(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		contents := readFile(t, path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(os.WriteFile(path, []byte(contents), info.Mode()), os.Chmod(path, info.Mode())); err != nil {
				t.Error(err)
			}
		})
	}
}

// onePackage gives dpkg's tools a database of one package. In the lab they take seconds to search the whole one.
func onePackage(t *testing.T, name string) {
	t.Helper()
	database := t.TempDir()
	mustOutput(t, "sh", "-c", `mkdir "$0/info" "$0/updates" && cp /var/lib/dpkg/info/"$1".* "$0/info" && : >"$0/diversions" &&
		dpkg-query -s "$1" >"$0/status"`, database, name)
	t.Setenv("DPKG_ADMINDIR", database)
}

func divert(t *testing.T, words ...string) {
	t.Helper()
	mustOutput(t, "dpkg-divert", append([]string{"--local"}, words...)...)
}

// TestInstallOverRPM installs over a file of an RPM package.
func TestInstallOverRPM(t *testing.T) {
	needLab(t)
	if _, err := exec.LookPath("rpmbuild"); err != nil {
		skipOutsideLab(t, "rpmbuild is not here: run tests/lab/install")
	}
	top := t.TempDir()
	spec := filepath.Join(top, "other.spec")
	writeFile(t, spec, `Name: other
Version: 1
Release: 1
Summary: a package with a file of our name
License: MIT
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/local/sbin
echo theirs >%{buildroot}/usr/local/sbin/ipvsadm
%files
/usr/local/sbin/ipvsadm
`)
	mustOutput(t, "rpmbuild", "-bb", "--define", "_topdir "+top, "--define", "_rpmdir "+top, spec)
	mustOutput(t, "rpm", "-i", "--nodeps", filepath.Join(top, "noarch/other-1-1.noarch.rpm"))
	defer mustOutput(t, "rpm", "-e", "other")
	onePackage(t, "ipvsadm")
	const ours, schema, list = "/usr/local/sbin/ipvsadm", "/usr/local/share/ipvsadm/schema", "/usr/local/share/ipvsadm/installed"
	staged, all := stage(t, ours, schema), []string{ours, schema, list}
	mustRefuse(t, ours, "other-1-1.noarch (rpm)", all, "", "install", staged, list)
	mustInstaller(t, "FORCE=1", "install", staged, list)
	mustRefuse(t, ours, "other-1-1.noarch (rpm)", all, "", "uninstall", list)
	mustInstaller(t, "FORCE=1", "uninstall", list)
	mustInstaller(t, "", "install", stage(t, schema), list)
	mustInstaller(t, "", "uninstall", list)
}

// TestVersion builds from a tarball: it has no history of its own, and lies in another project's repository.
func TestVersion(t *testing.T) {
	if inLab() {
		t.Log("the lab lacks the memory for a build: this runs only on the machine itself")
		return
	}
	parent := t.TempDir()
	mustOutput(t, "git", "init", "-q", parent)
	author := []string{"-c", "user.name=n", "-c", "user.email=e"}
	commit := slices.Concat([]string{"-C", parent}, author, []string{"commit", "-q", "--allow-empty", "-m", "another"})
	mustOutput(t, "git", commit...)
	top := filepath.Join(parent, "ipvsadm-1.2.3")
	if err := os.Mkdir(top, 0o755); err != nil {
		t.Fatal(err)
	}
	mustOutput(t, "sh", "-c", "tar -C .. --exclude=./.git --exclude=./build --exclude=./ipvsadm -cf - . | tar -xf - -C "+top)
	version := func(words ...string) string {
		t.Helper()
		make := exec.Command("make", append([]string{"-C", top, "ipvsadm"}, words...)...)
		make.Env = append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=")
		if out, err := make.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", make, err, out)
		}
		return strings.Fields(mustOutput(t, filepath.Join(top, "ipvsadm"), "-v"))[1]
	}
	for _, test := range []struct{ want, option string }{
		{"unknown", "VERSION="}, {"1.2.3", "VERSION=1.2.3"}, {"1.2", "VERSION=1.2"}, {"1.2", "VERSION="},
	} {
		if got := version(test.option); got != test.want {
			t.Errorf("make %s: version %s", test.option, got)
		}
	}
}
