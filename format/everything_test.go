package format

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

// everything returns a small table with every flag, forwarding method, tunnel and checksum. Each field of a service and of
// a server has a value of its own.
func everything() []ipvs.Entry {
	counters := func(first uint64) ipvs.Counters {
		return ipvs.Counters{Connections: first, IncomingPackets: first + 1, OutgoingPackets: first + 2, IncomingBytes: first + 3, OutgoingBytes: first + 4}
	}
	web := persistent(service(ipvs.TCP, "192.0.2.80:80", "sh", ipvs.FallbackFlag|ipvs.SchedulerFlag3|ipvs.Hashed), 300*time.Second, ipvs.IPv4Netmask([4]byte{255, 255, 255, 0}))
	web.Totals, web.Rates = counters(10), counters(20)
	masqueraded := destination("10.0.0.1:8080", ipvs.Masquerading, 3)
	masqueraded.UpperThreshold, masqueraded.LowerThreshold = 100, 50
	masqueraded.ActiveConnections, masqueraded.InactiveConnections, masqueraded.PersistentConnections = 7, 8, 9
	masqueraded.Totals, masqueraded.Rates = counters(30), counters(40)
	sip := persistent(service(ipvs.UDP, "192.0.2.80:5060", "mh", ipvs.HashPortFlag|ipvs.OnePacket), time.Minute, ipvs.Netmask{})
	sip.Engine = "sip"
	return []ipvs.Entry{
		{ListedService: web, Destinations: []ipvs.ListedDestination{
			masqueraded,
			destination("10.0.0.2:80", ipvs.LocalNode, 1),
			destination("10.0.0.3:80", ipvs.DirectRouting, 0),
			destination("10.0.0.4:80", ipvs.Bypass, 1),
			destination("10.0.0.5:80", 7, 1),
		}},
		{ListedService: sip},
		{ListedService: persistent(service(ipvs.SCTP, "[2001:db8::80]:9", "rr", ipvs.SchedulerFlag1|ipvs.SchedulerFlag2), 360*time.Second, ipvs.IPv6Netmask(64)), Destinations: []ipvs.ListedDestination{
			tunnelled("198.51.100.1:9", ipvs.Tunnel{}),
			tunnelled("[2001:db8::1]:9", ipvs.Tunnel{Type: ipvs.GUE, Port: 6080}),
			tunnelled("[2001:db8::2]:9", ipvs.Tunnel{Type: ipvs.GUE, Port: 6081, Checksum: ipvs.RemoteChecksum}),
			tunnelled("[2001:db8::3]:9", ipvs.Tunnel{Type: ipvs.GRE, Checksum: ipvs.Checksum}),
		}},
		{ListedService: markService(7, ipvs.IPv4, "wlc")},
		{ListedService: markService(7, ipvs.IPv6, "wlc")},
	}
}

// TestEverything compares documents with golden ones, whose every field was checked by hand.
func TestEverything(t *testing.T) {
	for name, format := range map[string]Format{
		"json":               jsonFormat{Options{Terminal: true}},
		"aligned":            aligned{},
		"aligned-stats-rate": aligned{Options{Stats: true, Rate: true}},
	} {
		t.Run(name, func(t *testing.T) { compare(t, golden(t, name), written(t, format, everything())) })
	}
}

