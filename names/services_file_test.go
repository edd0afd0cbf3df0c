package names

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// servicesText has a line for each rule of the C library. The original's `-A -t 1.1.1.1:NAME` and `-L` showed the rules.
const servicesText = `# comment
http		80/tcp		www
domain 53/udp
discard 9/sctp
svca 7001/tcp al1 al2
svcb 7001/tcp
svcc 7001/udp
noprotocol 7002
truncated 70003/tcp
spaces 7004 / tcp
upper 7005/TCP
al1 7006/tcp
comment 7007/tcp#other
 leading 7008/tcp
hex 0x1b61/tcp
octal 020/tcp
nine 09/tcp
negative -1/tcp
underscore 7_0/tcp
huge 99999999999/tcp
garbage
other 7010/dccp
last 7011/tcp`

func TestServicePort(t *testing.T) {
	r := NewResolver()
	r.ServicesFile = write(t, servicesText)
	for key, want := range map[nameAndProtocol]uint16{
		{"http", "tcp"}:      80,
		{"www", "tcp"}:       80,
		{"domain", "udp"}:    53,
		{"discard", "sctp"}:  9,
		{"svcb", "tcp"}:      7001,
		{"svcc", "udp"}:      7001,
		{"al1", "tcp"}:       7001,
		{"al2", "tcp"}:       7001,
		{"truncated", "tcp"}: 4467,
		{"comment", "tcp"}:   7007,
		{"leading", "tcp"}:   7008,
		{"hex", "tcp"}:       7009,
		{"octal", "tcp"}:     16,
		{"last", "tcp"}:      7011,
	} {
		if got, ok := r.ServicePort(key.name, key.protocol); !ok || got != want {
			t.Errorf("%v: got %d %v, want %d", key, got, ok, want)
		}
	}
	for _, key := range []nameAndProtocol{
		{"http", "udp"}, {"HTTP", "tcp"}, {"http", ""}, {"svcc", "tcp"}, {"noprotocol", "tcp"}, {"spaces", "tcp"},
		{"upper", "tcp"}, {"upper", "TCP"}, {"nine", "tcp"}, {"negative", "tcp"}, {"underscore", "tcp"}, {"huge", "tcp"},
		{"garbage", "tcp"}, {"other", "dccp"}, {"", "tcp"}, {"80", "tcp"},
	} {
		if got, ok := r.ServicePort(key.name, key.protocol); ok {
			t.Errorf("%v: got %d", key, got)
		}
	}
}

func TestServiceName(t *testing.T) {
	r := NewResolver()
	r.ServicesFile = write(t, servicesText+"\n\x1b[2J 8000/tcp\n\u00e9 8001/tcp\n443 8002/tcp\n+1 8003/tcp\n3com 8004/tcp\n-C 8005/tcp\n")
	for key, want := range map[portAndProtocol]string{
		{80, "tcp"}:   "http",
		{80, "udp"}:   "",
		{80, ""}:      "",
		{7001, "tcp"}: "svca",
		{7001, "udp"}: "svcc",
		{7006, "tcp"}: "al1",
		{7009, "tcp"}: "hex",
		{4467, "tcp"}: "truncated",
		{8000, "tcp"}: "",
		{8001, "tcp"}: "",
		{8002, "tcp"}: "", // or a saved 8002 would be restored as 443
		{8003, "tcp"}: "",
		{8004, "tcp"}: "3com",
		{8005, "tcp"}: "",
		{0, "tcp"}:    "",
	} {
		if got, _ := r.ServiceName(key.port, key.protocol); got != want {
			t.Errorf("%v: got %q, want %q", key, got, want)
		}
	}
}

func TestNoServicesFile(t *testing.T) {
	r := NewResolver()
	r.ServicesFile = filepath.Join(t.TempDir(), "none")
	if name, ok := r.ServiceName(80, "tcp"); ok {
		t.Errorf("got %q", name)
	}
}

func TestMillionServices(t *testing.T) {
	var b strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&b, "service%d %d/tcp\n", i, i%65536)
	}
	r := NewResolver()
	r.ServicesFile = write(t, b.String())
	if port, _ := r.ServicePort("service999999", "tcp"); port != 999999%65536 {
		t.Errorf("got %d", port)
	}
	if name, _ := r.ServiceName(80, "tcp"); name != "service80" {
		t.Errorf("got %q", name)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func FuzzServices(f *testing.F) {
	f.Add(servicesText)
	f.Fuzz(func(t *testing.T, text string) {
		s := parseServices(text)
		for key, name := range s.nameOf {
			if !validService(name) {
				t.Errorf("%v has name %q", key, name)
			}
			if _, ok := s.portOf[nameAndProtocol{name, key.protocol}]; !ok {
				t.Errorf("%q of %v has no port", name, key)
			}
		}
	})
}
