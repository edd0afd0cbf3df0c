package save

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/command"
	"ipvsadm/ipvs"
)

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestWriteSettings parses what it wrote. An interface may have any name that Linux allows.
func TestWriteSettings(t *testing.T) {
	timeouts := ipvs.Timeouts{TCP: 900 * time.Second, TCPFin: 2 * time.Minute, UDP: 40 * 24 * time.Hour}
	daemons := []ipvs.Daemon{
		{State: ipvs.Backup, Interface: "--syncid", SyncID: 255, MaxLength: 1024, Group: netip.MustParseAddr("ff02::81"), Port: 65535, TTL: 255},
		{State: ipvs.Master, Interface: "#=é-1.100@x", SyncID: 0, MaxLength: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1},
	}
	var b strings.Builder
	if err := WriteSettings(&b, timeouts, daemons); err != nil {
		t.Fatal(err)
	}
	const want = `--set 900 120 2678400
--start-daemon master --mcast-interface #=é-1.100@x --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1
--start-daemon backup --mcast-interface --syncid --syncid 255 --sync-maxlen 1024 --mcast-group ff02::81 --mcast-port 65535 --mcast-ttl 255
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Fatalf("lines (-want +got):\n%s", diff)
	}
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		c, err := command.Parse("ipvsadm", strings.Fields(line), command.Lookup{})
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if i > 0 && c.Daemon != daemons[2-i] {
			t.Errorf("%s: reads as %+v", line, c.Daemon)
		}
	}
	if err := WriteSettings(full{}, timeouts, nil); !errors.Is(err, errFull) {
		t.Errorf("to a full disk: %v", err)
	}
}
