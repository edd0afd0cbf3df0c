package command

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"ipvsadm/ipvs"
)

// FuzzParse parses any words, one a line. A command that changes the kernel's tables and is written as a rule reads back as
// the same command.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"-A -t 192.0.2.1:80 -s rr",
		"-E -u [2001:db8::1]:53 -o -p 60 -M 64 --pe sip -b flag-1,sh-port -s sh",
		"-A -f 7 -6 -p", "-A --sctp-service 0x01020304:9", "-D -t host:http", "-C", "-Z", "-Z -f 4294967295",
		"-at 192.0.2.1:80 -r 10.0.0.1 -mw5 -x=9 -y 3",
		"-e -t 192.0.2.1:80 -r [2001:db8::2]:1 -i --tun-type gue --tun-port 6080 --tun-remcsum",
		"-a -f 1 -r 10.0.0.1 -i --tun-type gre --tun-csum", "-d -u 192.0.2.1:0 -r 1.2.3",
		"-Lnc --persistent-conn", "-L --stats --exact --format json", "--set 1 2 3", "--start-daemon master --mcast-interface eth0 --syncid 9",
		"--start-daemon=backup --mcast-group ff02::81 --mcast-port 1 --mcast-ttl 1 --sync-maxlen 1400", "--stop-daemon backup",
		"-S -n", "-R", "-h", "-v", "-L --netns x", "-A -- -t", "-A -t 192.0.2.1:80 –s rr",
	} {
		f.Add(strings.ReplaceAll(line, " ", "\n"))
	}
	lookup := Lookup{
		Host: func(name string) (netip.Addr, error) {
			if name == "host" {
				return netip.AddrFrom4([4]byte{192, 0, 2, 9}), nil
			}
			return netip.Addr{}, errors.New("no such host")
		},
		Port: func(name, protocol string) (uint16, bool) { return 80, name == "http" && protocol == "tcp" },
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\n")
		c, err := Parse("ipvsadm", words, lookup)
		var parseError *Error
		switch {
		case err == nil:
		case !errors.As(err, &parseError) || parseError.Message == "" || parseError.Status != statusUsage && parseError.Status != statusRefused:
			t.Fatalf("%q: error %#v", words, err)
		default:
			return
		}
		if _, changes := c.Change(); !changes || unwritable(c) {
			return
		}
		rule := string(c.AppendRule(nil, nil))
		again, err := Parse("ipvsadm", strings.Fields(rule), lookup)
		if err != nil {
			t.Fatalf("%q is %q, which is refused: %v", words, rule, err)
		}
		if settled(again) != settled(c) {
			t.Errorf("%q is\n%+v, but as the rule %q is\n%+v", words, settled(c), rule, settled(again))
		}
	})
}

// unwritable reports whether a command has a name with white space, which no kernel knows.
func unwritable(c Command) bool {
	for _, name := range []string{c.Service.Scheduler, c.Service.Engine, c.Daemon.Interface} {
		if name != "" && (len(strings.Fields(name)) != 1 || strings.Fields(name)[0] != name) {
			return true
		}
	}
	return false
}

// settled returns a command without fields that have no effect.
func settled(c Command) Command {
	c.Typed = Typed{}
	if c.Service.Flags&ipvs.Persistent == 0 {
		c.Service.Netmask = ipvs.Netmask{}
	}
	if c.Kind != AddService && c.Kind != EditService {
		c.Service = ipvs.Service{ServiceID: c.Service.ServiceID}
	}
	if c.Kind == StopDaemon {
		c.Daemon = ipvs.Daemon{State: c.Daemon.State}
	}
	return c
}
