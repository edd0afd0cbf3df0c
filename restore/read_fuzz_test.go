package restore

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// FuzzRead reads any file. Errors name their lines. The plan for an empty table, written as rules and read again, is the
// same plan.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		small, "", "# comment\n\n\t ipvsadm -C\r\n-A -t 1.2.3.4:80", "-R\n-L -n\n-A -t host:80\n--set 1 2 3\n-Z",
		"-A -t 192.0.2.1:80 -p 60 -M 255.255.255.0\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 9\n-e -t 192.0.2.1:80 -r 10.0.0.1 -w 0\n-D -t 192.0.2.1:80",
		"-A -f 1 -6\n-a -f 1 -6 -r [2001:db8::1]:80\n-E -f 1 -6 -s rr\n-d -f 1 -6 -r [2001:db8::1]:80\n-C\n--start-daemon master\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resolver := names.NewResolver()
		resolver.HostsFile, resolver.ServicesFile, resolver.LookupIPv4 = "", "", nobody
		lines, err := Read(t.Context(), strings.NewReader(text), "rules", resolver)
		if err != nil {
			t.Fatal(err)
		}
		if err := lines.Err(); err != nil {
			checkErrors(t, err, text)
		}
		plan, err := newPlan(lines, kernelState{entries: ipvs.Each()}, Options{})
		if err != nil {
			checkErrors(t, err, text)
			return
		}
		if len(plan.Deletions) > 0 {
			t.Errorf("from an empty table go %v", plan.Deletions)
		}
		rules := string(plan.AppendRules(nil))
		again, err := Read(t.Context(), strings.NewReader(rules), "again", resolver)
		if err = errors.Join(err, again.Err()); err != nil {
			if strings.ContainsAny(text, "\v\f\u0085\u00a0") {
				return // within a word of the file's
			}
			t.Fatalf("%q has the rules %q, which are refused: %v", text, rules, err)
		}
		second, err := newPlan(again, kernelState{entries: ipvs.Each()}, Options{})
		if err != nil {
			t.Fatalf("%q has the rules %q, which make no table: %v", text, rules, err)
		}
		if got := string(second.AppendRules(nil)); got != rules {
			t.Errorf("%q has the rules %q, and they have %q", text, rules, got)
		}
	})
}

// nobody is a DNS that knows no host.
func nobody(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }

// checkErrors wants each error to name a line of the text.
func checkErrors(t *testing.T, err error, text string) {
	t.Helper()
	join, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v", err)
	}
	for _, err := range join.Unwrap() {
		var lineError *Error
		if !errors.As(err, &lineError) || lineError.Line < 1 || lineError.Line > strings.Count(text, "\n")+1 {
			t.Errorf("error %v", err)
		}
	}
}
