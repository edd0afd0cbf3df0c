package restore

import (
	"fmt"
	"strings"
	"testing"

	"ipvsadm/ipvs"
)

// rulesOf returns rules for services of four servers each.
func rulesOf(services int) string {
	var text strings.Builder
	for i := range services {
		fmt.Fprintf(&text, "-A -t 10.1.%d.%d:80 -s wlc\n", i>>8, i&255)
		for j := range 4 {
			fmt.Fprintf(&text, "-a -t 10.1.%d.%d:80 -r 10.%d.%d.%d:8080 -m -w 1\n", i>>8, i&255, 128+j, i>>8, i&255)
		}
	}
	return text.String()
}

// BenchmarkPlan plans a table that is present, and one that is absent.
func BenchmarkPlan(b *testing.B) {
	rules := readGood(b, rulesOf(2000))
	all, err := ipvs.Gather(kernelWith(b, rulesOf(2000)).entries)
	if err != nil {
		b.Fatal(err)
	}
	for name, entries := range map[string][]ipvs.Entry{"present": all, "absent": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				plan, err := newPlan(rules, kernelState{entries: ipvs.Each(entries...)}, Options{})
				if err != nil || len(plan.Additions)+len(entries) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	text := rulesOf(2000)
	b.ReportAllocs()
	for b.Loop() {
		rules := readGood(b, text)
		if len(rules.Lines) != 10_000 {
			b.Fatal(len(rules.Lines))
		}
	}
}
