package names

import (
	"net/netip"
	"testing"
)

// hostsText has a line for each rule of the C library. The original's `-A -t NAME:80` and `-L` showed the rules.
const hostsText = `# comment
127.0.0.1	localhost
::1 localhost loop6
10.1.0.1 v4only v4alias # not-a-name
2001:db8:1::1 v6only
2001:db8:1::2 both
10.1.0.2 both
10.1.0.3 dup
10.1.0.4 dup
10.1.0.5 Mixed.Case
10.1.0.6 first second third fourth fifth
10.1.0.6 later
10.1.0.300 wrong
10.1 short
::ffff:10.1.0.11 mapped
10.1.0.12 unmapped
10.1.0.13	tabbed#comment
garbage
10.1.0.14
  10.1.0.15 leading
10.1.0.16 last`

func TestHostAddresses(t *testing.T) {
	h := parseHosts(hostsText)
	for name, want := range map[string]string{
		"localhost":  "127.0.0.1",
		"loop6":      "127.0.0.1",
		"v4only":     "10.1.0.1",
		"v4alias":    "10.1.0.1",
		"both":       "10.1.0.2",
		"dup":        "10.1.0.3",
		"mixed.case": "10.1.0.5",
		"fifth":      "10.1.0.6",
		"later":      "10.1.0.6",
		"mapped":     "10.1.0.11",
		"tabbed":     "10.1.0.13",
		"leading":    "10.1.0.15",
		"last":       "10.1.0.16",
	} {
		if got := h.addressOf[name]; got != netip.MustParseAddr(want) {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
	for _, name := range []string{"v6only", "wrong", "short", "garbage", "comment", "not-a-name", "10.1.0.14"} {
		if got, ok := h.addressOf[name]; ok {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestHostNames(t *testing.T) {
	h := parseHosts(hostsText)
	for address, want := range map[string]string{
		"127.0.0.1":        "localhost",
		"::1":              "localhost",
		"10.1.0.1":         "v4only",
		"2001:db8:1::1":    "v6only",
		"10.1.0.6":         "first",
		"10.1.0.11":        "mapped",
		"::ffff:10.1.0.11": "mapped",
		"10.1.0.12":        "unmapped",
		"::ffff:10.1.0.12": "",
		"10.1.0.14":        "",
	} {
		if got := h.nameOf[netip.MustParseAddr(address)]; got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

// TestLoopbackWithoutIPv4 has a hosts file that names only the IPv6 loopback address.
func TestLoopbackWithoutIPv4(t *testing.T) {
	h := parseHosts("::1 loop6 alias\n")
	loopback := netip.MustParseAddr("127.0.0.1")
	if h.nameOf[loopback] != "loop6" || h.addressOf["alias"] != loopback || len(h.addressOf) != 2 {
		t.Errorf("names %v, addresses %v", h.nameOf, h.addressOf)
	}
}

func FuzzHosts(f *testing.F) {
	f.Add(hostsText)
	f.Fuzz(func(t *testing.T, text string) {
		h := parseHosts(text)
		for name, address := range h.addressOf {
			if name == "" || !address.Is4() {
				t.Errorf("name %q of %v", name, address)
			}
			if _, ok := h.nameOf[address]; !ok {
				t.Errorf("%v of name %q has no name", address, name)
			}
		}
	})
}
