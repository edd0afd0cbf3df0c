package verb

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ipvsadm/names"
	"ipvsadm/tests/fakekernel"
)

// testApp is an app whose output and messages go to files, with a kernel of its own. It has no hosts, services or DNS.
type testApp struct {
	*app
	kernel *fakekernel.Kernel
	t      *testing.T
}

func newTestApp(t *testing.T, name string) testApp {
	t.Helper()
	folder := t.TempDir()
	create := func(name string) *os.File {
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	output := create("stdout")
	resolver := names.NewResolver()
	resolver.HostsFile, resolver.ServicesFile = "", ""
	kernel := &fakekernel.Kernel{}
	return testApp{&app{
		version:  "1.2.3",
		name:     name,
		stdin:    create("stdin"),
		stdout:   bufio.NewWriter(standardOutput{output}),
		output:   output,
		stderr:   create("stderr"),
		resolver: resolver,
		dial:     kernel.Client,
		lockFile: filepath.Join(folder, "lock"),

		drainDirectory: filepath.Join(folder, "drains"),
	}, kernel, t}
}

// do runs a command line. It returns standard output, standard error and the exit status.
func (a testApp) do(words ...string) (string, string, int) {
	a.t.Helper()
	status := a.report(a.run(a.t.Context(), append([]string{a.name}, words...)))
	if err := a.stdout.Flush(); err != nil {
		a.t.Fatal(err)
	}
	return a.read(a.output), a.read(a.stderr), status
}

// read returns the contents of a file and empties it.
func (a testApp) read(file *os.File) string {
	a.t.Helper()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		a.t.Fatal(err)
	}
	if err := file.Truncate(0); err != nil {
		a.t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

func rulesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDispatch runs command lines that need no kernel, by each name that the program has.
func TestDispatch(t *testing.T) {
	good := rulesFile(t, "-A -t 192.0.2.1:80 -s rr\n")
	bad := rulesFile(t, "-A -t 192.0.2.1:80 -s rr\n-Q\n")
	const version = "ipvsadm 1.2.3 (commands and tables of ipvsadm 1.31)\n"
	const unknown = ":2: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
	for _, test := range []struct {
		name, line     string
		output, errors string
		status         int
	}{
		{"ipvsadm", "version", version, "", 0},
		{"ipvsadm", "-v", version, "", 0},
		{"ipvsadm", "--version", version, "", 0},
		{"/usr/sbin/ipvsadm-version", "", version, "", 0},
		{"ipvsadm", "restore --test -f " + good, "", "", 0},
		{"ipvsadm", "restore --test --file=" + bad, "", bad + unknown, 255},
		{"./ipvsadm-restore", "--test -f " + bad, "", bad + unknown, 255},
		{"ipvsadm", "version now", "", "unexpected argument now\n", 1},
		{"ipvsadm", "help nothing", "", "unexpected argument nothing\n", 1},
		{"ipvsadm", "save " + good, "", "unexpected argument " + good + "\nhint: type ipvsadm save -f " + good + "\n", 1},
		{"ipvsadm", "save help", "", "unexpected argument help\nhint: type ipvsadm save -f help\n", 1},
		{"ipvsadm", "--netns no-such-namespace -v", "", "network namespace \"no-such-namespace\": no such file or directory\n", 2},
		{"ipvsadm-restore", "--test \x1b", "", "unexpected argument \\x1b\nhint: type ipvsadm restore -f \\x1b\n", 1},
		{"ipvsadm", "save -f=", "", "--file: the name of the file is empty\n", 1},
		{"ipvsadm", "restore --wait=soon", "",
			"invalid value \"soon\" for flag -wait: parse error\nTry `ipvsadm restore --help' for more information\n", 1},
		{"ipvsadm", "save --nothing", "",
			"flag provided but not defined: -nothing\nTry `ipvsadm save --help' for more information\n", 1},
		{"ipvsadm", "-L --netns", "", "--netns: missing argument\n", 255},
		{"ipvsadm", "--netns= -L", "", "illegal network namespace specified: it has no name\n", 2},
	} {
		output, errors, status := newTestApp(t, test.name).do(strings.Fields(test.line)...)
		if output != test.output || errors != test.errors || status != test.status {
			t.Errorf("%s %s: prints %q and %q, status %d, want %q, %q and %d", test.name, test.line, output, errors, status,
				test.output, test.errors, test.status)
		}
	}
}

// TestRunReportsLostOutput runs a command whose output does not fit on the disk.
func TestRunReportsLostOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no full device")
	}
	defer full.Close()
	a := newTestApp(t, "ipvsadm")
	status := Run(t.Context(), "1", []string{"ipvsadm", "-v"}, a.stdin, full, a.stderr)
	if got := a.read(a.stderr); status != 1 || got != "standard output: no space left on device\n" {
		t.Errorf("status %d, message %q", status, got)
	}
	status = Run(t.Context(), "1", []string{"ipvsadm", "-v"}, a.stdin, a.output, a.stderr)
	if got := a.read(a.output); status != 0 || !strings.HasPrefix(got, "ipvsadm 1 (") {
		t.Errorf("status %d, output %q", status, got)
	}
}
