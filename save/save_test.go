package save

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// TestResolverIsKept writes a table and then asks the resolver for a name that does not read back as its address. Rules
// leave such names out, but later listings must still have them.
func TestResolverIsKept(t *testing.T) {
	resolver := names.NewResolver()
	resolver.HostsFile = filepath.Join(t.TempDir(), "hosts")
	resolver.ServicesFile = filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(resolver.HostsFile, []byte("192.0.2.1 pair\n192.0.2.2 pair\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := netip.MustParseAddrPort("192.0.2.2:80")
	entry := ipvs.Entry{ListedService: ipvs.ListedService{Service: ipvs.Service{ServiceID: ipvs.AddressService(ipvs.TCP, second), Scheduler: "rr"}}}
	var saved strings.Builder
	if err := Write(t.Context(), &saved, ipvs.Each(entry), resolver); err != nil || saved.String() != "-A -t 192.0.2.2:80 -s rr\n" {
		t.Errorf("saved %q, %v", saved.String(), err)
	}
	resolver.ResolveAddresses(t.Context(), []netip.Addr{second.Addr()})
	if name, _ := resolver.AddressName(second.Addr()); name != "pair" {
		t.Errorf("afterwards the name is %q, want pair", name)
	}
}
