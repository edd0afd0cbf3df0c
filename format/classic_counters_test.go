package format

import (
	"math"
	"testing"

	"ipvsadm/ipvs"
)

func counter(c classic, n uint64) string {
	var r row
	c.counter(&r, n)
	return string(r.text)
}

// TestCounter has both bounds of each unit and of the integer types. The texts are the original's: a program between it and
// the kernel changed the counters in the kernel's messages.
func TestCounter(t *testing.T) {
	for n, want := range map[uint64]string{
		0:                   "        0",
		9999999:             "  9999999",
		10000000:            " 10000000",
		99999999:            " 99999999",
		100000000:           "  100000K",
		999999999:           "  999999K",
		1000000000:          "    1000M",
		1<<32 - 1:           "    4294M",
		1 << 32:             "    4294M",
		9999999999:          "    9999M",
		99999999999:         "   99999M",
		100000000000:        "     100G",
		9999999999999:       "    9999G",
		99999999999999:      "   99999G",
		100000000000000:     "     100T",
		99999999999999999:   "   99999T",
		999999999999999999:  "  999999T",
		1<<63 - 1:           " 9223372T",
		1 << 63:             " 9223372T",
		9999999999999999999: " 9999999T",
		math.MaxUint64:      "18446744T",
	} {
		if got := counter(classic{}, n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestExactCounter(t *testing.T) {
	for n, want := range map[uint64]string{
		0:              "        0",
		99999999:       " 99999999",
		100000000:      " 100000000",
		1 << 32:        " 4294967296",
		1 << 63:        " 9223372036854775808",
		math.MaxUint64: " 18446744073709551615",
	} {
		if got := counter(classic{Options{Exact: true}}, n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

// TestCounterColumns has lines of the original, made as in TestCounter, up to 32 bits. Above that, our counters of servers
// stay 64 bits wide (difference 4).
func TestCounterColumns(t *testing.T) {
	for _, test := range []struct {
		columns columns
		exact   bool
		counter uint64
		want    string
	}{
		{statsColumns, false, 4294967295, "" +
			"TCP  192.168.1.1:80                  4294M    4294M    4294M    4294M    4294M\n" +
			"  -> [2001:db8::4]:80                4294M    4294M    4294M    4294M    4294M\n"},
		{statsColumns, true, 4294967295, "" +
			"TCP  192.168.1.1:80               4294967295 4294967295 4294967295 4294967295 4294967295\n" +
			"  -> [2001:db8::4]:80             4294967295 4294967295 4294967295 4294967295 4294967295\n"},
		{rateColumns, false, 4294967295, "" +
			"TCP  192.168.1.1:80                  4294M    4294M    4294M    4294M    4294M\n" +
			"  -> [2001:db8::4]:80             4294967295 4294967295 4294967295    4294M    4294M\n"},
		{rateColumns, true, 4294967295, "" +
			"TCP  192.168.1.1:80               4294967295 4294967295 4294967295 4294967295 4294967295\n" +
			"  -> [2001:db8::4]:80             4294967295 4294967295 4294967295 4294967295 4294967295\n"},
		{statsColumns, false, math.MaxUint64, "" +
			"TCP  192.168.1.1:80              18446744T18446744T18446744T18446744T18446744T\n" +
			"  -> [2001:db8::4]:80            18446744T18446744T18446744T18446744T18446744T\n"},
		{rateColumns, false, 1 << 63, "" +
			"TCP  192.168.1.1:80               9223372T 9223372T 9223372T 9223372T 9223372T\n" +
			"  -> [2001:db8::4]:80             9223372036854775808 9223372036854775808 9223372036854775808 9223372T 9223372T\n"},
	} {
		counters := ipvs.Counters{
			Connections:     test.counter,
			IncomingPackets: test.counter,
			OutgoingPackets: test.counter,
			IncomingBytes:   test.counter,
			OutgoingBytes:   test.counter,
		}
		s := service(ipvs.TCP, "192.168.1.1:80", "rr", 0)
		d := destination("[2001:db8::4]:80", ipvs.Tunneling, 1)
		if test.columns == statsColumns {
			s.Totals, d.Totals = counters, counters
		} else {
			s.Rates, d.Rates = counters, counters
		}
		options := inColumns[test.columns]
		options.Exact = test.exact
		got := ofOneService(t, options, ipvs.Entry{ListedService: s, Destinations: []ipvs.ListedDestination{d}})
		compare(t, headings[test.columns]+test.want, got)
	}
}

// TestCounterOrder wants every counter in its own column. Its lines were written by hand.
func TestCounterOrder(t *testing.T) {
	counters := ipvs.Counters{Connections: 1, IncomingPackets: 2, OutgoingPackets: 3, IncomingBytes: 4, OutgoingBytes: 5}
	s := service(ipvs.TCP, "192.168.1.1:80", "rr", 0)
	s.Totals, s.Rates = counters, counters
	d := destination("10.0.0.1:80", ipvs.Masquerading, 1)
	d.Totals, d.Rates = counters, counters
	for _, columns := range []columns{statsColumns, rateColumns} {
		got := ofOneService(t, inColumns[columns], ipvs.Entry{ListedService: s, Destinations: []ipvs.ListedDestination{d}})
		compare(t, headings[columns]+
			"TCP  192.168.1.1:80                      1        2        3        4        5\n"+
			"  -> 10.0.0.1:80                         1        2        3        4        5\n", got)
	}
}
