package tests

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var (
	randomLines = flag.Int("random.lines", 60, "how many lines TestRandomLines tries")
	randomSeed  = flag.Uint64("random.seed", 1, "the seed that they are drawn from")
)

// TestRandomLines compares the original and this program on random command lines. For a longer run:
//
//	go test -exec "$PWD/tests/lab/run" ./tests -run TestRandomLines -random.lines 3000 -random.seed 7
func TestRandomLines(t *testing.T) {
	pair := newPair(t)
	random := randomLine{rand.New(rand.NewPCG(*randomSeed, 0))}
	accepted := 0
	for range *randomLines {
		result, err := pair.compare("", nil, random.line()...)
		if err != nil {
			t.Error(err)
		}
		if result.status == 0 {
			accepted++
		}
	}
	t.Logf("both accepted %d of %d lines", accepted, *randomLines)
}

// randomLine draws lines that are mostly nearly right, because a line with an early error tests little.
type randomLine struct{ *rand.Rand }

func (r randomLine) oneOf(words ...string) string { return words[r.IntN(len(words))] }
func (r randomLine) rarely() bool                 { return r.IntN(8) == 0 }

// line leaves out the daemons, because the kernel may take long to stop one, and -h and -v, which differ on purpose.
func (r randomLine) line() []string {
	var words []string
	switch verb := r.oneOf("-A", "-A", "-A", "-E", "-D", "-a", "-a", "-a", "-e", "-d", "-L", "-L", "-Z", "-S", "-R", "--set",
		"-C", "--add-service", "--add-server", "--list", "-l"); verb {
	case "-A", "-E", "--add-service":
		words = append(r.option(verb), r.service()...)
		words = r.some(words, "-s", "-p", "-M", "--pe", "-b", "-o")
	case "-D", "-Z":
		words = append(r.option(verb), r.service()...)
	case "-a", "-e", "-d", "--add-server":
		words = append(r.option(verb), r.service()...)
		words = append(words, r.option("-r")...)
		words = r.some(words, "-g", "-i", "-i", "-m", "-w", "-x", "-y", "--tun-type", "--tun-port", "--tun-csum", "--tun-nocsum", "--tun-remcsum")
	case "-C":
		if !r.rarely() {
			return r.line()
		}
		words = []string{verb}
	case "-S":
		words = r.some([]string{verb}, "-n")
	case "--set":
		words = []string{verb, r.number(), r.number(), r.number()}
	default:
		words = r.some([]string{verb, "-n"}, "-c", "--timeout", "--daemon", "--stats", "--rate", "--exact", "--thresholds",
			"--persistent-conn", "--tun-info", "--sort")
		if r.IntN(3) == 0 {
			words = append(words, r.service()...)
		}
	}
	if r.rarely() { // the order of some options matters
		rest := words[1:]
		r.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	}
	if r.rarely() {
		words = append(words, r.oneOf("-n", "-w", "extra", "--", "-", "", "-6", "--sort", "-X", "--bogus", "-A", "-p", "--tun-info", "-nn"))
	}
	return words
}

func (r randomLine) service() []string {
	words := r.option(r.oneOf("-t", "-t", "-u", "--sctp-service", "-f"))
	if words[0] == "-f" && r.IntN(2) == 0 {
		words = append(words, "-6")
	}
	return words
}

// some appends some of the options to words.
func (r randomLine) some(words []string, options ...string) []string {
	for _, option := range options {
		if r.IntN(4) == 0 {
			words = append(words, r.option(option)...)
		}
	}
	return words
}

// option returns the words of an option and its value, if it takes one, in one of the ways to write them.
func (r randomLine) option(option string) []string {
	value, takes := r.value(option)
	if !takes {
		return []string{option}
	}
	switch {
	case r.rarely() && option[1] != '-':
		return []string{option + value}
	case r.rarely():
		return []string{option + "=" + value}
	case r.rarely():
		return []string{option}
	default:
		return []string{option, value}
	}
}

func (r randomLine) value(option string) (value string, takes bool) {
	switch option {
	case "-t", "-u", "--sctp-service":
		return r.address(), true
	case "-r":
		return r.address(), true
	case "-f":
		return r.oneOf("1", "2", "3", "77", "2147483647", r.number()), true
	case "-s":
		return r.oneOf("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "mh", "sh",
			"none", "", "RR", "a-name-longer-than-any"), true
	case "-b":
		return r.oneOf("sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1", "flag-2", "flag-1,flag-2", "sh-port,sh-fallback",
			"sh-port,mh-port", ",flag-1,", "", "flag-4", "flag-1;flag-2"), true
	case "-p", "-w", "-x", "-y", "--tun-port":
		return r.number(), true
	case "-M":
		return r.oneOf("255.255.255.0", "255.0.0.0", "255.255.255.255", "0.0.0.0", "255.0.255.0", "64", "128", "129", "0", "24x", "", "0xffffff00"), true
	case "--pe":
		return r.oneOf("sip", "sip", "none", ""), true
	case "--tun-type":
		return r.oneOf("ipip", "gue", "gre", "GUE", ""), true
	default:
		return "", false
	}
}

// address never returns two addresses that are 2^31 apart, because the original sorts those in another order.
func (r randomLine) address() string {
	if r.rarely() {
		return r.oneOf("", ":", ":80", "1.2.3", "0x01020304:80", "010.0.0.1:80", "1.2.3.4.5:80", "256.1.1.1:80", "[::1]", "[1.2.3.4]:80", "[::1]:",
			"::1:80", "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:80", "fe80::1%lo", "localhost:80", "1.2.3.4:", "1.2.3.4:-1", "1.2.3.4:65536",
			"1.2.3.4:http", "1.2.3.4:domain", "1.2.3.4: 80", " 1.2.3.4:80", "1.2.3.4 :80", "1.2.3.4:80 ", "[::1]:http", "[::1]80", "0:80",
			"[ff02::1]:80", "1.2.3.4:0", "no_such_host.invalid:80")
	}
	return r.oneOf("1.2.3.4", "1.2.3.5", "10.0.0.1", "[::1]", "[2001:db8::7]") + ":" + r.oneOf("80", "80", "80", "443", "53", "0", "8080")
}

func (r randomLine) number() string {
	return r.oneOf("0", "1", "2", "10", "100", "300", "-1", "+7", " 7", "7 ", "", "0x10", "010", "65535", "65536", "2147483647",
		"2147483648", "4294967295", "4294967296", "2678400", "2678401", "9223372036854775808", "99999999999999999999", "x", "1x", "--1", "\t5")
}
