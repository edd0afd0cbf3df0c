package ipvs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const connectionHeader = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"

func readAll(r io.Reader) (all []Connection, err error) {
	for connection, err := range ReadConnections(r) {
		if err != nil {
			return all, err
		}
		all = append(all, connection)
	}
	return all, nil
}

func TestReadConnections(t *testing.T) {
	long := strings.Repeat("é \x00\xff%", 51)[:255]
	endless := strings.Repeat("x y", 70_000)
	table := connectionHeader +
		"TCP 0A010002 DC56 0A010001 0050 FFFFFFFF FFFF ESTABLISHED     899\n" +
		"UDP 0A010002 B82B 0A010001 0050 2001:0db8:0001:0000:0000:0000:0000:0009 0050 UDP             299\n" +
		"TCP 2001:0db8:0001:0000:0000:0000:0000:0002 A502 2001:0db8:0001:0000:0000:0000:0000:0001 0050 2001:0db8:0001:0000:0000:0000:0000:0001 0050 CLOSE             9\n" +
		"IP  0A010002 0000 00000001 0000 0A010001 0000 NONE        4294967295\n" +
		"UDP 0A010002 B82B 0A010001 13C4 0A010001 13C4 UDP              60 sip " + long + "\n" +
		"UDP 0A010002 B82B 0A010001 13C4 0A010001 13C4 UDP              60 sip  led by a space \n" +
		"UDP 0A010002 B82B 0A010001 13C4 0A010001 13C4 UDP              60 sip " + endless + "\n" +
		"TCP 0A010002 0000 0A010001 0050 0A010001 0050 NONE             99"
	client, virtual := addrPort("10.1.0.2:47147"), addrPort("10.1.0.1:5060")
	sip := func(data string) Connection {
		return Connection{"UDP", client, virtual, virtual, "UDP", time.Minute, "sip", data}
	}
	v6 := addrPort("[2001:db8:1::1]:80")
	want := []Connection{
		{Protocol: "TCP", Client: addrPort("10.1.0.2:56406"), Virtual: addrPort("10.1.0.1:80"), Destination: addrPort("255.255.255.255:65535"), State: "ESTABLISHED", Expires: 899 * time.Second},
		{Protocol: "UDP", Client: client, Virtual: addrPort("10.1.0.1:80"), Destination: addrPort("[2001:db8:1::9]:80"), State: "UDP", Expires: 299 * time.Second},
		{Protocol: "TCP", Client: addrPort("[2001:db8:1::2]:42242"), Virtual: v6, Destination: v6, State: "CLOSE", Expires: 9 * time.Second},
		{Protocol: "IP", Client: addrPort("10.1.0.2:0"), Virtual: addrPort("0.0.0.1:0"), Destination: addrPort("10.1.0.1:0"), State: "NONE", Expires: (1<<32 - 1) * time.Second},
		sip(long), sip(" led by a space "), sip(endless),
		{Protocol: "TCP", Client: addrPort("10.1.0.2:0"), Virtual: addrPort("10.1.0.1:80"), Destination: addrPort("10.1.0.1:80"), State: "NONE", Expires: 99 * time.Second},
	}
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(table), "by halves": iotest.HalfReader(strings.NewReader(table))} {
		got, err := readAll(r)
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(want, got, sameAddresses); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadConnectionsMalformed(t *testing.T) {
	const good = "TCP 0A010002 0000 0A010001 0050 0A010001 0050 NONE 99"
	for bad, field := range map[string]string{
		"":                 "protocol",
		" ":                "protocol",
		"TCP":              "client",
		"Pro FromIP":       "client",
		good[:20]:          "service",
		good[:len(good)-2]: "time",
		"\x1b[31m" + good:  "protocol",
		"é " + good[4:]:    "protocol",
		strings.Replace(good, "NONE", "\x1b[31m", 1): "state",
		strings.Replace(good, "NONE", "NO\tNE", 1):   "state",
		good + " \x7f x": "engine",
		strings.Replace(good, "0A010002", "0A01000G", 1):                                "client",
		strings.Replace(good, "0A010002", "0A01002", 1):                                 "client",
		strings.Replace(good, "0A010002", "2001.0db8:0001:0000:0000:0000:0000:0009", 1): "client",
		strings.Replace(good, "0A010002", "2001:0db8:0001:0000:0000:0000:0000.0009", 1): "client",
		strings.Replace(good, "0A010002", "2001:0db8:0001:0000:0000:0000:0000:000:", 1): "client",
		strings.Replace(good, "0050", "10050", 1):                                       "service",
		strings.Replace(good, "0050", "-050", 1):                                        "service",
		strings.Replace(good, "0A010001 0050 NONE", "0A010001 005x NONE", 1):            "server",
		strings.Replace(good, "99", "4294967296", 1):                                    "time",
		strings.Replace(good, "99", "-1", 1):                                            "time",
		strings.Replace(good, "99", "9x", 1):                                            "time",
	} {
		var errs []error
		var numbers []int
		count := 0
		for _, err := range ReadConnections(strings.NewReader(connectionHeader + good + "\n" + bad + "\n" + good + "\n" + bad + "\n" + good)) {
			var line *LineError
			if errors.As(err, &line) {
				if line.Field != field || line.Line != bad || !strings.Contains(err.Error(), fmt.Sprintf("line %d", line.Number)) {
					t.Errorf("%q: %v, want an error of the %s", bad, err, field)
				}
				numbers = append(numbers, line.Number)
			} else if err != nil {
				errs = append(errs, err)
			} else {
				count++
			}
		}
		if count != 3 || !slices.Equal(numbers, []int{3, 5}) || errs != nil {
			t.Errorf("%q: %d connections, lines %v malformed, errors %v", bad, count, numbers, errs)
		}
	}
	failure := errors.New("disk on fire")
	if _, err := readAll(io.MultiReader(strings.NewReader(connectionHeader), iotest.ErrReader(failure))); !errors.Is(err, failure) {
		t.Errorf("a failed read: %v", err)
	}
}

// TestMalformedLines expects for each line the connection that the original printed in the lab.
func TestMalformedLines(t *testing.T) {
	const template = "UDP 0B000005 03ED 0A010001 13C4 0A020001 13C4 NONE 5399 sip data"
	before := Connection{Protocol: "UDP", Client: addrPort("11.0.0.5:0"), Virtual: addrPort("10.1.0.1:0"),
		Destination: addrPort("10.2.0.1:5060"), State: "NONE", Expires: 5399 * time.Second}
	whole := Connection{Protocol: "UDP", Client: addrPort("11.0.0.9:1"), Virtual: addrPort("10.1.0.1:2"),
		Destination: addrPort("10.2.0.1:3"), State: "UDP", Expires: 5 * time.Second}
	changed := func(c Connection, change func(*Connection)) Connection {
		change(&c)
		return c
	}
	for line, want := range map[string]Connection{
		"":                          {},
		" \t":                       {},
		"Pro FromIP":                changed(before, func(c *Connection) { c.Protocol, c.Client = "Pro", addrPort("0.0.0.15:0") }),
		"b":                         changed(before, func(c *Connection) { c.Protocol = "b" }),
		"UDP 0B000009":              changed(before, func(c *Connection) { c.Client = addrPort("11.0.0.9:0") }),
		"UDP 0B000009 1 0A010001 2": changed(before, func(c *Connection) { c.Client, c.Virtual = addrPort("11.0.0.9:1"), addrPort("10.1.0.1:2") }),
		"UDP 0B000009 1 0A010001 g": changed(before, func(c *Connection) { c.Client = addrPort("11.0.0.9:1") }),
		"q w e":                     changed(before, func(c *Connection) { c.Protocol, c.Client = "q", addrPort("0.0.0.0:14") }),
		"UDP 0B000009 1 0A010001 2 0A020001 3 UDP 5 sip data":           changed(whole, func(c *Connection) { c.Engine, c.EngineData = "sip", "data" }),
		"UDP 0B000009 0001 0A010001 0002 0A020001 0003 UDP":             changed(whole, func(c *Connection) { c.Expires = 5399 * time.Second }),
		"UDP 0B000009 0001 0A010001 0002 0A020001 0003 UDP xx":          changed(whole, func(c *Connection) { c.Expires = 5399 * time.Second }),
		"UDP 0B000009 0001 0A010001 0002 0A020001 0003 UDP 5x":          changed(whole, func(c *Connection) { c.Engine = "x" }),
		" UDP 0B0009 0001 0A010001 0002 0A020001 0003 UDP 5x":           changed(whole, func(c *Connection) { c.Client, c.Engine = addrPort("0.11.0.9:1"), "x" }),
		"\x1b[3mUDP 0B000009 0001 0A010001 0002 0A020001 0003 UDP 5":    changed(whole, func(c *Connection) { c.Protocol = "?[3mUDP" }),
		"UDP 0B00000912 0001 0A010001 0002 0A020001 0003 UDP 5":         changed(whole, func(c *Connection) { c.Client = addrPort("0.0.9.18:1") }),
		"UDP ZZ 0001 0A010001 0002 0A020001 0003 UDP 5":                 changed(whole, func(c *Connection) { c.Client = addrPort("0.0.0.0:1") }),
		"UDP 0B000009 0001 0A010001 0002 0A020001 0003 UDP 99999999999": changed(whole, func(c *Connection) { c.Expires = (20262536*60 + 31) * time.Second }),
		"UDP 2001:db8::1 0001 0A010001 0002 0A020001 0003 UDP 5":        changed(whole, func(c *Connection) { c.Client = addrPort("[2001:db8::1]:1") }),
		"UDP 0B000009 12345 0A010001 0x2 0A020001 -3 UDP -7": changed(whole, func(c *Connection) {
			c.Client, c.Destination, c.Expires = addrPort("11.0.0.9:9029"), addrPort("10.2.0.1:65533"), (71582788*60+9)*time.Second
		}),
	} {
		var got Connection
		var malformed *LineError
		for c, err := range ReadConnections(strings.NewReader(template + "\n" + line + "\n")) {
			if errors.As(err, &malformed) {
				got = c
			}
		}
		if diff := cmp.Diff(want, got, sameAddresses); malformed == nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", line, malformed, diff)
		}
	}
}

