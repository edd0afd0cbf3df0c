package command

import (
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	rules := [][]string{
		strings.Fields("-A -t 10.1.0.1:80 -s wlc"),
		strings.Fields("-a -t 10.1.0.1:80 -r 10.128.0.1:8080 -m -w 1"),
		strings.Fields("-a -t [2001:db8::1]:80 -r [2001:db8::2]:8080 -i -w 1"),
	}
	for b.Loop() {
		for _, words := range rules {
			if _, err := Parse("ipvsadm", words, Lookup{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