// TestDaemonsAndTimeouts compares listings of daemons and timeouts.
func TestDaemonsAndTimeouts(t *testing.T) {
	timeouts := ipvs.Timeouts{TCP: 900 * time.Second, TCPFin: 120 * time.Second, UDP: 300 * time.Second}
	daemons := []ipvs.Daemon{
		{State: ipvs.Master, Interface: "eth0", SyncID: 1, MaxLength: 1400, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 2},
		{State: ipvs.Backup, Interface: "eth1", SyncID: 3},
	}
	for name, test := range map[string]struct {
		format                  Format
		timeouts, daemons, none string
	}{
		"json": {
			jsonFormat{},
			"{\n  \"tcp_timeout_seconds\": 900,\n  \"tcpfin_timeout_seconds\": 120,\n  \"udp_timeout_seconds\": 300\n}\n",
			`{
  "daemons": [
    {
      "state": "master",
      "mcast_interface": "eth0",
      "syncid": 1,
      "sync_maxlen_bytes": 1400,
      "mcast_group": "224.0.0.81",
      "mcast_port": 8848,
      "mcast_ttl": 2
    },
    {
      "state": "backup",
      "mcast_interface": "eth1",
      "syncid": 3,
      "sync_maxlen_bytes": 0,
      "mcast_group": null,
      "mcast_port": 0,
      "mcast_ttl": 0
    }
  ]
}
`,
			"{\n  \"daemons\": []\n}\n",
		},
		"aligned": {
			aligned{},
			"TIMEOUT  SECONDS\ntcp          900\ntcpfin       120\nudp          300\n",
			"DAEMON  INTERFACE  SYNCID  MAXLEN  GROUP       PORT  TTL\n" +
				"master  eth0            1    1400  224.0.0.81  8848    2\n" +
				"backup  eth1            3\n",
			"DAEMON  INTERFACE  SYNCID\n",
		},
	} {
		var b strings.Builder
		for _, step := range []struct {
			want  string
			write func() error
		}{
			{test.timeouts, func() error { return test.format.Timeouts(&b, timeouts) }},
			{test.daemons, func() error { return test.format.Daemons(&b, daemons) }},
			{test.none, func() error { return test.format.Daemons(&b, nil) }},
		} {
			b.Reset()
			if err := step.write(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			compare(t, step.want, b.String())
		}
	}
}

func TestAlignedConnections(t *testing.T) {
	want := `PROTOCOL  STATE        EXPIRES  CLIENT               SERVICE           SERVER            ENGINE DATA
tcp       ESTABLISHED    14:59  10.0.0.1:32769       10.1.0.1:80       10.0.0.3:80
tcp       FIN_WAIT       00:59  10.0.0.4:32769       10.1.0.1:80       10.0.0.99:80
udp       UDP            06:00  10.0.0.1:0           10.1.0.3:5060     10.0.0.1:5060     sip 6pWQ1h7gPq9aT@10.0.0.1
tcp       ESTABLISHED    14:59  [2001:db8::1]:32769  [2001:db8::2]:80  [2001:db8::3]:80

STATE        CONNECTIONS
ESTABLISHED            2
FIN_WAIT               1
UDP                    1
total                  4

SERVICE               CONNECTIONS
tcp 10.1.0.1:80                 2
tcp [2001:db8::2]:80            1
udp 10.1.0.3:5060               1
total                           4

SERVER                CONNECTIONS
tcp 10.0.0.3:80                 1
tcp 10.0.0.99:80                1
tcp [2001:db8::3]:80            1
udp 10.0.0.1:5060               1
total                           4
`
	all := connections()
	var b strings.Builder
	err := aligned{Options{PersistentConnections: true}}.Connections(t.Context(), &b, stream([]ipvs.Connection{all[0], all[1], all[4], all[7]}, nil))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, want, b.String())
}

func TestNew(t *testing.T) {
	for name, counters := range map[string]bool{"": false, "classic": false, "json": true, "table": false} {
		format, err := New(name, Options{})
		if err != nil || format.Counters() != counters {
			t.Errorf("%q: %v %v", name, format, err)
		}
	}
	for _, name := range Names() {
		format, err := New(name, Options{})
		if err != nil || !Known(name) {
			t.Errorf("%q: %v %v", name, format, err)
		}
		if format, _ = New(name, Options{Stats: true}); !format.Counters() {
			t.Errorf("%q with --stats asks for no counters", name)
		}
		if format, _ = New(name, Options{Rate: true}); !format.Counters() {
			t.Errorf("%q with --rate asks for no counters", name)
		}
	}
	if format, err := New("xml", Options{}); err == nil {
		t.Errorf("xml: %v", format)
	}
}

func TestOrigins(t *testing.T) {
	for want, origins := range map[string]ipvs.Origins{
		"\nORIGIN        ENTRIES   NEWEST\nthis machine        4\nreceived           17  2 s ago\n": {Local: 4, Synchronized: 17, Newest: 2500 * time.Millisecond},
		"\nORIGIN        ENTRIES  NEWEST\nthis machine        0\nreceived            0    none\n":   {Newest: -1},
		"\nORIGIN        ENTRIES   NEWEST\nthis machine        0\nreceived            3  unknown\n": {Synchronized: 3, Newest: -1},
	} {
		var b strings.Builder
		if err := (aligned{}).Origins(&b, origins); err != nil {
			t.Fatal(err)
		}
		compare(t, want, b.String())
	}
}
