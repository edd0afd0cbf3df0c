package command

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

// fewNames knows one host and, for TCP, one port by name.
var fewNames = Lookup{
	Host: func(name string) (netip.Addr, error) {
		if name == "www.example.com" {
			return netip.MustParseAddr("192.0.2.80"), nil
		}
		return netip.Addr{}, errors.New("no such host")
	},
	Port: func(name, protocol string) (uint16, bool) { return 80, name == "http" && protocol == "tcp" },
}

// parse parses a line with single spaces between its words.
func parse(line string) (Command, error) { return Parse("ipvsadm", strings.Split(line, " "), fewNames) }

func TestParse(t *testing.T) {
	tcp := ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
	tcp6 := ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("[2001:db8::1]:80"))
	mark, mark6 := ipvs.MarkService(7, ipvs.IPv4), ipvs.MarkService(7, ipvs.IPv6)

	service := func(id ipvs.ServiceID, with func(*ipvs.Service)) Command {
		s := ipvs.Service{ServiceID: id, Scheduler: "wlc"}
		if with != nil {
			with(&s)
		}
		return Command{Kind: AddService, Service: s}
	}
	server := func(address string, with func(*ipvs.Destination)) Command {
		d := ipvs.Destination{Address: netip.MustParseAddrPort(address), Forwarding: ipvs.DirectRouting, Weight: 1}
		if with != nil {
			with(&d)
		}
		return Command{Kind: AddServer, Service: ipvs.Service{ServiceID: tcp}, Server: d}
	}
	listing := func(l Listing) Command { return Command{Kind: List, Listing: l} }
	start := func(d ipvs.Daemon) Command { return Command{Kind: StartDaemon, Daemon: d} }
	flags := func(scheduler string, flags ipvs.ServiceFlags) Command {
		return service(tcp, func(s *ipvs.Service) { s.Scheduler, s.Flags = scheduler, flags })
	}
	persistent := func(id ipvs.ServiceID, seconds time.Duration, mask ipvs.Netmask) Command {
		return service(id, func(s *ipvs.Service) {
			s.Flags, s.Timeout, s.Netmask = ipvs.Persistent, seconds*time.Second, mask
		})
	}
	forwarding := func(f ipvs.Forwarding) Command {
		return server("192.0.2.9:80", func(d *ipvs.Destination) { d.Forwarding = f })
	}
	tunnel := func(tunnel ipvs.Tunnel) Command {
		return server("192.0.2.9:80", func(d *ipvs.Destination) { d.Forwarding, d.Tunnel = ipvs.Tunneling, tunnel })
	}

	for line, want := range map[string]Command{
		// Commands.
		"-A -t 192.0.2.1:80":                       service(tcp, nil),
		"--add-service --tcp-service=192.0.2.1:80": service(tcp, nil),
		"-E -t 192.0.2.1:80":                       {Kind: EditService, Service: service(tcp, nil).Service},
		"-D -t 192.0.2.1:80":                       {Kind: DeleteService, Service: ipvs.Service{ServiceID: tcp}},
		"-C":                                       {Kind: Clear},
		"-a -t 192.0.2.1:80 -r 192.0.2.9":          server("192.0.2.9:80", nil),
		"-e -t 192.0.2.1:80 -r 192.0.2.9":          {Kind: EditServer, Service: ipvs.Service{ServiceID: tcp}, Server: server("192.0.2.9:80", nil).Server},
		"-d -t 192.0.2.1:80 -r 192.0.2.9":          {Kind: DeleteServer, Service: ipvs.Service{ServiceID: tcp}, Server: ipvs.Destination{Address: netip.MustParseAddrPort("192.0.2.9:80")}},
		"-L":                                       listing(Listing{}),
		"-l":                                       listing(Listing{}),
		"--list":                                   listing(Listing{}),
		"-Z":                                       {Kind: Zero},
		"-Z -f 7":                                  {Kind: Zero, Service: ipvs.Service{ServiceID: mark}},
		"-S":                                       {Kind: Save},
		"-Sn":                                      {Kind: Save, Listing: Listing{Numeric: true}},
		"-R":                                       {Kind: Restore},
		"--set 1 2 3":                              {Kind: SetTimeouts, Timeouts: ipvs.Timeouts{TCP: time.Second, TCPFin: 2 * time.Second, UDP: 3 * time.Second}},
		"--start-daemon master":                    start(ipvs.Daemon{State: ipvs.Master}),
		"--stop-daemon=backup":                     {Kind: StopDaemon, Daemon: ipvs.Daemon{State: ipvs.Backup}},
		"-h":                                       {Kind: Help},
		"-h and whatever --may -A follow":          {Kind: Help},
		"--version":                                {Kind: Version},

		// Services.
		"-A -u 192.0.2.1:80":             service(ipvs.AddressService(ipvs.UDP, tcp.Address), nil),
		"-A --sctp-service 192.0.2.1:80": service(ipvs.AddressService(ipvs.SCTP, tcp.Address), nil),
		"-A -t [2001:db8::1]:80":         service(tcp6, nil),
		"-A -f 7":                        service(mark, nil),
		"-A -f 7 -6":                     service(mark6, nil),
		"-A -t www.example.com:http":     service(ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.80:80")), nil),
		"-A -t 0xc0.2.1:0120 -p":         persistent(ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.2.0.1:120")), 360, ipvs.Netmask{}),

		// Scheduling.
		"-A -t 192.0.2.1:80 -s rr":                         flags("rr", 0),
		"-A -t 192.0.2.1:80 -s sh -b sh-port,sh-fallback":  flags("sh", ipvs.HashPortFlag|ipvs.FallbackFlag),
		"-A -t 192.0.2.1:80 -b mh-port -s mh":              flags("mh", ipvs.HashPortFlag),
		"-A -t 192.0.2.1:80 -b ,flag-1,,flag-3,":           flags("wlc", ipvs.SchedulerFlag1|ipvs.SchedulerFlag3),
		"-A -t 192.0.2.1:80 -p":                            persistent(tcp, 360, ipvs.Netmask{}),
		"-A -t 192.0.2.1:80 -p -s wlc":                     persistent(tcp, 360, ipvs.Netmask{}),
		"-A -p 10 -t 192.0.2.1:80":                         persistent(tcp, 10, ipvs.Netmask{}),
		"-A -t 192.0.2.1:80 -p10 -M 255.255.0.0":           persistent(tcp, 10, ipvs.IPv4Netmask([4]byte{255, 255, 0, 0})),
		"-A -t 192.0.2.1:80 -p=10 -M 0xffff0000":           persistent(tcp, 10, ipvs.IPv4Netmask([4]byte{255, 255, 0, 0})),
		"-A -t [2001:db8::1]:80 -p 2678400 -M 64":          persistent(tcp6, 2678400, ipvs.IPv6Netmask(64)),
		"-A -t [2001:db8::1]:80 -p 1 -M 64trailing":        persistent(tcp6, 1, ipvs.IPv6Netmask(64)),
		"-A -M 255.0.0.0 -t [2001:db8::1]:80 -p 1":         persistent(tcp6, 1, ipvs.Netmask{}),
		"-A -u 192.0.2.1:80 -o":                            service(ipvs.AddressService(ipvs.UDP, tcp.Address), func(s *ipvs.Service) { s.Flags = ipvs.OnePacket }),
		"-A -f 7 --ops":                                    service(mark, func(s *ipvs.Service) { s.Flags = ipvs.OnePacket }),
		"-A -t 192.0.2.1:80 --pe sip":                      service(tcp, func(s *ipvs.Service) { s.Engine = "sip" }),
		"--add-service -t 192.0.2.1:80 --scheduler=rr=odd": flags("rr=odd", 0),

		// Servers.
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -g":                                 forwarding(ipvs.DirectRouting),
		"-a -t 192.0.2.1:80 -r 192.0.2.9:8080 -i":                            forwarding(ipvs.Tunneling),
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -m":                                 forwarding(ipvs.Masquerading),
		"-a -m -r 192.0.2.9:80 -t 192.0.2.1:80":                              forwarding(ipvs.Masquerading),
		"-at192.0.2.1:80 -r192.0.2.9 -mw7":                                   server("192.0.2.9:80", func(d *ipvs.Destination) { d.Forwarding, d.Weight = ipvs.Masquerading, 7 }),
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -x 9 -y 5 -w 0":                     server("192.0.2.9:80", func(d *ipvs.Destination) { d.Weight, d.UpperThreshold, d.LowerThreshold = 0, 9, 5 }),
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -i --tun-type ipip":                 tunnel(ipvs.Tunnel{}),
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -i --tun-type gre --tun-csum":       tunnel(ipvs.Tunnel{Type: ipvs.GRE, Checksum: ipvs.Checksum}),
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -i --tun-type gue --tun-port 6":     tunnel(ipvs.Tunnel{Type: ipvs.GUE, Port: 6}),
		"-a --tun-port=6 --tun-type=gue -r 192.0.2.9 -it 192.0.2.1:80 -w +1": tunnel(ipvs.Tunnel{Type: ipvs.GUE, Port: 6}),
		"-a -t 192.0.2.1:80 -r 2001:db8::9 -i":                               server("[2001:db8::9]:80", func(d *ipvs.Destination) { d.Forwarding = ipvs.Tunneling }),

		// Listings.
		"-Lnc":              listing(Listing{Numeric: true, Connections: true}),
		"-L --timeout":      listing(Listing{Timeouts: true}),
		"-L --daemon -n":    listing(Listing{Daemons: true, Numeric: true}),
		"-L --stats -X":     listing(Listing{Options: format.Options{Stats: true, Exact: true}}),
		"-L --rate --exact": listing(Listing{Options: format.Options{Rate: true, Exact: true}}),
		"-L --thresholds --tun-info --persistent-conn": listing(Listing{Options: format.Options{Thresholds: true, TunnelInfo: true, PersistentConnections: true}}),
		"-L --sort --sort --nosort":                    listing(Listing{NoSort: true}),
		"-L --":                                        listing(Listing{}),

		// Daemons.
		"--start-daemon backup --syncid 255 --sync-maxlen 65507 --mcast-interface eth0 --mcast-group 224.0.0.5 --mcast-port 65535 --mcast-ttl 255": start(ipvs.Daemon{
			State: ipvs.Backup, SyncID: 255, MaxLength: 65507, Interface: "eth0", Group: netip.MustParseAddr("224.0.0.5"), Port: 65535, TTL: 255}),
	} {
		got, err := parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(relevant(want), relevant(got), comparable); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", line, diff)
		}
	}
}

