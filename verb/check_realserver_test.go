package verb

import "testing"

// TestCheckRealServer checks a service whose address this machine does not have. What rules find is tested in package check.
func TestCheckRealServer(t *testing.T) {
	const service = "--real-server needs a service with an address: -t, -u or --sctp-service ADDRESS:PORT\n"
	newTestApp(t, "ipvsadm").session([]step{
		{line: "check --rules --real-server", part: "gateway-not-director "},
		{line: "check --explain vip-missing", part: "vip-missing (error): "},
		{line: "check --explain vip-wrong-mask --real-server", part: "belongs to this machine"},
		{line: "check --real-server", status: 2, errors: service},
		{line: "check --real-server -f 1", status: 2, errors: service},
		{line: "check --real-server --probe", status: 2,
			errors: "--probe sends packets to the servers of a director: it does not go with --real-server\n"},
		{line: "check --forwarding g", status: 2, errors: "--forwarding goes with --real-server\n"},
		{line: "check --director 192.0.2.1", status: 2, errors: "--director goes with --real-server\n"},
		{line: "check --real-server -t 192.0.2.1:80 --forwarding x", status: 2, errors: "--forwarding: \"x\" is not g, i or m\n"},
		{line: "check --real-server -t 192.0.2.1:80 --director x", status: 2, errors: "--director: \"x\" is not an address\n"},
		{line: "check --real-server -t 192.0.2.1:80 --ignore no-server", status: 2,
			errors: "--ignore: no rule is named \"no-server\"; ipvsadm check --rules lists the names\n"},
		{line: "check --real-server -t 192.0.2.1:80", status: 2,
			errors: "cannot know how the director forwards: no device of this machine has the address 192.0.2.1\n" +
				"hint: direct routing and tunnels need it here: use --forwarding g or i\n" +
				"hint: masquerading does not: use --forwarding m\n"},
		{line: "check --real-server -t 192.0.2.1:80 --forwarding g", status: 1, part: "error vip-missing: "},
		{line: "check --real-server -t 192.0.2.1:80 --forwarding m --format json --fail-on never", part: `"name": "vip-missing",`},
	})
}
