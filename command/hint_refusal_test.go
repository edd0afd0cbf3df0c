package command

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"ipvsadm/ipvs"
)

// TestRefusalHints has the kernel refuse lines for every reason that it may have.
func TestRefusalHints(t *testing.T) {
	const (
		noServer   = "192.0.2.9"
		schedulers = "rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf or mh, or another that this kernel has a module for"
	)
	for _, test := range []struct {
		line  string
		errno syscall.Errno
		want  string
	}{
		{"-A -t 192.0.2.1:80", syscall.EEXIST, "to change a service type -E"},
		{"-a -t 192.0.2.1:80 -r " + noServer, syscall.EEXIST, "to change a server type -e"},
		{"-E -t 192.0.2.1:80", syscall.EEXIST, ""},
		{"-A -t 192.0.2.1:80", syscall.ENOENT, "this kernel lacks the module ip_vs_wlc"},
		{"-A -u 192.0.2.1:80 -s mh -p --pe sip", syscall.ENOENT, "this kernel lacks the module ip_vs_mh or ip_vs_pe_sip"},
		{"-E -f 1 -s wrrr", syscall.ENOENT, "type -s wrr"},
		{"-A -f 1 -s mine", syscall.ENOENT, "-s takes " + schedulers},
		{"-A -f 1 -s none --pe sipp", syscall.ENOENT, "type --pe sip"},
		{"-A -f 1 -s RR --pe SIP", syscall.ENOENT, "type -s rr\ntype --pe sip"},
		{"-A -f 1 -s none --pe mine", syscall.ENOENT, "--pe takes sip, or another that this kernel has a module for"},
		{"-A -f 1 -s none", syscall.ENOENT, "this kernel lacks the module ip_vs_none"},
		{"-A -f 1 -s rr\u00a0", syscall.ENOENT, `"rr\u00a0" has a no-break space: type rr`},
		{"-A -f 1 -s " + strings.Repeat("r", 1000), syscall.ENOENT, "-s takes " + schedulers},
		{"-e -t 192.0.2.1:80 -r 192.0.2.9 -m", syscall.ENOENT, "without a port, -r has the service's, 80: type -r 192.0.2.9:PORT"},
		{"-d -t [2001:db8::1]:80 -r 2001:db8::9", syscall.ENOENT, "without a port, -r has the service's, 80: type -r [2001:db8::9]:PORT"},
		{"-e -t 192.0.2.1:80 -r 192.0.2.9:8080 -m", syscall.ENOENT, ""},
		{"-e -t 192.0.2.1:80 -r 192.0.2.9:80", syscall.ENOENT, ""},
		{"-e -f 1 -r 192.0.2.9", syscall.ENOENT, ""},
		{"-e -t 192.0.2.1:80 -r 192.0.2.9:8080 -i", syscall.ENOENT, "with -g and -i the server's port is the service's, 80: for 192.0.2.9:8080 type -m"},
		{"-e -t 192.0.2.1:80 -r 192.0.2.9:8080", syscall.ENOENT,
			"without -m it is -g, and the server's port is the service's, 80: for 192.0.2.9:8080 type -m"},
		{"-D -t 192.0.2.1", syscall.ESRCH, "no port was typed: type 192.0.2.1:PORT"},
		{"-D -t 2001:db8::1", syscall.ESRCH, "no port was typed: type [2001:db8::1]:PORT"},
		{"-D -t 192.0.2.1:80", syscall.ESRCH, ""},
		{"-D -f 1", syscall.ESRCH, ""},
		{"-Z", syscall.ESRCH, ""},
		{"-D -t 192.0.2.1", syscall.EINVAL, ""},
	} {
		c, err := parse(strings.ReplaceAll(test.line, "\u00a0", "_"))
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		c.Service.Scheduler = strings.ReplaceAll(c.Service.Scheduler, "_", "\u00a0")
		change, _ := c.Change()
		refused := error(&ipvs.Error{Operation: change.Operation(), Err: test.errno})
		explained := c.Explain(refused)
		var hinted *Hinted
		got := ""
		if errors.As(explained, &hinted) {
			got = strings.Join(hinted.Hints, "\n")
		}
		if got != test.want || !errors.Is(explained, test.errno) {
			t.Errorf("%s: %v:\n got %s\nwant %s", test.line, test.errno, got, test.want)
		}
	}
	other := errors.New("other")
	if c, err := parse("-A -f 1"); err != nil || c.Explain(other) != other || c.Explain(nil) != nil {
		t.Errorf("%v; hints about an error that is not the kernel's", err)
	}
}
