package ipvs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	for _, bad := range []string{
		" ", "TCP", "Pro FromIP", good[:len(good)-3],
		strings.Replace(good, "0A010002", "0A01000G", 1),
		strings.Replace(good, "0A010002", "0A01002", 1),
		strings.Replace(good, "0A010002", "2001.0db8:0001:0000:0000:0000:0000:0009", 1),
		strings.Replace(good, "0A010002", "2001:0db8:0001:0000:0000:0000:0000.0009", 1),
		strings.Replace(good, "0A010002", "2001:0db8:0001:0000:0000:0000:0000:000:", 1),
		strings.Replace(good, "0050", "10050", 1),
		strings.Replace(good, "0050", "-050", 1),
		strings.Replace(good, "99", "4294967296", 1),
		strings.Replace(good, "99", "-1", 1),
	} {
		got, err := readAll(strings.NewReader(connectionHeader + good + "\n" + bad + "\n" + good + "\n"))
		if err == nil || !strings.Contains(err.Error(), "line 3") || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) || len(got) != 1 {
			t.Errorf("%q: %d connections and error %v", bad, len(got), err)
		}
	}
	failure := errors.New("disk on fire")
	if _, err := readAll(io.MultiReader(strings.NewReader(connectionHeader), iotest.ErrReader(failure))); !errors.Is(err, failure) {
		t.Errorf("a failed read: %v", err)
	}
}

// TestHexDigits compares all bytes in all places with what strconv says of them.
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
	f.Fuzz(func(t *testing.T, table string) { readAll(strings.NewReader(table)) })
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

func TestLoadModule(t *testing.T) {
	if err := loadModule(t.Context(), "/no/such/program"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
}
