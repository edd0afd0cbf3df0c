//go:build linux

package main

import "fmt"

// formats measures JSON and aligned columns beside the classic format, in time and memory.
func (b *bench) formats() {
	b.printf("\n| format | milliseconds | must be | met | MiB | must be | met |\n|---|---:|---|---|---:|---|---|\n")
	row := func(job string, took, classic, factor, size, bound float64) {
		b.printf("| %s | %.1f | at most %.1f: %.1f x classic | %s | %.1f | at most %.1f | %s |\n", job,
			took, factor*classic, factor, b.met("time of "+job, took <= factor*classic),
			size, bound, b.met("memory of "+job, size <= bound))
	}
	time := func(words ...string) float64 { return b.time(nil, null, append([]string{ours}, words...)...) }
	memory := func(words ...string) float64 { return resident(null, append([]string{ours}, words...)...) }

	b.fillTable(b.services)
	classic := time("-Ln")
	b.printf("| `-Ln` | %.1f | | | %.1f | | |\n", classic, memory("-Ln"))
	row("`-Ln --format json`", time("-Ln", "--format", "json"), classic, 1.6, memory("-Ln", "--format", "json"), 12)
	row("`-Ln --format table`", time("-Ln", "--format", "table"), classic, 2.5, memory("-Ln", "--format", "table"), 20)

	// A listing of twice as many connections needs no more memory.
	b.fill(b.connections)
	classic = time("-Lnc")
	b.printf("| `-Lnc` of %d connections | %.1f | | | %.1f | | |\n", b.filled, classic, memory("-Lnc"))
	names := []string{"json", "table"}
	factors := map[string]float64{"json": 1.8, "table": 2.5}
	took, few := make(map[string]float64), make(map[string]float64)
	for _, format := range names {
		took[format] = time("-Lnc", "--format", format)
		few[format] = memory("-Lnc", "--format", format)
	}
	b.fill(2 * b.connections)
	for _, format := range names {
		row(fmt.Sprintf("`-Lnc --format %s`", format), took[format], classic, factors[format],
			memory("-Lnc", "--format", format), few[format]+noise)
	}
	b.printf("\nThe memory of the last two is that of %d connections; it must be that of %d.\n", b.filled, b.connections)
}
