package restore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ipvsadm/names"
)

func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "-A -t 10.1.%d.%d:80 -s wlc\n", i>>8, i&255)
		for j := range 4 {
			fmt.Fprintf(&text, "-a -t 10.1.%d.%d:80 -r 10.%d.%d.%d:8080 -m -w 1\n", i>>8, i&255, 128+j, i>>8, i&255)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		lines, err := Read(context.Background(), strings.NewReader(text.String()), "rules", names.NewResolver())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/line")
	}
}
