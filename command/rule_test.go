package command

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
)

// changes has lines of every kind that AppendRule writes.
var changes = []string{
	"-A -t 192.0.2.1:80",
	"-A -u 192.0.2.1:53 -s rr -o",
	"-A --sctp-service [2001:db8::1]:80 -s wrr -p 300 -M 64",
	"-A -t 0.0.0.0:80 -p -M 255.255.255.0",
	"-A -t 192.0.2.1:0 -p 1 --pe sip",
	"-A -t [2001:db8::1]:80 -s mh -b mh-port,mh-fallback,flag-3",
	"-A -f 4294967295 -s sh -b sh-port -o",
	"-A -f 1 -6 -s rr -b flag-1,flag-2,flag-3",
	"-A -f 1 -6 -p -M 1",
	"-A -t 192.0.2.1:80 -p -M 0.0.0.0",
	"-A -t 192.0.2.1:80 -M 255.0.0.0",
	"-E -t 192.0.2.1:80 -s none",
	"-E -f 1",
	"-D -t 192.0.2.1:80",
	"-D -f 1 -6",
	"-C",
	"-a -t 192.0.2.1:80 -r 192.0.2.9",
	"-a -t 192.0.2.1:80 -r 192.0.2.9:8080 -m -w 0 -x 2147483647 -y 1",
	"-a -t 192.0.2.1:80 -r 192.0.2.9 -i",
	"-a -t 192.0.2.1:80 -r [2001:db8::9]:80 -i --tun-type gue --tun-port 65535 --tun-remcsum",
	"-a -t [2001:db8::1]:80 -r 192.0.2.9 -i --tun-type gre --tun-csum",
	"-a -t 192.0.2.1:80 -r 192.0.2.9 -i --tun-type gre --tun-nocsum",
	"-a -f 1 -r 192.0.2.9 -g",
	"-a -f 1 -r 192.0.2.9:80 -m",
	"-a -f 1 -6 -r [2001:db8::9]:0 -m",
	"-e -t 192.0.2.1:80 -r 192.0.2.9 -w 2147483647",
	"-d -t 192.0.2.1:80 -r 192.0.2.9:8080",
	"-d -r 192.0.2.9:8080 -f 1",
	"-Z",
	"-Z -u 192.0.2.1:53",
	"-Z -f 1 -6",
	"--set 0 0 0",
	"--set 2678400 1 900",
	"--start-daemon master",
	"--start-daemon master --mcast-interface eth0",
	"--start-daemon backup --mcast-interface lo --syncid 255 --sync-maxlen 65507 --mcast-group ff02::5 --mcast-port 65535 --mcast-ttl 255",
	"--stop-daemon master",
	"--stop-daemon backup",
}

func TestRulesReadBack(t *testing.T) {
	for _, line := range changes {
		c, err := parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		checkRule(t, c)
	}
}

// TestEveryOptionIsInARule wants each option of a change in a line that TestRulesReadBack tries: an option that AppendRule
// does not write would be lost in every saved file.
func TestEveryOptionIsInARule(t *testing.T) {
	tried := map[*option]bool{}
	for _, line := range changes {
		var p Parser
		p.begin(strings.Fields(line), Lookup{})
		for found, _, _, err := p.words.next(); found != nil && err == nil; found, _, _, err = p.words.next() {
			tried[found] = true
		}
	}
	for i := range options {
		o := &options[i]
		if o.commands == nil || tried[o] {
			continue
		}
		for _, kind := range slices.Concat(o.commands.required, o.commands.allowed) {
			if _, isChange := (Command{Kind: kind}).Change(); isChange {
				t.Errorf("no line has --%s, which goes with %v", o.long, kind)
				break
			}
		}
	}
}

// checkRule writes a command as a rule and parses that.
func checkRule(t *testing.T, c Command) {
	t.Helper()
	rule := string(c.AppendRule(nil, nil))
	again, err := parse(rule)
	if err != nil {
		t.Errorf("%q: %v", rule, err)
		return
	}
	if diff := cmp.Diff(written(c), written(again), comparable); diff != "" {
		t.Errorf("%q: was (-), reads back as (+):\n%s", rule, diff)
	}
}

// written returns the fields of a command that a rule has. Without persistence the mask has no effect.
func written(c Command) Command {
	c = relevant(c)
	if c.Service.Timeout == 0 {
		c.Service.Netmask = ipvs.Netmask{}
	}
	return c
}

func TestAppendRule(t *testing.T) {
	for line, want := range map[string]string{
		"--add-service -t 192.0.2.1:80":                    "-A -t 192.0.2.1:80 -s wlc",
		"-A -f 1 -6 -p -M 64":                              "-A -f 1 -6 -s wlc -p 360 -M 64",
		"-A -t 192.0.2.1:80 -s sh -b flag-2,flag-1":        "-A -t 192.0.2.1:80 -s sh -b sh-fallback,sh-port",
		"-A -u 192.0.2.1:80 -o -M 255.0.0.0 -p 9 --pe sip": "-A -u 192.0.2.1:80 -s wlc -p 9 -M 255.0.0.0 --pe sip -o",
		"-d -t 192.0.2.1:80 -r 192.0.2.9":                  "-d -t 192.0.2.1:80 -r 192.0.2.9:80",
		"-e -t 192.0.2.1:80 -r 192.0.2.9 -y 1 -x 2":        "-e -t 192.0.2.1:80 -r 192.0.2.9:80 -g -w 1 -x 2 -y 1",
		"-a -f 1 -r 192.0.2.9 -i":                          "-a -f 1 -r 192.0.2.9:0 -i -w 1 --tun-type ipip",
		"-a -f 1 -r ::9 -i --tun-type gue --tun-port 6":    "-a -f 1 -r [::9]:0 -i -w 1 --tun-type gue --tun-port 6 --tun-nocsum",
		"--zero":      "-Z",
		"--set 1 2 3": "--set 1 2 3",
		"--start-daemon=backup --syncid=0 --mcast-interface=lo": "--start-daemon backup --mcast-interface lo",
		"-L": "",
	} {
		c, err := parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := string(c.AppendRule([]byte("before "), nil)); got != "before "+want {
			t.Errorf("%s: %q, want %q", line, got, "before "+want)
		}
	}
}

// FuzzAddress compares with netip the addresses that both read.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"1.2.3.4", "0x1.2", "1.2.3", "010.1.1.1", "4294967295", "4294967296", "0x", "1..2", ".", "1.2.3.4 x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseIPv4(text)
		if want, err := netip.ParseAddr(text); err == nil && want.Is4() && (!ok || got != want) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	})
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "+7": 7, "-7": -7, " 7": 7, "\t\n\v\f\r 7": 7, "007": 7, "-0": 0,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if got, ok := parseNumber(text, math.MinInt64, math.MaxInt64); !ok || got != want {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", " ", "x", "7x", "7 ", "+ 7", "+-7", "--7", "0x10", "1_000", "1e3", "٣", "9223372036854775808"} {
		if got, ok := parseNumber(text, math.MinInt64, math.MaxInt64); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
	for _, bounds := range []struct {
		text string
		ok   bool
	}{{"1", false}, {"2", true}, {"5", true}, {"6", false}} {
		if _, ok := parseNumber(bounds.text, 2, 5); ok != bounds.ok {
			t.Errorf("%s within 2 and 5: %v", bounds.text, ok)
		}
	}
}