var comparable = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, ipvs.Netmask{})

// relevant returns a command with zero in the fields that its kind does not use.
func relevant(c Command) Command {
	r := Command{Kind: c.Kind, Service: ipvs.Service{ServiceID: c.Service.ServiceID}}
	switch c.Kind {
	case AddService, EditService:
		r.Service = c.Service
	case AddServer, EditServer:
		r.Server = c.Server
	case DeleteServer:
		r.Server.Address = c.Server.Address
	case SetTimeouts:
		r.Timeouts = c.Timeouts
	case StartDaemon:
		r.Daemon = c.Daemon
	case StopDaemon:
		r.Daemon.State = c.Daemon.State
	case List, Save:
		r.Listing = c.Listing
	}
	return r
}

func TestParseNothing(t *testing.T) {
	got, err := Parse("ipvsadm", nil, fewNames)
	if err != nil || got.Kind != List {
		t.Errorf("no words at all: %v, %v", got, err)
	}
}

// TestParseInPart parses lines with a mistake. The command holds the words before it.
func TestParseInPart(t *testing.T) {
	service := ipvs.MarkService(7, ipvs.IPv4)
	for line, want := range map[string]Command{
		"nonsense":                  {},
		"-A -s rr":                  {Kind: AddService},
		"-A -f 7 -p x":              {Kind: AddService, Service: ipvs.Service{ServiceID: service}},
		"-D --bogus -f 7":           {Kind: DeleteService},
		"-a -f 7 -w x":              {Kind: AddServer, Service: ipvs.Service{ServiceID: service}},
		"-C extra":                  {Kind: Clear},
		"--stop-daemon backup -w x": {Kind: StopDaemon, Daemon: ipvs.Daemon{State: ipvs.Backup}},
	} {
		got, err := Parse("ipvsadm", strings.Fields(line), Lookup{})
		if err == nil || got.Kind != want.Kind || got.Daemon.State != want.Daemon.State {
			t.Errorf("%s: %+v, error %v", line, got, err)
		}
		if got.Service.ServiceID != want.Service.ServiceID {
			t.Errorf("%s: the service %v", line, got.Service.ServiceID)
		}
	}
}

