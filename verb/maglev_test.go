package verb

import "testing"

// TestMaglev prints the tables of two services. What they hold is tested in package maglev.
func TestMaglev(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	other := rulesFile(t, "-A -t 192.0.2.1:80 -s mh\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m\n-A -f 1\n")
	const table = `SERVER       WEIGHT  SLOTS     SHARE
10.0.0.2:80       3   3069   74.98 %
10.0.0.1:80       1   1024   25.02 %
digest b25eb4074c36fdd3 of 4093 slots
`
	const serviceMissing = "maglev needs a service: -t, -u or --sctp-service ADDRESS:PORT, or -f MARK\n"
	a.session([]step{
		{line: "-R", stdin: "-A -t 192.0.2.1:80 -s mh\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3\n" +
			"-A -t 192.0.2.2:80 -s mh -b mh-port\n-a -t 192.0.2.2:80 -r 10.0.0.1:80 -w 0\n-A -f 1\n"},
		{line: "maglev -t 192.0.2.1:80", output: table},
		{line: "maglev -t 192.0.2.1:80 --client 198.51.100.7", output: table + "10.0.0.1:80\n"},
		{line: "maglev -t 192.0.2.1:80 --client 198.51.100.7:5", output: table + "10.0.0.1:80\n"}, // without mh-port, ports do not count
		{line: "maglev -t 192.0.2.1:80 --without 10.0.0.2:80",
			output: table + "without 10.0.0.2:80: 74.98 % of the clients move: its own 74.98 %, and 0.00 % of the others'\n"},
		{line: "maglev -t 192.0.2.1:80 --other " + other,
			output: table + "by " + other + ": 74.98 % of the clients get another server (digest 3ac49d7dbd6c1612)\n"},
		{line: "maglev -t 192.0.2.1:80 --other kernel",
			output: table + "by kernel: 0.00 % of the clients get another server (digest b25eb4074c36fdd3)\n"},
		{line: "maglev -t 192.0.2.2:80", part: "\n10.0.0.1:80       0      0    0.00 %\n",
			errors: "hint: 10.0.0.1:80 has weight 0. The kernel keeps the slots of its former weight, but does not list that weight: here it has none\n"},
		{line: "maglev -t 192.0.2.2:80 --client 198.51.100.7:5", status: 1, errors: "no server of TCP 192.0.2.2:80 has a weight above 0\n"},
		{line: "maglev -t 192.0.2.2:80 --client 198.51.100.7", status: 1,
			errors: "--client 198.51.100.7: the port of a client counts, because the service has mh-port\n"},
		{line: "maglev -t 192.0.2.1:80 --client 2001:db8::1", status: 1,
			errors: "--client 2001:db8::1: the clients of TCP 192.0.2.1:80 have ipv4 addresses\n"},
		{line: "maglev -t 192.0.2.1:80 --client host", status: 1, errors: "--client \"host\": not an address, and not an address and a port\n"},
		{line: "maglev -t 192.0.2.1:80 --without 10.0.0.9:80", status: 1, errors: "TCP 192.0.2.1:80 has no server 10.0.0.9:80\n"},
		{line: "maglev -t 192.0.2.2:80 --other " + other, status: 1, errors: other + ": there is no service TCP 192.0.2.2:80\n"},
		{line: "maglev -f 1", status: 1, errors: "FWM 1 has the scheduler wlc: only mh has a table of Maglev\n"},
		{line: "maglev -f 9", status: 1, errors: "there is no service FWM 9\n"},
		{line: "maglev", status: 1, errors: serviceMissing},
	})
}
