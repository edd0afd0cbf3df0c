package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDiff compares a table with a file, with another namespace's and with itself in every form.
func TestDiff(t *testing.T) {
	one, other := newDirector(t), newDirector(t)
	const table = "-A -t 192.0.2.1:80 -s mh -b mh-port\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n" +
		"-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1\n"
	for _, d := range []*director{one, other} {
		if result := d.run(everyKind+table, "ipvsadm-restore"); result.status != 0 {
			t.Fatal(result)
		}
	}
	name := fmt.Sprintf("diff-%d", os.Getpid())
	link := filepath.Join("/run/netns", name)
	writeFile(t, link, "")
	t.Cleanup(func() { os.Remove(link) })
	mount := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), other.file.Fd())
	if out, err := exec.Command("mount", "--bind", mount, link).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", link).Run() })

	file := filepath.Join(t.TempDir(), "saved")
	for _, form := range []string{"save -n", "save --all", "-Sn", "-Ln --format json", "-L --format json"} {
		saved := one.run("", "ipvsadm", strings.Fields(form)...)
		writeFile(t, file, saved.stdout)
		if result := one.run("", "ipvsadm", "diff", file); result != (outcome{}) {
			t.Errorf("a table and its %s: %v", form, result)
		}
		if result := one.run(saved.stdout, "ipvsadm", "diff", "-", "netns:"+name); result != (outcome{}) {
			t.Errorf("another director's table and %s: %v", form, result)
		}
	}

	steps := []struct{ line, diff string }{
		{"-e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0", "- -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n+ -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 0\n"},
		{"-e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1", ""},
		{"-d -t 192.0.2.1:80 -r 10.0.0.2:80", "- -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n"},
		{"-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g", "# TCP 192.0.2.1:80: the servers of mh are in another order\n" +
			"- -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n+ -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n"},
		{"--set 1 2 3", "- --set 900 120 300\n+ --set 1 2 3\n# TCP 192.0.2.1:80: the servers of mh are in another order\n" +
			"- -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n+ -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n"},
	}
	for _, step := range steps {
		if result := other.run("", "ipvsadm", strings.Fields(step.line)...); result.status != 0 {
			t.Fatal(result)
		}
		want := outcome{stdout: step.diff}
		if step.diff != "" {
			want.status = 1
		}
		if result := one.run("", "ipvsadm", "diff", "kernel", "netns:"+name); result != want {
			t.Errorf("after %s: %v\nwant %v", step.line, result, want)
		}
		listing := other.run("", "ipvsadm", "-Ln", "--format", "json").stdout
		want.stdout = strings.TrimPrefix(want.stdout, "- --set 900 120 300\n+ --set 1 2 3\n") // which a listing lacks
		if result := other.run(listing, "ipvsadm", "diff", file, "-"); result != want {
			t.Errorf("after %s, as JSON: %v\nwant %v", step.line, result, want)
		}
	}

	for _, trouble := range []struct{ stdin, words, message string }{
		{"", "", "diff needs a table: a file (saved rules, or -Ln --format json), \"-\" for standard input, netns:NAME, or \"kernel\"\n"},
		{"", "a b c", "diff compares two tables, not 3\n"},
		{"", "- -", "only one of the tables can come from standard input\n"},
		{"", "missing", "missing: no such file or directory\n"},
		{"", "netns:missing", "network namespace \"missing\": no such file or directory\n"},
		{"", "- --ignore order", "--ignore \"order\": use weights\n"},
		{"", "- --bogus", "flag provided but not defined: -bogus\nTry `ipvsadm diff --help' for more information\n"},
		{"-a -f 1 -r 10.0.0.1\n", "-", "stdin:1: Service not defined\n"},
		{`{"services": 1}`, "-", "stdin: not a listing as JSON: json: cannot unmarshal number into Go struct field jsonTable.services of type []format.jsonService\n"},
	} {
		want := outcome{2, "", trouble.message}
		if result := one.run(trouble.stdin, "ipvsadm", append([]string{"diff"}, strings.Fields(trouble.words)...)...); result != want {
			t.Errorf("diff %s: %v\nwant %v", trouble.words, result, want)
		}
	}
}
