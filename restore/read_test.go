package restore

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/names"
)

func TestReadLines(t *testing.T) {
	for text, want := range map[string][]Line{
		"":                                      nil,
		"\n\n":                                  nil,
		"   \t\r\n":                             nil,
		"# nothing\n  #-C":                      nil,
		"ipvsadm":                               nil,
		"-C":                                    {{1, command.Command{Kind: command.Clear}}},
		"-C\r\n":                                {{1, command.Command{Kind: command.Clear}}},
		"\n\t-C \t\n#\n-Z":                      {{2, command.Command{Kind: command.Clear}}, {4, command.Command{Kind: command.Zero}}},
		"ipvsadm -C\nipvsadm ipvsadm -Z":        {{1, command.Command{Kind: command.Clear}}, {2, command.Command{Kind: command.Zero}}},
		"-C" + strings.Repeat(" --sort", 10000): {{1, command.Command{Kind: command.Clear}}},
	} {
		rules, err := Read(t.Context(), strings.NewReader(text), "file", names.NewResolver())
		if err := errors.Join(err, rules.Err()); err != nil {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		got := rules.Lines
		if len(got) != len(want) {
			t.Errorf("%.40q: %v", text, got)
			continue
		}
		for i := range want {
			if got[i].Number != want[i].Number || got[i].Command.Kind != want[i].Command.Kind {
				t.Errorf("%.40q: line %d is %v of line %d", text, i, got[i].Command.Kind, got[i].Number)
			}
		}
	}
}

func TestReadLooksHostsUpOnce(t *testing.T) {
	resolver := names.NewResolver()
	resolver.HostsFile = "/dev/null"
	asked := make(chan string, 10)
	resolver.LookupIPv4 = func(_ context.Context, name string) ([]netip.Addr, error) {
		asked <- name
		return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
	}
	rules, err := Read(t.Context(), strings.NewReader("-A -t www.example.com:80\n-a -t www.example.com:80 -r 192.0.2.9\n"),
		"file", resolver)
	if err != nil || rules.Err() != nil || len(asked) != 1 {
		t.Fatalf("%v, %v, %d questions", rules, err, len(asked))
	}
	if got := rules.Lines[1].Command.Service.Address.String(); got != "192.0.2.7:80" {
		t.Errorf("the service is %s", got)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// TestReadFile also reads files that cannot be read. The messages name the file once, and no system call.
func TestReadFile(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "rules")
	if err := os.WriteFile(file, []byte("-C\nx"), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := ReadFile(t.Context(), file, names.NewResolver())
	if err != nil || len(rules.Lines) != 1 || !strings.HasPrefix(fmt.Sprint(rules.Err()), file+":2: ") {
		t.Errorf("%v, %v", rules, err)
	}
	for path, want := range map[string]string{
		folder:                         folder + ": is a directory",
		filepath.Join(folder, "none"):  filepath.Join(folder, "none") + ": no such file or directory",
		filepath.Join(file, "beneath"): filepath.Join(file, "beneath") + ": not a directory",
	} {
		if _, err := ReadFile(t.Context(), path, names.NewResolver()); fmt.Sprint(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestReadFails(t *testing.T) {
	_, err := Read(t.Context(), failing{}, "file", names.NewResolver())
	if err == nil || err.Error() != "file: the disk is gone" {
		t.Error(err)
	}
}

func TestRead(t *testing.T) {
	rules := readGood(t, "\n \t\r\n# a comment\n  # another -A\n-A -t 192.0.2.1:80\r\n\tipvsadm\t-A  -f 1 \n\n-C")
	var got []string
	for _, line := range rules.Lines {
		got = append(got, fmt.Sprintf("%d %s", line.Number, line.Command.AppendRule(nil, nil)))
	}
	want := []string{"5 -A -t 192.0.2.1:80 -s wlc", "6 -A -f 1 -s wlc", "8 -C"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestReadBadLines(t *testing.T) {
	const file = `-A -t 192.0.2.1:80 -s rr
-A -t 192.0.2.1 -s rr
nonsense
-a -t 192.0.2.1:80
-A -f 0
-R
-C extra
-a -t 192.0.2.1:80 -r 192.0.2.11 -w -1`
	err := read(t, file).Err()
	const want = `rules:2: Zero port specified for non-persistent service
rules:3: Try ` + "`ipvsadm -h' or 'ipvsadm --help'" + ` for more information.
rules:4: You need to supply the 'real-server' option for the 'add-server' command
rules:5: invalid fwmark value ` + "`0'" + ` specified
rules:6: a restore within a restore
rules:7: unexpected argument extra
rules:8: illegal weight specified`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	var first *command.Error
	if !errors.As(err, &first) || first.Status != 2 {
		t.Errorf("the first error: %v", first)
	}
}

// TestReadRefusesNUL has NUL bytes in every place of a line. In a comment they do not matter.
func TestReadRefusesNUL(t *testing.T) {
	const want = "rules:2: the line contains a NUL byte"
	for _, line := range []string{
		"\x00", "\x00-A -f 1", "-A -f 1 -s rr\x00", "-A -f 1\x00 -s rr", "-A -f 1 \x00", "-A -f 1 -p -M 255.0.0.0\v\x00", "-C\x00\r",
		"-A -t [::1]:80 -p 1 -M 64\x00",
	} {
		if err := read(t, "-C\n"+line+"\n# \x00\n-Z").Err(); fmt.Sprint(err) != want {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// TestReadRefusesImpossibleNames reads names that no kernel knows. --test cannot ask the kernel.
func TestReadRefusesImpossibleNames(t *testing.T) {
	for text, want := range map[string]string{
		"-A -f 1 -s r/r\n": "file:1: Scheduler or persistence engine not found",
		"\n-A -f 1 -s " + strings.Repeat("r", 10<<20):                    "file:2: Scheduler or persistence engine not found",
		"-A -f 1 -p --pe \x1b[2J":                                        "file:1: Scheduler or persistence engine not found",
		"--start-daemon master --mcast-interface averyverylonginterface": "file:1: No such device",
		"-A -f 1 -s \x1b[2J extra":                                       "file:1: unexpected argument extra",
		"-A -f 1 \x1b[2J":                                                `file:1: unexpected argument \x1b[2J`,
	} {
		rules, err := Read(t.Context(), strings.NewReader(text), "file", names.NewResolver())
		if err == nil {
			err = rules.Err()
		}
		if err == nil || err.Error() != want {
			t.Errorf("%.50q: %v, want %s", text, err, want)
		}
	}
}