// TestHexDigits compares all bytes in all places with strconv.
func TestHexDigits(t *testing.T) {
	values := newHexDigits()
	for place := range 4 {
		for char := range 256 {
			digits := []byte("09aF")
			digits[place] = byte(char)
			want, err := strconv.ParseUint(string(digits), 16, 32)
			if got := values.four(digits); got < 0 != (err != nil) || err == nil && got != int64(want) {
				t.Errorf("%q: %x, want %x, %v", digits, got, want, err)
			}
		}
	}
}

func TestReadConnectionsStops(t *testing.T) {
	for range ReadConnections(strings.NewReader(strings.Repeat("TCP 0A010002 0000 0A010001 0050 0A010001 0050 NONE 99\n", 3))) {
		break
	}
}

func FuzzReadConnections(f *testing.F) {
	f.Add("TCP 0A010002 0000 0A010001 0050 0A010001 0050 NONE 99 sip x\n")
	f.Add("TCP 0A010002 0000 0A010001 0050 0A010001 0050 NONE 99 sip x\ny\n\n 1 -2 0x3 : 4\n")
	f.Fuzz(func(t *testing.T, table string) {
		for c, err := range ReadConnections(strings.NewReader(table)) {
			if malformed := new(*LineError); err != nil && !errors.As(err, malformed) {
				t.Errorf("the listing ends: %v", err)
			}
			for _, word := range []string{c.Protocol, c.State, c.Engine} {
				if strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' }) {
					t.Errorf("%q is not printable", word)
				}
			}
		}
	})
}

func BenchmarkReadConnections(b *testing.B) {
	const lines = 1000
	table := strings.Repeat("TCP 0A010002 DC56 0A010001 0050 0A010001 0050 ESTABLISHED     899\n", lines)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range ReadConnections(strings.NewReader(table)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
}

// TestFilesOfKernel reads the kernel's files, which only a kernel with IPVS has. What they hold is tested in the lab.
func TestFilesOfKernel(t *testing.T) {
	like := func(file string, got error) {
		t.Helper()
		_, want := os.ReadFile(file)
		if (want == nil) != (got == nil) || errors.Is(want, fs.ErrNotExist) != errors.Is(got, fs.ErrNotExist) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	var last error
	for _, err := range Connections() {
		if last != nil {
			t.Errorf("after %v came %v", last, err)
		}
		last = err
	}
	like(connectionTable, last)
	_, err := Totals()
	like(totalsFile, err)
}
