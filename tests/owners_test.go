package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/owners"
)

// startKeepalived runs keepalived on a host with a configuration, until stop is called or the test ends.
func (h *host) startKeepalived(configuration string) (stop func()) {
	h.t.Helper()
	folder := h.t.TempDir()
	writeFile(h.t, filepath.Join(folder, "conf"), configuration)
	words := []string{"keepalived", "-n", "-f", filepath.Join(folder, "conf"), "-p", filepath.Join(folder, "p"),
		"-r", filepath.Join(folder, "r"), "-c", filepath.Join(folder, "c")}
	command := h.command(words...)
	if err := h.do(command.Start); err != nil {
		h.t.Fatal(err)
	}
	stop = func() {
		command.Process.Signal(os.Interrupt) // it ends its children
		command.Wait()
	}
	h.t.Cleanup(stop)
	return stop
}

const (
	vrrpOnly = "vrrp_instance a {\nversion 3\nadvert_int 0.1\nstate MASTER\ninterface eth0\nvirtual_router_id 5\npriority 100\nvirtual_ipaddress {\n192.0.2.77/32\n}\n}\n"
	balanced = "virtual_server 192.0.2.100 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.11 80 {\nweight 1\n}\n}\n"
)

// TestOwners finds keepalived if it manages services, and not if it only runs VRRP.
func TestOwners(t *testing.T) {
	needNetworks(t, "keepalived")
	h := newHost(t, "director").join(newSegment(t, "lan"), "eth0", "192.0.2.1/24")
	find := func() (names []string) {
		err := h.do(func() error {
			found, err := owners.Find(os.DirFS("/proc"))
			for _, owner := range found {
				names = append(names, owner.Name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	stop := h.startKeepalived(vrrpOnly)
	eventually(t, 20*time.Second, "VRRP", func() bool { return strings.Contains(h.ip("addr show dev eth0"), "192.0.2.77") })
	if got := find(); got != nil {
		t.Errorf("VRRP only: %v", got)
	}
	stop()
	h.startKeepalived(balanced)
	eventually(t, 20*time.Second, "a table", func() bool { return h.run("ipvsadm", "-Sn") != "" })
	if diff := cmp.Diff([]string{"keepalived"}, find()); diff != "" {
		t.Errorf("keepalived's table (-want +got):\n%s", diff)
	}
	elsewhere := newHost(t, "elsewhere")
	h = elsewhere
	if got := find(); got != nil {
		t.Errorf("in another namespace: %v", got)
	}
}
