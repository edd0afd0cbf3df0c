package check

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
)

func web(n byte) ipvs.ServiceID {
	return ipvs.AddressService(ipvs.TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, n}), 80))
}

// someRules find what their names say.
func someRules() []Rule {
	find := func(findings ...Finding) func(*Snapshot) []Finding {
		return func(*Snapshot) []Finding { return findings }
	}
	return []Rule{
		{Name: "second", Severity: Warning, Find: find(Finding{Service: web(1), Object: ServiceName(web(1)), Summary: "the fault of one"})},
		{Name: "machine", Severity: Information, Find: find(Finding{Object: "net.x", Summary: "a setting"})},
		{Name: "worst", Severity: Error, Find: find(Finding{Service: web(2), Object: "10.0.0.1:80", Summary: "a fault of a server",
			Evidence: "some evidence", Consequence: "nothing works any more for anybody", Advice: "command --with several arguments", SideEffects: "some"})},
		{Name: "none", Severity: Error, Find: find()},
		{Name: "unread", Severity: Error, Needs: []Fact{FactRoutes}, Find: find(Finding{})},
		{Name: "missing", Severity: Error, Settings: []string{"net.y"}, Find: find(Finding{})},
		{Name: "inapplicable", Severity: Error, Applies: func(*Snapshot) string { return "there is nothing" }, Find: find(Finding{})},
	}
}

func TestText(t *testing.T) {
	snapshot := &Snapshot{Unread: map[Fact]error{FactRoutes: errors.New("no permission")}}
	var b strings.Builder
	if err := (Text{Width: 40}).Write(&b, Run(snapshot, someRules(), nil)); err != nil {
		t.Fatal(err)
	}
	want := `tcp 192.0.2.2:80
  error worst 10.0.0.1:80: a fault of a
    server
    read some evidence
    so   nothing works any more for
         anybody
    fix  command --with several arguments
    note some

tcp 192.0.2.1:80
  warning second: the fault of one

this machine
  information machine net.x: a setting

not checked: unread: cannot read the
  routes: no permission
1 error, 1 warning, 1 information: 7 rules, 2 did not apply, 1 could not be checked
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("wanted (-) and got (+) differ:\n%s", diff)
	}
}
