package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInitUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		skipOutsideLab(t, "systemd-analyze is not here: run tests/lab/install")
	}
	// systemd-analyze wants the unit's programs to exist, so the prefix is a real folder.
	prefix := filepath.Join(t.TempDir(), "usr")
	root := install(t, "INIT=systemd", "PREFIX="+prefix)
	if err := os.Rename(filepath.Join(root, prefix), prefix); err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(prefix, "lib/systemd/system/ipvsadm.service")
	out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "ipvsadm.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// The threshold is in tenths.
	out, err = exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold=29", unit).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}

	metrics := filepath.Join(prefix, "lib/systemd/system/ipvsadm-metrics")
	out, err = exec.Command(analyze, "verify", "--man=no", metrics+".timer", metrics+".service").CombinedOutput()
	if err != nil || strings.Contains(string(out), "ipvsadm-metrics") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}

	var got []string
	for line := range strings.Lines(readFile(t, unit)) {
		for _, setting := range []string{"Exec", "Before", "After", "CapabilityBoundingSet"} {
			if strings.HasPrefix(line, setting) {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	script := prefix + "/lib/ipvsadm/init"
	want := []string{
		"After=network-pre.target network.target network-online.target nss-lookup.target",
		"Before=keepalived.service ldirectord.service",
		"ExecStart=" + script + " start",
		"ExecReload=" + script + " reload",
		"ExecStop=" + script + " stop %n",
		"CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_MODULE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the unit (-want +got):\n%s", diff)
	}
	if text := readFile(t, script); !strings.Contains(text, "\nPATH="+prefix+"/sbin:/usr/sbin:") {
		t.Errorf("the script of the unit does not look in %s/sbin first:\n%s", prefix, text)
	}
}

// defaultTimeouts is the line of save --all for timeouts that nobody has set.
const defaultTimeouts = "--set 900 120 300\n"

const (
	redHatRules   = "/etc/sysconfig/ipvsadm"
	debianRules   = "/etc/ipvsadm.rules"
	defaults      = "/etc/default/ipvsadm"
	loadedRecord  = "/run/ipvsadm.loaded"
	stoppedSuffix = ".stopped"
)

// emptyEtc removes every file of the lab that the script reads.
func emptyEtc(t *testing.T) {
	t.Helper()
	needLab(t)
	for _, path := range []string{
		redHatRules, debianRules, debianRules + stoppedSuffix, defaults, loadedRecord, filepath.Dir(redHatRules),
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// script is the init script in the namespace of a director.
type script struct {
	*director
	path string
}

func newScript(t *testing.T) *script {
	t.Helper()
	emptyEtc(t)
	d := newDirector(t)
	// PREFIX/sbin is first in the script's PATH.
	prefix := t.TempDir()
	if err := os.Symlink(filepath.Dir(d.ours), filepath.Join(prefix, "sbin")); err != nil {
		t.Fatal(err)
	}
	text := readFile(t, "../init/ipvsadm.init")
	text = strings.Replace(text, "\nPATH=", "\nPATH="+prefix+"/sbin:", 1)
	s := &script{d, filepath.Join(prefix, "init")}
	writeFile(t, s.path, text)
	if err := os.Chmod(s.path, 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

// verb runs the script, which must exit with the status and print the output.
func (s *script) verb(t *testing.T, want int, output string, words ...string) {
	t.Helper()
	result := s.exec("", s.path, words...)
	if result.status != want || !strings.Contains(result.stdout+result.stderr, output) {
		t.Errorf("%v: want status %d and %q: %v", words, want, output, result)
	}
	if (want == 0) != (result.stderr == "") && words != nil && words[0] != "status" {
		t.Errorf("%v: stderr: %s", words, result.stderr)
	}
}

func TestInitScript(t *testing.T) {
	s := newScript(t)
	s.verb(t, 2, "usage:")
	s.verb(t, 2, "usage:", "nonsense")
	s.verb(t, 2, "usage:", "start", "stop")

	// Without a file, a start succeeds. Verbs that ask for the file fail.
	s.restore(t, oneService)
	for _, verb := range []string{"start", "restart"} {
		s.verb(t, 0, debianRules+" does not exist", verb)
	}
	for _, verb := range []string{"reload", "force-reload", "load"} {
		s.verb(t, 6, debianRules+" is missing", verb)
	}
	s.wantSaved(t, oneService)
	for _, verb := range []string{"start", "restart", "reload", "force-reload", "load"} {
		s.restore(t, oneService)
		writeFile(t, debianRules, twoServices)
		s.verb(t, 0, debianRules, verb)
		s.wantSaved(t, twoServices)
	}
	s.verb(t, 0, "192.0.2.11:80", "status")
	writeFile(t, debianRules, twoServices+"-A nonsense\n")
	s.verb(t, 1, debianRules+":4: ", "restart")
	s.wantSaved(t, twoServices)
	s.verb(t, 0, "empty", "stop")
	s.wantSaved(t, "")
	s.verb(t, 3, "IP Virtual Server", "status")

	s.mustRun(t, "ipvsadm", "-A", "-f", "1")
	s.verb(t, 0, debianRules, "save")
	if got := readFile(t, debianRules); got != defaultTimeouts+oneService {
		t.Errorf("saved: %q", got)
	}
	s.verb(t, 0, "empty", "panic")
	s.wantSaved(t, "")
}

// TestInitScriptRulesFile checks where the script looks for the rules.
func TestInitScriptRulesFile(t *testing.T) {
	s := newScript(t)
	writeFile(t, debianRules, oneService)
	// Red Hat's file wins over Debian's, which wins over Red Hat's folder without a file.
	if err := os.Mkdir(filepath.Dir(redHatRules), 0o755); err != nil {
		t.Fatal(err)
	}
	s.verb(t, 0, debianRules, "start")
	writeFile(t, redHatRules, twoServices)
	s.verb(t, 0, redHatRules, "start")
	s.wantSaved(t, twoServices)
	os.Remove(redHatRules)
	os.Remove(debianRules)
	s.verb(t, 0, redHatRules, "save")
	if got := readFile(t, redHatRules); got != defaultTimeouts+twoServices {
		t.Errorf("saved: %q", got)
	}

	// The administrator's choice wins over both.
	elsewhere := filepath.Join(t.TempDir(), "rules")
	writeFile(t, defaults, "IPVSADM_RULES="+elsewhere+"\n")
	s.verb(t, 6, elsewhere+" is missing", "reload")
	s.verb(t, 0, elsewhere, "save")
	s.verb(t, 0, elsewhere, "start")
	writeFile(t, defaults, "IPVSADM_RULES=/none/rules\n")
	s.verb(t, 1, "could not save the table", "save")
}

// TestInitScriptSaveOnStop checks that a stop loses neither an edited file nor a table that it should save.
func TestInitScriptSaveOnStop(t *testing.T) {
	s := newScript(t)
	wantFile := func(path, want string) {
		t.Helper()
		if got := readFile(t, path); got != want {
			t.Errorf("%s: %q, not %q", path, got, want)
		}
	}
	writeFile(t, debianRules, twoServices)
	s.verb(t, 0, "", "start")
	s.mustRun(t, "ipvsadm", "-A", "-f", "1")
	for _, off := range []string{"", "SAVE_ON_STOP=\n", "SAVE_ON_STOP=no\n"} {
		writeFile(t, defaults, off)
		s.verb(t, 0, "empty", "stop")
		wantFile(debianRules, twoServices)
		s.verb(t, 0, "", "start")
	}

	writeFile(t, defaults, "SAVE_ON_STOP=yes\n")
	s.mustRun(t, "ipvsadm", "-D", "-f", "7")
	const changed = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1\n"
	s.verb(t, 0, "empty", "stop")
	wantFile(debianRules, defaultTimeouts+changed)

	s.verb(t, 0, "", "start")
	s.wantSaved(t, changed)
	writeFile(t, debianRules, oneService)
	s.mustRun(t, "ipvsadm", "-A", "-f", "8")
	s.verb(t, 0, debianRules+stoppedSuffix, "stop")
	wantFile(debianRules, oneService)
	wantFile(debianRules+stoppedSuffix, defaultTimeouts+changed+"-A -f 8 -s wlc\n")
	s.wantSaved(t, "")

	// A file that was never loaded counts as edited, and so does one that failed to load.
	os.Remove(loadedRecord)
	s.restore(t, twoServices)
	s.verb(t, 0, debianRules+stoppedSuffix, "stop")
	wantFile(debianRules, oneService)
	s.verb(t, 0, "", "start")
	writeFile(t, debianRules, "nonsense\n")
	s.verb(t, 1, debianRules+":1: ", "restart")
	s.verb(t, 0, debianRules+stoppedSuffix, "stop")
	wantFile(debianRules, "nonsense\n")
	wantFile(debianRules+stoppedSuffix, defaultTimeouts+oneService)

	// The first boot had no file, so the stop writes it.
	os.Remove(debianRules)
	s.verb(t, 0, "does not exist", "start")
	s.restore(t, oneService)
	s.verb(t, 0, debianRules, "stop")
	wantFile(debianRules, defaultTimeouts+oneService)

	// A table that cannot be saved is not cleared.
	s.verb(t, 0, "", "start")
	writeFile(t, defaults, "SAVE_ON_STOP=yes IPVSADM_RULES=/none/rules\n")
	s.verb(t, 1, "could not save the table", "stop")
	s.wantSaved(t, oneService)
}

// TestInitScriptDefaults checks the variables of Debian's /etc/default/ipvsadm.
func TestInitScriptDefaults(t *testing.T) {
	s := newScript(t)
	writeFile(t, debianRules, twoServices)
	writeFile(t, defaults, "AUTO=\"false\"\nDAEMON=\"none\"\nIFACE=\"eth0\"\n# SYNCID=\"0\"\n")
	s.restore(t, oneService)
	for _, verb := range []string{"start", "restart", "reload", "force-reload", "stop"} {
		s.verb(t, 0, "", verb)
		s.wantSaved(t, oneService)
	}
	s.verb(t, 0, debianRules, "load")
	s.wantSaved(t, twoServices)
	for _, auto := range []string{"AUTO=true\n", "AUTO=yes\n", "DAEMON=none\n"} {
		writeFile(t, defaults, auto)
		s.verb(t, 0, debianRules, "start")
		s.wantSaved(t, twoServices)
		s.verb(t, 0, "empty", "stop")
		s.wantSaved(t, "")
	}
	writeFile(t, defaults, "DAEMON=slave\n")
	s.verb(t, 6, "DAEMON is 'slave'", "start")
}

// TestInitScriptDaemons starts the daemons that /etc/default/ipvsadm asks for, and stops those that run.
func TestInitScriptDaemons(t *testing.T) {
	s := newScript(t)
	if result := s.exec("", "ip", "link", "set", "lo", "up", "multicast", "on"); result.status != 0 {
		t.Fatal(result)
	}
	wantDaemons := func(want string) {
		t.Helper()
		var got string
		for line := range strings.Lines(s.mustRun(t, "ipvsadm", "-L", "--daemon")) {
			line, _, _ = strings.Cut(line, ", maxlen")
			got += line + "\n"
		}
		if got != want {
			t.Errorf("daemons: %q, not %q", got, want)
		}
	}
	const master, backup = "master sync daemon (mcast=lo, syncid=5\n", "backup sync daemon (mcast=lo, syncid=5\n"
	writeFile(t, debianRules, oneService)
	for _, test := range []struct{ auto, daemon, want, table string }{
		{"true", "master", master, ""},
		{"false", "backup", backup, oneService},
		{"true", "both", master + backup, ""},
	} {
		s.restore(t, oneService)
		writeFile(t, defaults, "AUTO="+test.auto+" DAEMON="+test.daemon+" IFACE=lo SYNCID=5\n")
		for _, verb := range []string{"start", "start", "restart", "reload"} {
			s.verb(t, 0, "", verb)
			wantDaemons(test.want)
		}
		for range 2 {
			s.verb(t, 0, "", "stop")
			wantDaemons("")
		}
		s.wantSaved(t, test.table)
	}
	for _, id := range []string{"5", "50"} {
		writeFile(t, defaults, "DAEMON=master IFACE=lo SYNCID="+id+"\n")
		s.verb(t, 0, "", "restart")
		wantDaemons("master sync daemon (mcast=lo, syncid=" + id + "\n")
	}
	// The daemon and the timeouts of the file survive a stop that saves. A daemon of DAEMON stays out of the file.
	const settings = "--set 100 20 30\n--start-daemon backup --mcast-interface lo --syncid 5 "
	writeFile(t, debianRules, settings+"\n"+oneService)
	writeFile(t, defaults, "DAEMON=master IFACE=lo SYNCID=5 SAVE_ON_STOP=yes\n")
	for range 2 {
		s.verb(t, 0, "", "start")
		wantDaemons(master + backup)
		s.verb(t, 0, "saved the table to "+debianRules, "stop")
		wantDaemons(backup)
		saved := readFile(t, debianRules)
		if !strings.HasPrefix(saved, settings) || strings.Contains(saved, "master") || !strings.HasSuffix(saved, oneService) {
			t.Errorf("saved: %q", saved)
		}
	}
	writeFile(t, debianRules, oneService)
	writeFile(t, defaults, "DAEMON=both IFACE=lo\n")
	s.verb(t, 0, "", "stop")
	wantDaemons("")

	// Where the file and DAEMON name the same daemon, DAEMON decides.
	writeFile(t, debianRules, "--start-daemon master --mcast-interface lo --syncid 9\n"+oneService)
	writeFile(t, defaults, "DAEMON=master IFACE=lo SYNCID=5\n")
	for _, verb := range []string{"start", "reload"} {
		s.verb(t, 0, "", verb)
		wantDaemons(master)
	}
	s.verb(t, 0, "", "stop")
	writeFile(t, debianRules, oneService)
	writeFile(t, defaults, "DAEMON=master IFACE=missing\n")
	s.verb(t, 1, "could not start the master daemon on missing", "start")
	s.wantSaved(t, oneService)
}
