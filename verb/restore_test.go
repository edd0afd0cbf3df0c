package verb

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ipvsadm/ipvs"
)

const savedRules = `-A -f 1 -s rr
-a -f 1 -r 10.0.0.1:0 -g -w 1
-A -f 2 -s wrr
`

// TestRestoreAndSave restores from standard input and from a file, and saves to both.
func TestRestoreAndSave(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	rules := rulesFile(t, "-A -f 2 -s wrr\n-A -f 3 -s rr\n")
	saved := filepath.Join(t.TempDir(), "saved")
	a.session([]step{
		{line: "restore", stdin: savedRules},
		{line: "save", output: savedRules},
		{line: "restore --dry-run -f " + rules, output: "-A -f 3 -s rr\n-D -f 1\n"},
		{line: "save -n", output: savedRules},
		{line: "restore --noflush -f " + rules},
		{line: "save", output: savedRules + "-A -f 3 -s rr\n"},
		{line: "restore -f " + rules},
		{line: "save -f " + saved},
		{line: "save --all", output: "--set 900 120 300\n-A -f 2 -s wrr\n-A -f 3 -s rr\n"},
		{line: "restore --test", stdin: "-A -f 1\n-A -f 1\n", errors: "stdin:2: Service already exists\n", status: 255},
		{line: "restore", stdin: "-A -f 1\n-Q\n", errors: "stdin:2: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n", status: 255},
		{line: "restore --test", stdin: "-R\n", errors: "stdin:1: a restore within a restore\n", status: 2},
		{line: "restore --test", stdin: "-A -f 1\n-A -f 2\x00\n", errors: "stdin:2: the line contains a NUL byte\n", status: 2},
		{line: "restore", status: 1,
			errors: "stdin: no commands, and the table is not empty: nothing was changed (a line \"-C\" empties the table on purpose)\n"},
		{line: "restore -f " + saved + "/none", errors: saved + "/none: not a directory\n", status: 1},
		{line: "save --all", output: "--set 900 120 300\n-A -f 2 -s wrr\n-A -f 3 -s rr\n"},
	})
	if text, err := os.ReadFile(saved); string(text) != "-A -f 2 -s wrr\n-A -f 3 -s rr\n" {
		t.Errorf("saved %q, %v", text, err)
	}
}

// TestRestoreSettings restores timeouts and daemons, twice.
func TestRestoreSettings(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	const settings = "--set 1 2 3\n--start-daemon master --mcast-interface eth0 --syncid 7\n"
	a.session([]step{
		{line: "restore", stdin: settings},
		{line: "restore", stdin: settings},
		{line: "save --all", output: settings},
	})
}

// TestRestoreRefused has a kernel that refuses the second of three changes.
func TestRestoreRefused(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.kernel.Refuse = func(change int) syscall.Errno { return map[int]syscall.Errno{2: syscall.EINVAL}[change] }
	a.session([]step{
		{line: "restore", stdin: savedRules, status: 255,
			errors: "stdin:2: Invalid operation.  Possibly wrong module version, address not unicast, ...\n"},
		{line: "save"},
	})
}

// TestRestoreOneAtATime holds the lock.
func TestRestoreOneAtATime(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	file, err := os.Create(a.lockFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	a.session([]step{
		{line: "restore --wait 0", stdin: savedRules, status: 1,
			errors: fmt.Sprintf("process %d (verb.test) holds %s: gave up after 0s\n", os.Getpid(), a.lockFile)},
		{line: "save"},
		{line: "restore --dry-run", stdin: "-A -f 1 -s rr\n", output: "-A -f 1 -s rr\n"},
	})
}

// TestRestoreWithoutKernel still finds what is wrong with the rules.
func TestRestoreWithoutKernel(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	const unavailable = "Can't initialize ipvs: Permission denied\n" +
		"Are you sure that IP Virtual Server is built in the kernel or as module?\n"
	a.dial = func() (*ipvs.Client, error) { return nil, syscall.EACCES }
	a.session([]step{
		{line: "restore", stdin: "-A -f 1\n", errors: unavailable, status: 2},
		{line: "restore", stdin: "-A -f 1\n-Q\n", status: 255,
			errors: "stdin:2: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"},
		{line: "save", errors: unavailable, status: 2},
		{line: "-Ln", errors: unavailable, status: 2},
	})
}
