package restore

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

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
		"-C":                                    {{1, command.Command{Verb: command.Clear}}},
		"-C\r\n":                                {{1, command.Command{Verb: command.Clear}}},
		"\n\t-C \t\n#\n-Z":                      {{2, command.Command{Verb: command.Clear}}, {4, command.Command{Verb: command.Zero}}},
		"ipvsadm -C\nipvsadm ipvsadm -Z":        {{1, command.Command{Verb: command.Clear}}, {2, command.Command{Verb: command.Zero}}},
		"-C" + strings.Repeat(" --sort", 10000): {{1, command.Command{Verb: command.Clear}}},
	} {
		got, err := Read(t.Context(), strings.NewReader(text), "file", names.NewResolver())
		if err != nil {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		if len(got) != len(want) {
			t.Errorf("%.40q: %v", text, got)
			continue
		}
		for i := range want {
			if got[i].Number != want[i].Number || got[i].Command.Verb != want[i].Command.Verb {
				t.Errorf("%.40q: line %d is %v of line %d", text, i, got[i].Command.Verb, got[i].Number)
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
	lines, err := Read(t.Context(), strings.NewReader("-A -t www.example.com:80\n-a -t www.example.com:80 -r 192.0.2.9\n"),
		"file", resolver)
	if err != nil || len(lines) != 2 || len(asked) != 1 {
		t.Fatalf("%v, %v, %d questions", lines, err, len(asked))
	}
	if got := lines[1].Command.Service.Address.String(); got != "192.0.2.7:80" {
		t.Errorf("the service is %s", got)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestReadFails(t *testing.T) {
	_, err := Read(t.Context(), failing{}, "file", names.NewResolver())
	if err == nil || err.Error() != "file: the disk is gone" {
		t.Error(err)
	}
}
