package tests

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// The tests in this file hold what ipvsadm(8) says in KERNEL SETTINGS. The settings for drained and deleted servers are in
// drain_test.go, conntrack in example_nat_test.go.

// TestBackupOnly starts a backup daemon on a director. It serves its clients until backup_only is 1.
func TestBackupOnly(t *testing.T) {
	f := newFarm(t, "rr")
	f.ipvsadm("--start-daemon backup --mcast-interface eth1")
	f.mustConnect(f.from(clientAddress(1)))
	f.setting("backup_only", "1")
	if _, name, err := f.connect(f.from(clientAddress(1))); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("backup_only 1: a client was served by %q, %v", name, err)
	}
	f.ipvsadm("--stop-daemon backup")
	f.mustConnect(f.from(clientAddress(1)))
}

// TestSyncThreshold sends packets on a connection of a director with a master daemon. The third packet brings the
// connection to the backup.
func TestSyncThreshold(t *testing.T) {
	f := newFarm(t, "rr")
	lan := newSegment(t, "synchronization")
	f.director.join(lan, "eth2", "203.0.113.1/24")
	backup := newHost(t, "backup").join(lan, "eth0", "203.0.113.2/24")
	backup.run("ipvsadm", "--start-daemon", "backup", "--mcast-interface", "eth0")
	f.ipvsadm("--start-daemon master --mcast-interface eth2")
	f.ipvsadm("-A -u " + farmAddress + ":53 -s rr")
	f.ipvsadm("-a -u " + farmAddress + ":53 -r 10.0.0.11:53 -m")
	if got := strings.Fields(readSetting(t, f.director, "sync_threshold")); len(got) != 2 || got[0] != "3" {
		t.Errorf("sync_threshold is %q by default, want 3 first", got)
	}
	dial := func() net.Conn {
		var conn net.Conn
		err := f.client.do(func() (err error) {
			conn, err = net.Dial("udp4", farmAddress+":53")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	known := func(conn net.Conn) bool {
		for _, c := range backup.connections() {
			if c.client == conn.LocalAddr().String() {
				return true
			}
		}
		return false
	}
	short, long := dial(), dial()
	for range 2 {
		fmt.Fprint(short, "x")
		fmt.Fprint(long, "x")
	}
	fmt.Fprint(long, "x")
	// Messages keep their order, so once the longer connection is there, the shorter one would be. A message may be lost: the
	// next follows after 50 packets.
	eventually(t, 20*time.Second, "the connection of three packets on the backup", func() bool {
		fmt.Fprint(long, "x")
		return known(long)
	})
	if known(short) {
		t.Error("the backup knows a connection of two packets")
	}
}

// readSetting reads a sysctl under net.ipv4.vs.
func readSetting(t *testing.T, h *host, name string) string {
	t.Helper()
	return strings.TrimSpace(h.run("cat", "/proc/sys/net/ipv4/vs/"+name))
}

// TestRunEstimation makes connections with run_estimation 0. Rates stay at zero. Kernels before 6.1 lack the setting, and
// always estimate.
func TestRunEstimation(t *testing.T) {
	f := newFarm(t, "rr")
	rate := func() string {
		fields := strings.Fields(f.director.run("ipvsadm", "-Ln", "-t", farmService, "--rate"))
		for i, field := range fields {
			if field == farmService {
				return fields[i+2] // packets in, per second
			}
		}
		t.Fatalf("no rate of %s", farmService)
		return ""
	}
	busy := func() bool {
		conn, _ := f.mustConnect(f.from(clientAddress(1)))
		conn.Close()
		return rate() != "0"
	}
	eventually(t, 20*time.Second, "a rate", busy)
	if !f.director.carriesSetting("run_estimation") {
		return
	}
	f.setting("run_estimation", "0")
	f.schedule("rr")                                              // a new service, whose counters are zero
	for began := time.Now(); time.Since(began) < 5*time.Second; { // estimates are two seconds apart
		if busy() {
			t.Fatalf("run_estimation 0: the rate is %s", rate())
		}
	}
}

// TestThresholdHashed fills a server to its threshold under a scheduler that hashes, and under one that does not.
func TestThresholdHashed(t *testing.T) {
	f := newFarm(t, "sh")
	for scheduler, refuses := range map[string]bool{"sh": true, "mh": true, "sh -b sh-fallback": false, "rr": false} {
		f.forget()
		f.schedule(scheduler)
		for _, server := range f.servers {
			f.ipvsadm(fmt.Sprintf("-e -t %s -r %s -m -x 1", farmService, f.address(server.name)))
		}
		_, full := f.mustConnect(f.from(clientAddress(1)))
		_, name, err := f.connect(f.from(clientAddress(1)))
		if refused := err != nil && strings.Contains(err.Error(), "refused"); refused != refuses || name == full {
			t.Errorf("%s: %s is full, and its client went to %q, %v", scheduler, full, name, err)
		}
	}
}
