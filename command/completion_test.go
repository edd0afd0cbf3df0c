package command

import (
	"net/netip"
	"strings"
	"testing"

	"ipvsadm/format"
	"ipvsadm/ipvs"
)

func TestComplete(t *testing.T) {
	server := func(address string) ipvs.ListedDestination {
		return ipvs.ListedDestination{Destination: ipvs.Destination{Address: netip.MustParseAddrPort(address), Weight: 1}}
	}
	entry := func(id ipvs.ServiceID, servers ...ipvs.ListedDestination) ipvs.Entry {
		service := ipvs.Service{ServiceID: id, Scheduler: "wlc"}
		return ipvs.Entry{ListedService: ipvs.ListedService{Service: service}, Destinations: servers}
	}
	table := func() []ipvs.Entry {
		return []ipvs.Entry{
			entry(ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.80:80")), server("10.0.0.11:80"), server("10.0.0.12:80")),
			entry(ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("[2001:db8::1]:443")), server("[2001:db8::2]:443")),
			entry(ipvs.AddressService(ipvs.UDP, netip.MustParseAddrPort("192.0.2.80:53")), server("10.0.0.13:53")),
			entry(ipvs.MarkService(7, ipvs.IPv4)),
			entry(ipvs.MarkService(7, ipvs.IPv6), server("[2001:db8::7]:0")),
			entry(ipvs.MarkService(9, ipvs.IPv6)),
		}
	}
	port := func(name, _ string) (uint16, bool) { return 80, name == "http" }
	const ofList = "-t -u --sctp-service -f -n -c --timeout --daemon --stats --rate -X --thresholds --persistent-conn --tun-info " +
		"--nosort --sort --format --color --syncid --netns"
	for _, test := range []struct{ line, want string }{
		{"-s wl", "wlc"}, // the command comes first, but completion need not say so
		{"-A -t 192.0.2.1:80 -s wl", "wlc"},
		{"-A -t 192.0.2.1:80 --scheduler=l", "--scheduler=lc --scheduler=lblc --scheduler=lblcr"},
		{"-A -t 192.0.2.1:80 -s sh -b sh-port,", "sh-port,sh-fallback sh-port,flag-1 sh-port,flag-2 sh-port,flag-3"},
		{"-E -t ", "192.0.2.80:80 [2001:db8::1]:443"},
		{"-at ", "192.0.2.80:80 [2001:db8::1]:443"},
		{"-E -t [", "[2001:db8::1]:443"},
		{"-E -u ", "192.0.2.80:53"},
		{"-E --sctp-service ", ""},
		{"-E -f ", "7 9"},
		{"-d -t 192.0.2.80:80 -r ", "10.0.0.11:80 10.0.0.12:80"},
		{"-d -t 192.0.2.80:http -r ", "10.0.0.11:80 10.0.0.12:80"},
		{"-d -t [2001:db8::1]:443 --real-server ", "[2001:db8::2]:443"},
		{"-d -f 7 -6 -r ", "[2001:db8::7]:0"},
		{"-d -r 10.0.0.1", "10.0.0.11:80 10.0.0.12:80 10.0.0.13:53"}, // of any service
		{"-d -f 7 -r ", ""},
		{"-D ", "-t -u --sctp-service -f --netns"},
		{"-D -f 7 ", "-6 --netns"},
		{"-L --t", "--tcp-service --timeout --thresholds --tun-info"},
		{"-L -c --t", "--thresholds --tun-info"},
		{"-L --format ", strings.Join(format.Names(), " ")},
		{"--start-daemon ", "master backup"},
		{"--start-daemon m", "master"},
		{"--start-daemon master --mcast-interface l", "lo"},
		{"--netns /proc/", ":files"},
		{"-Z --", "--tcp-service --udp-service --sctp-service --fwmark-service --netns"},
		{"--a", "--add-service --add-server"},
		{"-a -t 192.0.2.80:80 -r 10.0.0.11 -i --tun-type g", "gue gre"},
		{"-a -t 192.0.2.80:80 -r 10.0.0.11 -w ", ""},
		{"--unknown=", ""},
		{"--unknown=5 ", "-A -E -D -C -R -S -a -e -d -L -Z --set --start-daemon --stop-daemon -h -v --netns"},
		{"-L --unknown=s", ""},
		{"-L --numeric=", ""},
		{"-L -n=s ", ofList}, // -n takes no value: it is not the -s whose value comes next
		{"-Lq ", ofList},
		{"nonsense ", "-A -E -D -C -R -S -a -e -d -L -Z --set --start-daemon --stop-daemon -h -v --netns"},
	} {
		words := strings.Split(test.line, " ")
		var got []string
		for _, c := range Complete(words[:len(words)-1], words[len(words)-1], table, port) {
			got = append(got, c.Word)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: %q, not %q", test.line, got, test.want)
		}
	}
}

// TestCandidateHelp wants a description beside each word.
func TestCandidateHelp(t *testing.T) {
	service := func(port uint16, scheduler string, weights ...uint32) ipvs.Entry {
		address := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.80"), port)
		e := ipvs.Entry{ListedService: ipvs.ListedService{Service: ipvs.Service{
			ServiceID: ipvs.AddressService(ipvs.TCP, address), Scheduler: scheduler}}}
		for i, weight := range weights {
			server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 8080)
			e.Destinations = append(e.Destinations, ipvs.ListedDestination{
				Destination: ipvs.Destination{Address: server, Weight: weight}})
		}
		return e
	}
	table := func() []ipvs.Entry {
		return []ipvs.Entry{service(80, "wlc", 1, 0, 500), service(443, "mh", 1), service(53, "rr")}
	}
	for _, test := range []struct{ line, want string }{
		{"-E -t ", "192.0.2.80:80 (wlc, 3 servers) 192.0.2.80:443 (mh, 1 server) 192.0.2.80:53 (rr, 0 servers)"},
		{"-E --tcp-service=192.0.2.80:4", "--tcp-service=192.0.2.80:443 (mh, 1 server)"},
		{"-d -t 192.0.2.80:80 -r ", "10.0.0.0:8080 (weight 1) 10.0.0.1:8080 (weight 0) 10.0.0.2:8080 (weight 500)"},
		{"-S -", "-n (print numbers instead of host and port names) --netns (work in this network namespace; may stand anywhere)"},
		{"-A -t 192.0.2.1:80 --o", "--ops (one-packet scheduling: a server for each packet (UDP))"},
		{"--start-daemon ", "master backup"},
	} {
		words := strings.Split(test.line, " ")
		var got []string
		for _, c := range Complete(words[:len(words)-1], words[len(words)-1], table, fewNames.Port) {
			if c.Help != "" {
				c.Word += " (" + c.Help + ")"
			}
			got = append(got, c.Word)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: %q, not %q", test.line, strings.Join(got, " "), test.want)
		}
	}
}

// TestSchedulers compares the list with the help text.
func TestSchedulers(t *testing.T) {
	words := strings.FieldsFunc(longOption("scheduler").help, func(r rune) bool { return strings.ContainsRune(" ,()", r) })
	for _, name := range schedulers {
		found := false
		for _, word := range words {
			found = found || word == name
		}
		if !found {
			t.Errorf("%s is not in the help text", name)
		}
	}
}
