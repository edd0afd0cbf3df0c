package verb

import "testing"

// TestWhy asks about services of this machine. What the steps say is tested in package why.
func TestWhy(t *testing.T) {
	newTestApp(t, "ipvsadm").session([]step{
		{line: "-A -t 127.0.0.1:80 -s rr"},
		{line: "why 198.51.100.7 -t 127.0.0.1:80", part: "=> result     the kernel refuses the connection\n"},
		{line: "why 198.51.100.7:40000 -t 127.0.0.1:80", part: "2. service    tcp 127.0.0.1:80 matches; its scheduler is rr\n"},
		{line: "why -t 127.0.0.1:81 198.51.100.7", part: "no service of the table has tcp 127.0.0.1:81\n"},
		{line: "why 198.51.100.7 -t 192.0.2.1:80", part: "192.0.2.1 is not an address of this machine"},
		{line: "why 198.51.100.7 -f 5", part: "unknown: whether a firewall gives the packet the mark 5"},
		{line: "why", status: 1, errors: "why needs a client: ADDRESS or ADDRESS:PORT\n"},
		{line: "why 198.51.100.7", status: 1, errors: "why needs a service: -t, -u or --sctp-service ADDRESS:PORT, or -f MARK\n"},
		{line: "why 198.51.100.7 more -f 5", status: 1, errors: "unexpected argument more\n"},
		{line: "why host -f 5", status: 1,
			errors: "\"host\" is not the address of a client, such as 198.51.100.7 or 198.51.100.7:40000\n"},
		{line: "why 2001:db8::7 -f 5", status: 1, errors: "2001:db8::7: the clients of FWM 5 have ipv4 addresses\n"},
	})
}
