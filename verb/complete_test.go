package verb

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
)

func TestCompletion(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"ipvsadm", "s", "save"},
		{"ipvsadm", "re", "restore"},
		{"ipvsadm", "x", ""},
		{"ipvsadm", "save --", "--all --numeric --file"},
		{"ipvsadm", "save --al", "--all"},
		{"ipvsadm", "save ", "--all --numeric --file"},
		{"ipvsadm", "save -f ", command.Files},
		{"ipvsadm", "save --file ", command.Files},
		{"ipvsadm", "save --all ", "--all --numeric --file"}, // a flag without a value
		{"ipvsadm", "save ff ", "--all --numeric --file"},
		{"ipvsadm", "restore --file rules --w", "--wait"},
		{"ipvsadm", "restore --wait ", ""}, // SECONDS is a placeholder
		{"/sbin/ipvsadm-save", "--n", "--numeric"},
		{"ipvsadm-restore", "-f ", command.Files},
		{"ipvsadm-restore", "--dry", "--dry-run"},
		{"ipvsadm", "check --explain no-", "no-server"},
		{"ipvsadm", "check --ignore hash-b", "hash-by-address-only"},
		{"ipvsadm", "-A -t 192.0.2.1:80 -s wl", "wlc"},
		{"ipvsadm", "--vers", "--version"},
		{"ipvsadm", "save -A -s w", ""}, // the classic grammar has no part in a verb
	} {
		words := strings.Split(test.line, " ")
		output, errors, status := newTestApp(t, test.name).do(append([]string{completeVerb}, words...)...)
		var got []string
		for line := range strings.Lines(output) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != test.want || errors != "" || status != 0 {
			t.Errorf("%s %s: %q, messages %q, status %d, want %q", test.name, test.line, got, errors, status, test.want)
		}
	}
}

// TestCompletionOfVerbs wants every verb before the first option, each with its description.
func TestCompletionOfVerbs(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	output, _, _ := a.do(completeVerb, "")
	var want string
	for _, verb := range a.verbs() {
		want += verb.Name + "\t" + verb.Usage + "\n"
	}
	if !strings.HasPrefix(output, want) || !strings.Contains(output, "\n-A\t") {
		t.Errorf("%q, want it to begin with %q and to go on with the options", output, want)
	}
	output, _, _ = a.do(completeVerb, "save", "--f")
	if want := "--file\treplace FILE, whole or not at all\n"; output != want {
		t.Errorf("%q, want %q", output, want)
	}
}

func TestValueCandidates(t *testing.T) {
	for usage, want := range map[string]string{
		"print `json|table`":      "json table",
		"wait `SECONDS`":          "",
		"print the timeouts":      "",
		"sort by `jitter|weight`": "jitter weight",
	} {
		var got []string
		for _, c := range valueCandidates(&cli.StringFlag{Name: "x", Usage: usage}, "") {
			got = append(got, c.Word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", usage, got, want)
		}
	}
	got := valueCandidates(&cli.StringFlag{Name: "x", Usage: "`json|table`"}, "t")
	if len(got) != 1 || got[0].Word != "table" {
		t.Errorf("after t: %v, want table", got)
	}
}

// TestCompleteTable completes the services and servers of the kernel's table.
func TestCompleteTable(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.session([]step{
		{line: "-A -t 192.0.2.2:80 -s rr"},
		{line: "-A -t 192.0.2.1:80"},
		{line: "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -w 3"},
		{line: completeVerb + " -e -t 1", output: "192.0.2.1:80\twlc, 1 server\n192.0.2.2:80\trr, 0 servers\n"},
		{line: completeVerb + " -e -t 192.0.2.1:80 -r 1", output: "10.0.0.1:80\tweight 3\n"},
	})
}
