package names

import (
	"strings"
	"testing"
)

func TestValidHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Repeat(label+".", 3) + strings.Repeat("a", 61)
	for _, name := range []string{"a", "web-1.example.com", "under_score", "_dmarc.example.com", "1and1.com", "xn--bcher-kva", label, longest} {
		if !ValidHost(name) {
			t.Errorf("%q is valid", name)
		}
	}
	for _, name := range []string{
		"", ".", "a..b", ".a", "-w", "--weight", "a b", "a\x1b[2J", "b\u00fccher", "a/b", "a:80", "[a]", "a\n", "a$b", "\xff",
		label + "a", longest + "a", "10.0.0.1", "12345", "1.2.0x7f", "example.0x",
	} {
		if ValidHost(name) {
			t.Errorf("%q is not valid", name)
		}
	}
}