// TestErrors compares messages and statuses with the original's.
func TestErrors(t *testing.T) {
	const try = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."
	for line, want := range map[string]Error{
		// No command.
		"-n":      {Message: try, Status: 255},
		"-q":      {Message: try, Status: 255},
		"-nL":     {Message: try, Status: 255},
		"extra":   {Message: try, Status: 255},
		"":        {Message: try, Status: 255},
		"--":      {Message: try, Status: 255},
		"--lis":   {Message: try, Status: 255},
		"-L=5":    {Message: try, Status: 255},
		"--set=1": {Message: try, Status: 255},

		// Words.
		"-L -q":                            {Message: "-q: unknown option", Status: 255},
		"-L -\x00":                         {Message: "-\\x00: unknown option", Status: 255},
		"-Lnq":                             {Message: "-Lnq: unknown option", Status: 255},
		"-L --nothing":                     {Message: "--nothing: unknown option", Status: 255},
		"-L --numeri":                      {Message: "--numeri: unknown option", Status: 255},
		"-L --numeric=5":                   {Message: "--numeric=5: option does not take an argument", Status: 255},
		"-L -n=5":                          {Message: "-n=5: option does not take an argument", Status: 255},
		"-A -t":                            {Message: "-t: missing argument", Status: 255},
		"-At":                              {Message: "-At: missing argument", Status: 255},
		"-A --tcp-service":                 {Message: "--tcp-service: missing argument", Status: 255},
		"-A -A":                            {Message: "invalid option `-A'", Status: 2},
		"-LS":                              {Message: "invalid option `-LS'", Status: 2},
		"-L --add-service":                 {Message: "invalid option `--add-service'", Status: 2},
		"-a --stop-daemon X":               {Message: "invalid option `X'", Status: 2},
		"-a --stop-daemon=X":               {Message: "invalid option `--stop-daemon=X'", Status: 2},
		"-a --start-daemon -r":             {Message: "invalid option `-r'", Status: 2},
		"-L extra --start-daemon ":         {Message: "invalid option `'", Status: 2},
		"-L --stop-daemon":                 {Message: "--stop-daemon: missing argument", Status: 255},
		"-L extra":                         {Message: "unexpected argument extra", Status: 2},
		"-L extra --nothing":               {Message: "--nothing: unknown option", Status: 255},
		"-L -- -n":                         {Message: "unexpected argument -n", Status: 2},
		"--set 1 2":                        {Message: "--set option requires 3 timeout values", Status: 2},
		"--set 1 x 3":                      {Message: "invalid timeout value `x' specified", Status: 2},
		"--set 1 2 3 4":                    {Message: "unexpected argument 4", Status: 2},
		"--set 1 2 3 -n":                   {Message: "Illegal 'numeric' option with the 'set' command", Status: 2},
		"-A -t 192.0.2.1:80 -t 192.0.2.1":  {Message: "multiple 'service-address' options specified", Status: 2},
		"-A -t 192.0.2.1:80 -f 1":          {Message: "multiple 'service-address' options specified", Status: 2},
		"-a -t 192.0.2.1:80 -g -g":         {Message: "multiple 'forwarding-method' options specified", Status: 2},
		"-Lnn":                             {Message: "multiple 'numeric' options specified", Status: 2},
		"-A -t 192.0.2.1:80 -b none extra": {Message: "unexpected argument extra", Status: 2},

		// Values.
		"-A -t none.example.com:80":                            {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-A -t 192.0.2.1:none":                                 {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-A -u 192.0.2.1:http":                                 {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-A -t 192.0.2.1:65536":                                {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-A -t 192.0.2.256:80":                                 {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-A -t 300 -p":                                         {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 300":                            {Message: "illegal real server address[:port] specified", Status: 2},
		"-A -t [::1]":                                          {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-A -t [fe80::1%lo]:80":                                {Message: "illegal virtual server address[:port] specified", Status: 2},
		"-a -t 192.0.2.1:80 -r none.example.com":               {Message: "illegal real server address[:port] specified", Status: 2},
		"-A -f 0":                                              {Message: "invalid fwmark value `0' specified", Status: 2},
		"-A -f 4294967296":                                     {Message: "invalid fwmark value `4294967296' specified", Status: 2},
		"-A -6 -f 1":                                           {Message: "-6 used before -f\n", Status: 2},
		"-A -t 192.0.2.1:80 -p 0":                              {Message: "invalid timeout value `0' specified", Status: 2},
		"-A -t 192.0.2.1:80 -p 2678401":                        {Message: "invalid timeout value `2678401' specified", Status: 2},
		"-A -t 192.0.2.1:80 -p=":                               {Message: "invalid timeout value `' specified", Status: 2},
		"-A -t 192.0.2.1:80 -M none.example.com":               {Message: "illegal virtual server persistent mask specified", Status: 2},
		"-A -t [::1]:80 -M 129":                                {Message: "illegal ipv6 netmask specified", Status: 2},
		"-A -t [::1]:80 -M 0":                                  {Message: "illegal ipv6 netmask specified", Status: 2},
		"-A -t 192.0.2.1:80 -b nothing":                        {Message: "invalid scheduler flag `nothing'", Status: 2},
		"-A -t 192.0.2.1:80 -b sh-port":                        {Message: "incompatible scheduler flag `sh-port'", Status: 2},
		"-A -t 192.0.2.1:80 -s sh -b sh-port,mh-port":          {Message: "incompatible scheduler flag `mh-port'", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -w -1":                {Message: "illegal weight specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -w 2147483648":        {Message: "illegal weight specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -w 1x":                {Message: "illegal weight specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -x x":                 {Message: "illegal u_threshold specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -y x":                 {Message: "illegal l_threshold specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -i --tun-type GUE":    {Message: "illegal tunnel type specified", Status: 2},
		"-a -t 192.0.2.1:80 -r 192.0.2.9 -i --tun-port 0":      {Message: "illegal tunnel port specified", Status: 2},
		"--start-daemon nobody":                                {Message: "illegal start-daemon parameter specified", Status: 2},
		"--stop-daemon nobody":                                 {Message: "illegal start_daemon specified", Status: 2},
		"--start-daemon master --syncid 256":                   {Message: "illegal syncid specified", Status: 2},
		"--start-daemon master --sync-maxlen 65508":            {Message: "illegal sync-maxlen specified", Status: 2},
		"--start-daemon master --mcast-port 0":                 {Message: "illegal mcast-port specified", Status: 2},
		"--start-daemon master --mcast-ttl 256":                {Message: "illegal mcast-ttl specified", Status: 2},
		"--start-daemon master --mcast-group 192.0.2.1":        {Message: "invalid IPv4 mcast-group `192.0.2.1'", Status: 2},
		"--start-daemon master --mcast-group ::1":              {Message: "invalid IPv6 mcast-group `::1'", Status: 2},
		"--start-daemon master --mcast-group all-routers.home": {Message: "invalid IPv4 mcast-group `all-routers.home'", Status: 2},

		// Legality.
		"-A":                             {Message: "You need to supply the 'service-address' option for the 'add-service' command", Status: 2},
		"-a -t 192.0.2.1:80":             {Message: "You need to supply the 'real-server' option for the 'add-server' command", Status: 2},
		"-C -n":                          {Message: "Illegal 'numeric' option with the 'flush' command", Status: 2},
		"-L -c -t 192.0.2.1:80":          {Message: "The option 'service-address' conflicts with the 'connection' option in the 'list' command", Status: 2},
		"-L --daemon --timeout":          {Message: "The option 'daemon' conflicts with the 'timeout' option in the 'list' command", Status: 2},
		"-L -c --stats":                  {Message: "options conflicts in the list command", Status: 2},
		"-L --summary":                   {Message: "You need to supply the 'connection' option for the 'summary' option", Status: 2},
		"-L --timeout --persistent-conn": {Message: "options conflicts in the list command", Status: 2},
		"-A -t 192.0.2.1":                {Message: "Zero port specified for non-persistent service", Status: 2},
		"-A -t 192.0.2.1:80 -o":          {Message: "One-Packet Scheduling is only for UDP virtual services", Status: 2},
		"-a -t 192.0.2.1:80 -r ::1":      {Message: "Different address family is allowed only for tunneling servers", Status: 2},
		"-a -t 192.0.2.1:80 -r 1.1.1.1 --tun-csum":                                                {Message: "Tunnel options conflict with forward method", Status: 2},
		"-a -t 192.0.2.1:80 -r 1.1.1.1 -i --tun-csum":                                             {Message: "Illegal 'tun-csum' option with the 'ipip' tunnel type", Status: 2},
		"-a -t 192.0.2.1:80 -r 1.1.1.1 -i --tun-type gue":                                         {Message: "You need to supply the 'tun-port' option for the 'gue' tunnel type", Status: 2},
		"-a -t 192.0.2.1:80 -r 1.1.1.1 -i --tun-type gue --tun-port 1 --tun-remcsum --tun-nocsum": {Message: "The option 'tun-remcsum' conflicts with the 'tun-nocsum' option in the 'gue' tunnel type", Status: 2},
	} {
		_, err := parse(line)
		var got *Error
		if !errors.As(err, &got) {
			t.Errorf("%s: %v, want %q", line, err, want.Message)
			continue
		}
		if got.Message != want.Message || got.Status != want.Status {
			t.Errorf("%s:\n got %q, status %d\nwant %q, status %d", line, got.Message, got.Status, want.Message, want.Status)
		}
	}
}
