package verb

import "testing"

// TestWeightAndUndrain sets and restores weights. Draining waits for connections, of which the kernel's file is not in a test.
func TestWeightAndUndrain(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	const (
		service  = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 5\n"
		mark     = "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1:80 -m -w 4\n-a -f 1 -r 10.0.0.2:80 -m -w 9\n"
		noServer = "no server is named\nhint: name one with -r ADDRESS or -r ADDRESS:PORT\n"
		noWeight = ", not a number from 0 to 2147483647\n"
	)
	a.session([]step{
		{line: "-R", stdin: service + mark},
		{line: "weight -r 10.0.0.1:80 7", output: "TCP 192.0.2.1:80 -> 10.0.0.1:80: weight 3 -> 7\nFWM 1 -> 10.0.0.1:80: weight 4 -> 7\n"},
		{line: "weight -t 192.0.2.1:80 -r 10.0.0.1:80 3", output: "TCP 192.0.2.1:80 -> 10.0.0.1:80: weight 7 -> 3\n"},
		{line: "weight -f 1 -r 10.0.0.1:80 4", output: "FWM 1 -> 10.0.0.1:80: weight 7 -> 4\n"},
		{line: "weight -f 1 -r 10.0.0.1:80 2147483648", status: 1, errors: "the weight is \"2147483648\"" + noWeight},
		{line: "weight -r 10.0.0.1:80 x", status: 1, errors: "the weight is \"x\"" + noWeight},
		{line: "weight -r 10.0.0.1:80", status: 1, errors: "the weight is \"\"" + noWeight},
		{line: "weight -r 10.0.0.1:80 1 2", status: 1, errors: "unexpected argument 2\n"},
		{line: "weight -r 10.0.0.9:80 4", status: 1, errors: "no service has the server 10.0.0.9:80\n"},
		{line: "weight 4", status: 1, errors: noServer},
		{line: "undrain", status: 1, errors: noServer},
		{line: "undrain --all", output: "no server is drained\n"},
		{line: "drain", status: 1, errors: noServer},
		{line: "drain -r 10.0.0.9:80", status: 1, errors: "no service has the server 10.0.0.9:80\n"},
		{line: "-Sn", output: service + mark},
	})
	a.do("drain", "-r", "10.0.0.1:80", "--timeout", "0")
	a.session([]step{
		{line: "-Ln -t 192.0.2.1:80", part: "  -> 10.0.0.1:80                  Masq    0 "},
		{line: "-Ln -f 1", part: "  -> 10.0.0.1:80                  Masq    0 "},
		{line: "drain -r 10.0.0.2:80", status: 1,
			errors: "refused: 10.0.0.2:80 is the last server of TCP 192.0.2.1:80 with a weight: every new client would be refused\n" +
				"hint: type before: ipvsadm undrain -r 10.0.0.1:80 -t 192.0.2.1:80\n" +
				"refused: 10.0.0.2:80 is the last server of FWM 1 with a weight: every new client would be refused\n" +
				"hint: type before: ipvsadm undrain -r 10.0.0.1:80 -f 1\n" +
				"hint: nothing was changed; --force drains in spite of this\n"},
		{line: "undrain -f 1 -r 10.0.0.1:80", output: "FWM 1 -> 10.0.0.1:80: weight 0 -> 4\n"},
		{line: "undrain --all", output: "TCP 192.0.2.1:80 -> 10.0.0.1:80: weight 0 -> 3\n"},
		{line: "undrain --all", output: "no server is drained\n"},
		{line: "-Sn", output: service + mark},
	})
}
