package format

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

func TestDaemons(t *testing.T) {
	var b strings.Builder
	err := classic{}.Daemons(&b, []ipvs.Daemon{
		{State: ipvs.Master, Interface: "d0", MaxLength: 1452, Group: netip.MustParseAddr("ff05::99"), Port: 8848, TTL: 1},
		{State: ipvs.Backup, Interface: "d0", SyncID: 255, MaxLength: 1200, Group: netip.MustParseAddr("239.1.1.1"), Port: 8000, TTL: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, golden(t, "daemons"), b.String())
}

// TestDaemonOfOldKernel has a daemon as kernels before 4.3 send it. The line is the original's, without the newer attributes
// in the message.
func TestDaemonOfOldKernel(t *testing.T) {
	var b strings.Builder
	if err := (classic{}).Daemons(&b, []ipvs.Daemon{{State: ipvs.Master, Interface: "d0"}}); err != nil {
		t.Fatal(err)
	}
	compare(t, "master sync daemon (mcast=d0, syncid=0)\n", b.String())
}

func TestNoDaemons(t *testing.T) {
	var b strings.Builder
	if err := (classic{}).Daemons(&b, nil); err != nil || b.Len() > 0 {
		t.Errorf("got %q, error %v", b.String(), err)
	}
}

func TestTimeouts(t *testing.T) {
	var b strings.Builder
	err := classic{}.Timeouts(&b, ipvs.Timeouts{TCP: 15 * time.Minute, TCPFin: 2 * time.Minute, UDP: 301 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, golden(t, "timeouts"), b.String())
}
